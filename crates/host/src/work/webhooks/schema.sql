CREATE TABLE webhook (
    tenant_id     TEXT NOT NULL,
    id            TEXT NOT NULL,
    url           TEXT NOT NULL,
    types         TEXT NOT NULL,
    description   TEXT NOT NULL,
    public_key    INTEGER NOT NULL,
    state         TEXT NOT NULL CHECK (state IN ('enabled', 'disabled')),
    reason        TEXT CHECK (reason IN ('asked', 'gone', 'failing')),
    failures      INTEGER NOT NULL,
    failing_since INTEGER,
    told_at       INTEGER,
    paused_until  INTEGER,
    disabled_at   INTEGER,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE webhook_secret (
    tenant_id  TEXT NOT NULL,
    webhook_id TEXT NOT NULL,
    id         TEXT NOT NULL,
    scheme     TEXT NOT NULL CHECK (scheme IN ('v1', 'v1a')),
    sealed     BLOB NOT NULL,
    shown      TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    PRIMARY KEY (tenant_id, webhook_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE webhook_event (
    tenant_id  TEXT NOT NULL,
    id         TEXT NOT NULL,
    kind       TEXT NOT NULL,
    body       TEXT NOT NULL,
    webhook_id TEXT,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX webhook_event_by_time ON webhook_event (tenant_id, created_at, id);
CREATE INDEX webhook_event_age ON webhook_event (created_at);

CREATE TABLE webhook_delivery (
    tenant_id   TEXT NOT NULL,
    webhook_id  TEXT NOT NULL,
    event_id    TEXT NOT NULL,
    kind        TEXT NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'dead')),
    reason      TEXT,
    tries       INTEGER NOT NULL,
    attempts    INTEGER NOT NULL,
    next_at     INTEGER,
    job_id      TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    finished_at INTEGER,
    PRIMARY KEY (tenant_id, webhook_id, event_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX webhook_delivery_by_time ON webhook_delivery (tenant_id, webhook_id, created_at, event_id);
CREATE INDEX webhook_delivery_by_event ON webhook_delivery (tenant_id, event_id);

CREATE TABLE webhook_attempt (
    tenant_id  TEXT NOT NULL,
    webhook_id TEXT NOT NULL,
    event_id   TEXT NOT NULL,
    seq        INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    took_ms    INTEGER NOT NULL,
    outcome    TEXT NOT NULL,
    status     INTEGER,
    answer     TEXT,
    PRIMARY KEY (tenant_id, webhook_id, event_id, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX webhook_attempt_by_time ON webhook_attempt (tenant_id, webhook_id, at);
