ALTER TABLE prediction DROP COLUMN members;
