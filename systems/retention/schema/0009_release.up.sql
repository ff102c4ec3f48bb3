-- The mark of whoever had the master key when the model was registered, over everything that decides
-- what it answers. Null for one that came in before there were marks: it is registered again before it answers.
ALTER TABLE model ADD COLUMN signature TEXT;
