ALTER TABLE model DROP COLUMN signature;
