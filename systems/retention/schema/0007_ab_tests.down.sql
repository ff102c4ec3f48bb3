DROP INDEX prediction_by_test;
ALTER TABLE prediction DROP COLUMN variant;
ALTER TABLE prediction DROP COLUMN test_id;
DROP TABLE ab_look;
DROP TABLE ab_test;
