-- What the newest look at a model came to, in a few figures: what operators see of all tenants together.
CREATE TABLE model_standing (
    tenant_id TEXT NOT NULL,
    model_id  INTEGER NOT NULL,
    at        INTEGER NOT NULL,
    -- JSON: sums over many people.
    standing  TEXT NOT NULL,
    PRIMARY KEY (tenant_id, model_id),
    FOREIGN KEY (tenant_id, model_id) REFERENCES model (tenant_id, id)
) STRICT, WITHOUT ROWID;
