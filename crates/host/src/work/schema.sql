CREATE TABLE job (
    tenant_id     TEXT NOT NULL,
    id            TEXT NOT NULL,
    kind          TEXT NOT NULL,
    state         TEXT NOT NULL CHECK (state IN ('waiting', 'ready', 'running', 'done', 'dead', 'cancelled')),
    priority      INTEGER NOT NULL,
    run_at        INTEGER NOT NULL,
    attempt       INTEGER NOT NULL,
    most_attempts INTEGER NOT NULL,
    unique_key    TEXT,
    payload       TEXT NOT NULL,
    actor         TEXT NOT NULL,
    request       TEXT,
    traceparent   TEXT,
    worker        TEXT,
    lease_until   INTEGER,
    cancel_at     INTEGER,
    done_units    INTEGER,
    total_units   INTEGER,
    progress      TEXT,
    result        TEXT,
    created_at    INTEGER NOT NULL,
    started_at    INTEGER,
    finished_at   INTEGER,
    expires_at    INTEGER,
    PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX job_ready ON job (kind, tenant_id, priority, run_at, id) WHERE state = 'ready';
CREATE INDEX job_waiting ON job (run_at, kind) WHERE state = 'waiting';
CREATE INDEX job_running ON job (lease_until, kind, tenant_id) WHERE state = 'running';
CREATE INDEX job_dead ON job (finished_at, kind) WHERE state = 'dead';
CREATE INDEX job_expiry ON job (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX job_by_state ON job (tenant_id, state, created_at);
CREATE UNIQUE INDEX job_unique ON job (tenant_id, kind, unique_key)
    WHERE unique_key IS NOT NULL AND state IN ('waiting', 'ready', 'running');

CREATE TABLE job_failure (
    tenant_id  TEXT NOT NULL,
    job_id     TEXT NOT NULL,
    seq        INTEGER NOT NULL,
    attempt    INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    code       TEXT NOT NULL,
    sentence   TEXT NOT NULL,
    cause      TEXT,
    worker     TEXT NOT NULL,
    PRIMARY KEY (tenant_id, job_id, seq)
) STRICT, WITHOUT ROWID;
