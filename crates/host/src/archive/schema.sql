CREATE TABLE backup (
    id          TEXT NOT NULL PRIMARY KEY,
    name        TEXT NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('running', 'whole', 'failed', 'pruned')),
    sentinel    TEXT NOT NULL,
    started_at  INTEGER NOT NULL,
    finished_at INTEGER,
    bytes       INTEGER,
    rows        INTEGER,
    digest      TEXT,
    place       TEXT NOT NULL,
    code        TEXT,
    reason      TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX backup_by_time ON backup (started_at);

CREATE TABLE drill (
    id          TEXT NOT NULL PRIMARY KEY,
    backup_id   TEXT,
    started_at  INTEGER NOT NULL,
    good        INTEGER NOT NULL,
    rpo_seconds INTEGER,
    rto_millis  INTEGER,
    rows        INTEGER,
    findings    TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX drill_by_time ON drill (started_at);
