CREATE TABLE release (
    service    TEXT NOT NULL PRIMARY KEY,
    candidate  TEXT NOT NULL,
    configured INTEGER NOT NULL,
    phase      TEXT NOT NULL CHECK (phase IN ('waiting', 'running', 'returned', 'promoted')),
    weight     INTEGER NOT NULL,
    why        TEXT,
    at         INTEGER NOT NULL
) STRICT;
