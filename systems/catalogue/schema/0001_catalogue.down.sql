DROP TABLE song;
DROP TABLE artist;
