CREATE TABLE artist (
    tenant_id  TEXT NOT NULL,
    id         INTEGER NOT NULL,
    name       TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 64),
    version    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER,
    PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX artist_by_name ON artist (tenant_id, lower(name), id);

CREATE TABLE song (
    tenant_id    TEXT NOT NULL,
    id           INTEGER NOT NULL,
    title        TEXT NOT NULL CHECK (length(title) BETWEEN 1 AND 64),
    artist_id    INTEGER,
    release_date TEXT CHECK (length(release_date) = 10),
    url          TEXT CHECK (length(url) <= 1024),
    distance     REAL,
    version      INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    deleted_at   INTEGER,
    PRIMARY KEY (tenant_id, id),
    -- Rows are only ever marked as deleted, so the reference always holds; the route decides what a delete means.
    FOREIGN KEY (tenant_id, artist_id) REFERENCES artist (tenant_id, id) ON DELETE RESTRICT
) STRICT, WITHOUT ROWID;
CREATE INDEX song_by_title ON song (tenant_id, lower(title), id);
CREATE INDEX song_by_artist ON song (tenant_id, artist_id, id);
CREATE INDEX song_by_release_date ON song (tenant_id, release_date, id);
CREATE INDEX song_by_distance ON song (tenant_id, distance, id);
