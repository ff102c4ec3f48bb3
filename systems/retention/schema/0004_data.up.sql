-- Whose record was refused, as a mark that says so to nobody without the key: an erasure finds it.
-- Text is kept only with a mark.
ALTER TABLE reject ADD COLUMN person TEXT;
CREATE INDEX reject_by_person ON reject (tenant_id, person);
CREATE INDEX reject_by_state ON reject (tenant_id, state, created_at);
-- 1 where the bytes are a ZIP archive with files of the format.
ALTER TABLE ingest ADD COLUMN packed INTEGER NOT NULL DEFAULT 0;
-- What somebody here ruled about a row of the source: 1 it is taken back, 0 it is not after all. It outlives exports.
ALTER TABLE visit ADD COLUMN ruled INTEGER;
ALTER TABLE encounter ADD COLUMN ruled INTEGER;
CREATE INDEX patient_by_birthdate ON patient (tenant_id, birthdate);
