DROP INDEX reject_by_state;
DROP INDEX reject_by_person;
ALTER TABLE reject DROP COLUMN person;
ALTER TABLE ingest DROP COLUMN packed;
DROP INDEX patient_by_birthdate;
ALTER TABLE encounter DROP COLUMN ruled;
ALTER TABLE visit DROP COLUMN ruled;
