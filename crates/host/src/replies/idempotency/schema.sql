CREATE TABLE idempotency (
    tenant_id   TEXT NOT NULL,
    id          TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('started', 'finished', 'withheld', 'unknown')),
    caller      TEXT NOT NULL,
    method      TEXT NOT NULL,
    route       TEXT NOT NULL,
    key         TEXT NOT NULL,
    instance    TEXT,
    lease_until INTEGER,
    status      INTEGER,
    answer      BLOB,
    reason      TEXT,
    request     TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_by_age ON idempotency (tenant_id, created_at);
CREATE INDEX idempotency_by_expiry ON idempotency (expires_at);
