-- Who reaches patients of some facilities only. Whoever has no row here reaches all.
CREATE TABLE reach (
    tenant_id  TEXT NOT NULL,
    -- A person or an API key, by id.
    member     TEXT NOT NULL,
    -- Code of a facility, as patients carry it.
    facility   TEXT NOT NULL CHECK (length(facility) BETWEEN 1 AND 64),
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, member, facility)
) STRICT, WITHOUT ROWID;
