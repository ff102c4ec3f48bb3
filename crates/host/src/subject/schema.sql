CREATE TABLE erasure (
    tenant_id   TEXT NOT NULL,
    mark        BLOB NOT NULL,
    id          TEXT NOT NULL,
    kind        TEXT NOT NULL,
    at          INTEGER NOT NULL,
    certificate TEXT,
    placed_at   INTEGER,
    PRIMARY KEY (tenant_id, mark)
) STRICT, WITHOUT ROWID;
CREATE INDEX erasure_by_time ON erasure (tenant_id, at);
CREATE INDEX erasure_by_place ON erasure (placed_at, at);
