CREATE TABLE facility (
    tenant_id  TEXT NOT NULL,
    id         INTEGER NOT NULL,
    code       TEXT NOT NULL CHECK (length(code) BETWEEN 1 AND 64),
    name       TEXT NOT NULL,
    level      TEXT CHECK (level IN ('primary', 'secondary', 'tertiary')),
    place      TEXT CHECK (place IN ('rural', 'urban')),
    state      TEXT,
    version    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER,
    PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX facility_by_code ON facility (tenant_id, code);

CREATE TABLE patient (
    tenant_id   TEXT NOT NULL,
    id          INTEGER NOT NULL,
    uuid        TEXT NOT NULL CHECK (length(uuid) BETWEEN 1 AND 64),
    facility    TEXT,
    pepfar_id   TEXT,
    given_name  TEXT,
    family_name TEXT,
    birthdate   TEXT CHECK (length(birthdate) = 10),
    gender      TEXT CHECK (gender IN ('F', 'M')),
    state       TEXT,
    city        TEXT,
    phone       TEXT CHECK (phone LIKE '+%'),
    version     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    deleted_at  INTEGER,
    PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
-- A deleted patient keeps the identity of the source: an export that comes again must not make a second one.
CREATE UNIQUE INDEX patient_by_uuid ON patient (tenant_id, uuid);
CREATE UNIQUE INDEX patient_by_pepfar_id ON patient (tenant_id, pepfar_id);
CREATE INDEX patient_by_facility ON patient (tenant_id, facility, id);

CREATE TABLE visit (
    tenant_id  TEXT NOT NULL,
    patient_id INTEGER NOT NULL,
    uuid       TEXT NOT NULL,
    kind       TEXT,
    -- Seconds of the facility's own clock since 1970: an export tells no zone.
    started    INTEGER NOT NULL,
    stopped    INTEGER CHECK (stopped >= started),
    location   TEXT,
    voided     INTEGER NOT NULL,
    -- Written here and not taken from an export: the next export leaves it alone.
    local      INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, patient_id, uuid),
    FOREIGN KEY (tenant_id, patient_id) REFERENCES patient (tenant_id, id)
) STRICT, WITHOUT ROWID;

-- A form with its answers: an answer has no life of its own, and cannot point to a form that is not there.
CREATE TABLE encounter (
    tenant_id    TEXT NOT NULL,
    patient_id   INTEGER NOT NULL,
    uuid         TEXT NOT NULL,
    visit        TEXT,
    at           INTEGER NOT NULL,
    kind         TEXT,
    form         TEXT,
    form_id      TEXT,
    voided       INTEGER NOT NULL,
    local        INTEGER NOT NULL,
    observations TEXT NOT NULL,
    PRIMARY KEY (tenant_id, patient_id, uuid),
    FOREIGN KEY (tenant_id, patient_id) REFERENCES patient (tenant_id, id)
) STRICT, WITHOUT ROWID;

-- What the features look at, packed: derived from the rows above, in the same transaction.
CREATE TABLE chart (
    tenant_id  TEXT NOT NULL,
    patient_id INTEGER NOT NULL,
    -- Digest of the record as it was exported: the same one again changes nothing.
    digest     TEXT,
    -- When the source last changed it, in seconds; an older one does not replace a newer one.
    touched    INTEGER,
    history    BLOB NOT NULL,
    -- Days since 1970 of the last pick-up and of the day it lasts to.
    last_pickup INTEGER,
    due        INTEGER,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, patient_id),
    FOREIGN KEY (tenant_id, patient_id) REFERENCES patient (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX chart_by_due ON chart (tenant_id, due, patient_id);

CREATE TABLE ingest (
    tenant_id   TEXT NOT NULL,
    id          INTEGER NOT NULL,
    name        TEXT NOT NULL,
    format      TEXT NOT NULL CHECK (format IN ('json', 'ndjson', 'xml', 'csv')),
    -- How its dates are read, and the country of its phone numbers.
    reading     TEXT NOT NULL,
    -- Where the bytes are: parts below, or a name in the inbox.
    inbox       TEXT,
    bytes       INTEGER NOT NULL,
    sha256      TEXT NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'failed')),
    -- Records of the file that are settled: where the next attempt goes on.
    settled     INTEGER NOT NULL,
    added       INTEGER NOT NULL,
    changed     INTEGER NOT NULL,
    unchanged   INTEGER NOT NULL,
    older       INTEGER NOT NULL,
    rejected    INTEGER NOT NULL,
    why         TEXT,
    job         TEXT,
    version     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    finished_at INTEGER,
    PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX ingest_by_digest ON ingest (tenant_id, sha256);

CREATE TABLE ingest_part (
    tenant_id TEXT NOT NULL,
    ingest_id INTEGER NOT NULL,
    number    INTEGER NOT NULL,
    -- Sealed with the master key.
    sealed    BLOB NOT NULL,
    PRIMARY KEY (tenant_id, ingest_id, number),
    FOREIGN KEY (tenant_id, ingest_id) REFERENCES ingest (tenant_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE reject (
    tenant_id  TEXT NOT NULL,
    id         INTEGER NOT NULL,
    ingest_id  INTEGER NOT NULL,
    record     INTEGER NOT NULL,
    line       INTEGER NOT NULL,
    -- Reason, place and the shape of each value that is wrong; never a value.
    faults     TEXT NOT NULL,
    -- The record's own text, sealed; empty where there was none to keep.
    original   BLOB NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('open', 'replayed', 'discarded')),
    created_at INTEGER NOT NULL,
    settled_at INTEGER,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, ingest_id) REFERENCES ingest (tenant_id, id)
) STRICT, WITHOUT ROWID;
-- An attempt that comes again meets what the one before it left.
CREATE UNIQUE INDEX reject_by_record ON reject (tenant_id, ingest_id, record);

CREATE TABLE model (
    tenant_id   TEXT NOT NULL,
    id          INTEGER NOT NULL,
    name        TEXT NOT NULL,
    algorithm   TEXT NOT NULL,
    feature_set TEXT NOT NULL,
    sha256      TEXT NOT NULL,
    artifact    TEXT NOT NULL,
    -- JSON: the bounds of the levels, how scores become probabilities, where it comes from, how good it is.
    thresholds  TEXT NOT NULL,
    calibration TEXT,
    origin      TEXT NOT NULL,
    figures     TEXT NOT NULL,
    note        TEXT,
    retired_at  INTEGER,
    created_by  TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX model_by_digest ON model (tenant_id, sha256, feature_set);

-- Which model answers: the newest row. A way back is one more row.
CREATE TABLE activation (
    tenant_id TEXT NOT NULL,
    id        INTEGER NOT NULL,
    model_id  INTEGER NOT NULL,
    -- Why: `activate`, `rollback`, `challenge`.
    cause     TEXT NOT NULL,
    by_whom   TEXT NOT NULL,
    at        INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, model_id) REFERENCES model (tenant_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE prediction (
    tenant_id  TEXT NOT NULL,
    id         INTEGER NOT NULL,
    patient_id INTEGER NOT NULL,
    model_id   INTEGER NOT NULL,
    -- Day since 1970 as of which the features are.
    as_of      INTEGER NOT NULL,
    -- Null where the model abstained; then `withheld` says why.
    score      REAL CHECK (score BETWEEN 0 AND 1),
    margin     REAL,
    level      TEXT CHECK (level IN ('low', 'medium', 'high', 'critical')),
    withheld   TEXT,
    -- The values in the order of the feature set, each as eight bytes (IEEE 754, little-endian), NaN where missing.
    features   BLOB NOT NULL,
    -- JSON: names of values that the caller gave instead of the record's.
    overrides  TEXT,
    -- Identity of the job that scored everybody; null for a single one.
    run        TEXT,
    created_at INTEGER NOT NULL,
    deleted_at INTEGER,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, patient_id) REFERENCES patient (tenant_id, id),
    FOREIGN KEY (tenant_id, model_id) REFERENCES model (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX prediction_by_patient ON prediction (tenant_id, patient_id, id);
CREATE INDEX prediction_by_time ON prediction (tenant_id, created_at, id);

-- Where everybody stands now: their latest prediction from the record alone.
CREATE TABLE risk (
    tenant_id     TEXT NOT NULL,
    patient_id    INTEGER NOT NULL,
    prediction_id INTEGER NOT NULL,
    score         REAL,
    level         TEXT,
    facility      TEXT,
    due           INTEGER,
    as_of         INTEGER NOT NULL,
    -- The job that put them there: where its next attempt goes on.
    run           TEXT,
    PRIMARY KEY (tenant_id, patient_id),
    FOREIGN KEY (tenant_id, patient_id) REFERENCES patient (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX risk_by_score ON risk (tenant_id, score, patient_id);
CREATE INDEX risk_by_facility ON risk (tenant_id, facility, score, patient_id);
