CREATE TABLE purge (
    tenant_id TEXT NOT NULL,
    class     TEXT NOT NULL,
    at        INTEGER NOT NULL,
    up_to     INTEGER NOT NULL,
    removed   INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, class)
) STRICT, WITHOUT ROWID;
