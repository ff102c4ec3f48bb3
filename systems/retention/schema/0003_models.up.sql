-- What a model is compared with: bins of what it learnt from, sums over many people.
CREATE TABLE model_reference (
    tenant_id TEXT NOT NULL,
    model_id  INTEGER NOT NULL,
    -- JSON.
    reference TEXT NOT NULL,
    PRIMARY KEY (tenant_id, model_id),
    FOREIGN KEY (tenant_id, model_id) REFERENCES model (tenant_id, id)
) STRICT, WITHOUT ROWID;

-- Looks at a model, the newest of each day; model 0 is a look at the records alone.
CREATE TABLE watch (
    tenant_id TEXT NOT NULL,
    kind      TEXT NOT NULL CHECK (kind IN ('drift', 'performance', 'bias', 'quality', 'challenge')),
    model_id  INTEGER NOT NULL,
    -- Day since 1970.
    as_of     INTEGER NOT NULL,
    at        INTEGER NOT NULL,
    -- JSON: sums over many people.
    report    TEXT NOT NULL,
    PRIMARY KEY (tenant_id, kind, model_id, as_of)
) STRICT, WITHOUT ROWID;

-- What somebody found out about a person whose record does not say it.
CREATE TABLE outcome (
    tenant_id     TEXT NOT NULL,
    id            INTEGER NOT NULL,
    prediction_id INTEGER NOT NULL,
    patient_id    INTEGER NOT NULL,
    outcome       TEXT NOT NULL CHECK (outcome IN ('interrupted', 'stayed', 'left')),
    note          TEXT,
    created_by    TEXT NOT NULL,
    created_at    INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, prediction_id) REFERENCES prediction (tenant_id, id),
    FOREIGN KEY (tenant_id, patient_id) REFERENCES patient (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX outcome_by_prediction ON outcome (tenant_id, prediction_id);
CREATE INDEX outcome_by_patient ON outcome (tenant_id, patient_id, id);
