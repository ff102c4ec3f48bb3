-- What each member of an ensemble said: JSON, pairs of a model's number and its probability.
ALTER TABLE prediction ADD COLUMN members TEXT;
