CREATE TABLE tenant (
    id         TEXT NOT NULL PRIMARY KEY,
    slug       TEXT NOT NULL UNIQUE,
    name       TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    closed_at  INTEGER
) STRICT;

CREATE TABLE person (
    id          TEXT NOT NULL PRIMARY KEY,
    email       TEXT NOT NULL UNIQUE,
    password    TEXT,
    active      INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    password_at INTEGER
) STRICT;

CREATE TABLE member (
    tenant_id  TEXT NOT NULL REFERENCES tenant (id),
    person_id  TEXT NOT NULL REFERENCES person (id),
    role       TEXT NOT NULL CHECK (role IN ('viewer', 'editor', 'admin', 'owner')),
    active     INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, person_id)
) STRICT;
CREATE INDEX member_by_person ON member (person_id);

CREATE TABLE session (
    tenant_id   TEXT NOT NULL REFERENCES tenant (id),
    id          TEXT NOT NULL,
    person_id   TEXT NOT NULL REFERENCES person (id),
    created_at  INTEGER NOT NULL,
    seen_at     INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    ended_at    INTEGER,
    end_reason  TEXT,
    address     TEXT,
    agent       TEXT,
    cookie_hash BLOB UNIQUE,
    PRIMARY KEY (tenant_id, id)
) STRICT;
CREATE INDEX session_by_person ON session (tenant_id, person_id, created_at);

CREATE TABLE refresh (
    tenant_id  TEXT NOT NULL,
    hash       BLOB NOT NULL PRIMARY KEY,
    session_id TEXT NOT NULL,
    issued_at  INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER,
    FOREIGN KEY (tenant_id, session_id) REFERENCES session (tenant_id, id)
) STRICT;
CREATE INDEX refresh_by_session ON refresh (tenant_id, session_id);

CREATE TABLE api_key (
    tenant_id  TEXT NOT NULL REFERENCES tenant (id),
    id         TEXT NOT NULL,
    name       TEXT NOT NULL,
    hash       BLOB NOT NULL UNIQUE,
    hint       TEXT NOT NULL,
    role       TEXT NOT NULL CHECK (role IN ('viewer', 'editor', 'admin', 'owner')),
    scopes     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER,
    used_at    INTEGER,
    PRIMARY KEY (tenant_id, id)
) STRICT;

CREATE TABLE signing_key (
    kid         TEXT NOT NULL PRIMARY KEY,
    seed        BLOB NOT NULL,
    public      BLOB NOT NULL,
    created_at  INTEGER NOT NULL,
    active_from INTEGER NOT NULL,
    retires_at  INTEGER
) STRICT;

CREATE TABLE setup (
    hash       BLOB NOT NULL PRIMARY KEY,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER
) STRICT;
