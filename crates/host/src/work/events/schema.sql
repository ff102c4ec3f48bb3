CREATE TABLE event (
    tenant_id   TEXT NOT NULL,
    seq         INTEGER NOT NULL,
    id          TEXT NOT NULL,
    type        TEXT NOT NULL,
    source      TEXT NOT NULL,
    subject     TEXT,
    at          INTEGER NOT NULL,
    data        TEXT NOT NULL,
    traceparent TEXT,
    request     TEXT,
    permission  TEXT,
    weakest     TEXT NOT NULL,
    PRIMARY KEY (tenant_id, seq)
) STRICT, WITHOUT ROWID;
