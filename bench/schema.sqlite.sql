CREATE TABLE artists (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL
);
CREATE TABLE songs (
    id           INTEGER PRIMARY KEY,
    title        TEXT NOT NULL,
    artist_id    INTEGER REFERENCES artists (id),
    release_date TEXT,
    url          TEXT,
    distance     REAL
);
CREATE INDEX songs_artist_id ON songs (artist_id);
