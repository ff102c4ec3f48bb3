-- Tests of models against each other on people who each get one of them.
CREATE TABLE ab_test (
    tenant_id   TEXT NOT NULL,
    id          INTEGER NOT NULL,
    name        TEXT NOT NULL,
    description TEXT,
    status      TEXT NOT NULL CHECK (status IN ('draft', 'running', 'completed', 'cancelled')),
    allocation  TEXT NOT NULL CHECK (allocation IN ('equal', 'gradual', 'custom')),
    -- JSON: of each variant its name, its model and its thousandths of a per cent. The first is the control.
    variants    TEXT NOT NULL,
    metric      TEXT NOT NULL CHECK (metric IN ('auc', 'brier', 'rate')),
    -- The chance of a wrong winner that is put up with, and the size of a difference that is worth finding.
    alpha       REAL NOT NULL CHECK (alpha > 0 AND alpha < 1),
    effect      REAL NOT NULL CHECK (effect > 0),
    started_at  INTEGER,
    ended_at    INTEGER,
    -- JSON: which variant won and why; null before the end.
    conclusion  TEXT,
    created_by  TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
-- Two at a time would leave nobody who got the same in one of them.
CREATE UNIQUE INDEX ab_test_running ON ab_test (tenant_id) WHERE status = 'running';

-- Looks at a test: sums over many people, and a verdict that holds for all looks together.
CREATE TABLE ab_look (
    tenant_id TEXT NOT NULL,
    test_id   INTEGER NOT NULL,
    number    INTEGER NOT NULL,
    at        INTEGER NOT NULL,
    -- JSON.
    report    TEXT NOT NULL,
    PRIMARY KEY (tenant_id, test_id, number),
    FOREIGN KEY (tenant_id, test_id) REFERENCES ab_test (tenant_id, id)
) STRICT, WITHOUT ROWID;

-- The test in which a model was asked, and the variant that the person is in.
ALTER TABLE prediction ADD COLUMN test_id INTEGER;
ALTER TABLE prediction ADD COLUMN variant TEXT;
CREATE INDEX prediction_by_test ON prediction (tenant_id, test_id, patient_id, as_of) WHERE test_id IS NOT NULL;
