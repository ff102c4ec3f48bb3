DROP TABLE song;
DROP TABLE artist;
-- Nothing lives any more; numbers go on, because none is given twice.
UPDATE tally SET live = 0 WHERE noun IN ('song', 'artist');
