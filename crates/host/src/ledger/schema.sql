CREATE TABLE ledger (
    tenant_id  TEXT NOT NULL,
    seq        INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    actor_kind TEXT NOT NULL,
    actor      TEXT NOT NULL,
    action     TEXT NOT NULL,
    target     TEXT NOT NULL,
    outcome    TEXT NOT NULL,
    request    TEXT,
    address    TEXT,
    detail     TEXT,
    hash       BLOB NOT NULL,
    PRIMARY KEY (tenant_id, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX ledger_by_action ON ledger (tenant_id, action, seq);
CREATE INDEX ledger_by_actor ON ledger (tenant_id, actor, seq);
