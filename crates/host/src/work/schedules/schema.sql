CREATE TABLE job_schedule (
    tenant_id  TEXT NOT NULL,
    name       TEXT NOT NULL,
    kind       TEXT NOT NULL,
    cron       TEXT NOT NULL,
    zone       TEXT NOT NULL,
    payload    TEXT NOT NULL,
    declared   INTEGER NOT NULL,
    paused     INTEGER NOT NULL,
    next_at    INTEGER NOT NULL,
    last_at    INTEGER,
    last_job   TEXT,
    missed     INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX job_schedule_due ON job_schedule (next_at) WHERE paused = 0;
