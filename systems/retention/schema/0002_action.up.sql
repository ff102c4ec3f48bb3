CREATE TABLE intervention (
    tenant_id         TEXT NOT NULL,
    id                INTEGER NOT NULL,
    patient_id        INTEGER NOT NULL,
    intervention_type TEXT NOT NULL CHECK (intervention_type IN
        ('follow_up', 'counseling', 'referral', 'adherence_support', 'clinical_review', 'pharmacy_support')),
    priority          TEXT NOT NULL CHECK (priority IN ('low', 'medium', 'high', 'urgent')),
    title             TEXT NOT NULL,
    description       TEXT,
    assigned_to       TEXT,
    due_date          TEXT CHECK (length(due_date) = 10),
    notes             TEXT,
    status            TEXT NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'in_progress', 'completed', 'cancelled')),
    outcome           TEXT CHECK (outcome IN
        ('returned', 'promised', 'not_found', 'moved', 'transferred', 'refused', 'died', 'other')),
    completed_on      TEXT CHECK (length(completed_on) = 10),
    -- The template that made it, if one did.
    template_id       INTEGER,
    version           INTEGER NOT NULL,
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL,
    deleted_at        INTEGER,
    PRIMARY KEY (tenant_id, id),
    CHECK (status <> 'completed' OR outcome IS NOT NULL),
    FOREIGN KEY (tenant_id, patient_id) REFERENCES patient (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX intervention_by_patient ON intervention (tenant_id, patient_id, id);
CREATE INDEX intervention_by_status ON intervention (tenant_id, status, due_date);

CREATE TABLE follow_up (
    tenant_id       TEXT NOT NULL,
    id              INTEGER NOT NULL,
    patient_id      INTEGER NOT NULL,
    intervention_id INTEGER,
    follow_up_type  TEXT NOT NULL CHECK (follow_up_type IN
        ('phone_call', 'clinic_visit', 'home_visit', 'reminder', 'counseling_session', 'medication_review')),
    title           TEXT NOT NULL,
    description     TEXT,
    scheduled_date  TEXT NOT NULL CHECK (length(scheduled_date) = 10),
    notes           TEXT,
    status          TEXT NOT NULL DEFAULT 'scheduled' CHECK (status IN ('scheduled', 'completed', 'missed', 'cancelled', 'rescheduled')),
    outcome         TEXT CHECK (outcome IN
        ('returned', 'promised', 'not_found', 'moved', 'transferred', 'refused', 'died', 'other')),
    completed_on    TEXT CHECK (length(completed_on) = 10),
    -- The one in whose place it stands, where that was put off.
    instead_of      INTEGER,
    template_id     INTEGER,
    version         INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    deleted_at      INTEGER,
    PRIMARY KEY (tenant_id, id),
    CHECK (status <> 'completed' OR outcome IS NOT NULL),
    FOREIGN KEY (tenant_id, patient_id) REFERENCES patient (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX follow_up_by_patient ON follow_up (tenant_id, patient_id, id);
CREATE INDEX follow_up_by_date ON follow_up (tenant_id, status, scheduled_date, id);

CREATE TABLE communication (
    tenant_id          TEXT NOT NULL,
    id                 INTEGER NOT NULL,
    patient_id         INTEGER NOT NULL,
    intervention_id    INTEGER,
    communication_type TEXT NOT NULL CHECK (communication_type IN ('sms', 'email', 'in_app_message', 'phone_call', 'notification')),
    channel            TEXT NOT NULL CHECK (channel IN ('patient', 'care_team', 'provider', 'system', 'family')),
    subject            TEXT,
    message            TEXT NOT NULL,
    recipient          TEXT,
    status             TEXT NOT NULL DEFAULT 'sent' CHECK (status IN ('sent', 'delivered', 'read', 'failed')),
    failed_reason      TEXT,
    delivered_on       TEXT CHECK (length(delivered_on) = 10),
    read_on            TEXT CHECK (length(read_on) = 10),
    version            INTEGER NOT NULL,
    created_at         INTEGER NOT NULL,
    updated_at         INTEGER NOT NULL,
    deleted_at         INTEGER,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, patient_id) REFERENCES patient (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX communication_by_patient ON communication (tenant_id, patient_id, id);

CREATE TABLE alert (
    tenant_id          TEXT NOT NULL,
    id                 INTEGER NOT NULL,
    patient_id         INTEGER NOT NULL,
    alert_type         TEXT NOT NULL CHECK (alert_type IN
        ('risk_threshold', 'missed_visit', 'adherence_drop', 'escalation', 'follow_up_due', 'clinical_alert')),
    severity           TEXT NOT NULL CHECK (severity IN ('low', 'medium', 'high', 'critical')),
    title              TEXT NOT NULL,
    message            TEXT,
    status             TEXT NOT NULL CHECK (status IN ('active', 'acknowledged', 'resolved', 'dismissed')),
    -- What it is about, where that is something of ours.
    prediction_id      INTEGER,
    follow_up_id       INTEGER,
    -- What came of it.
    intervention_id    INTEGER,
    assigned_to        TEXT,
    escalation_level   INTEGER NOT NULL CHECK (escalation_level >= 0),
    -- Null once it escalates no more.
    next_escalation_at INTEGER,
    acknowledged_by    TEXT,
    acknowledged_at    INTEGER,
    settled_by         TEXT,
    settled_at         INTEGER,
    -- Why it was dismissed.
    reason             TEXT,
    created_at         INTEGER NOT NULL,
    updated_at         INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CHECK (status <> 'dismissed' OR reason IS NOT NULL),
    CHECK ((status IN ('resolved', 'dismissed')) = (settled_at IS NOT NULL)),
    CHECK (status = 'active' OR next_escalation_at IS NULL),
    FOREIGN KEY (tenant_id, patient_id) REFERENCES patient (tenant_id, id)
) STRICT, WITHOUT ROWID;
-- One open alert of a kind for a person: whoever raises it.
CREATE UNIQUE INDEX alert_open ON alert (tenant_id, patient_id, alert_type) WHERE status IN ('active', 'acknowledged');
CREATE INDEX alert_by_patient ON alert (tenant_id, patient_id, id);
CREATE INDEX alert_by_status ON alert (tenant_id, status, id);
CREATE INDEX alert_by_escalation ON alert (tenant_id, next_escalation_at);

CREATE TABLE workflow_template (
    tenant_id   TEXT NOT NULL,
    id          INTEGER NOT NULL,
    name        TEXT NOT NULL,
    description TEXT,
    category    TEXT NOT NULL CHECK (category IN ('adherence', 'clinical', 'follow_up', 'escalation', 'prevention', 'monitoring')),
    event       TEXT NOT NULL CHECK (event IN ('prediction.created', 'alert.raised', 'alert.escalated', 'refill.overdue', 'follow_up.missed')),
    min_level   TEXT CHECK (min_level IN ('low', 'medium', 'high', 'critical')),
    alert_type  TEXT,
    facility    TEXT,
    active      TEXT NOT NULL CHECK (active IN ('yes', 'no')),
    version     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    deleted_at  INTEGER,
    PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX workflow_template_by_name ON workflow_template (tenant_id, name) WHERE deleted_at IS NULL;

CREATE TABLE workflow_step (
    tenant_id         TEXT NOT NULL,
    id                INTEGER NOT NULL,
    template_id       INTEGER NOT NULL,
    position          REAL NOT NULL,
    -- One of the two: what is made.
    intervention_type TEXT,
    follow_up_type    TEXT,
    title             TEXT NOT NULL,
    priority          TEXT CHECK (priority IN ('low', 'medium', 'high', 'urgent')),
    after_days        REAL NOT NULL CHECK (after_days BETWEEN 0 AND 365),
    version           INTEGER NOT NULL,
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL,
    deleted_at        INTEGER,
    PRIMARY KEY (tenant_id, id),
    CHECK ((intervention_type IS NULL) <> (follow_up_type IS NULL)),
    FOREIGN KEY (tenant_id, template_id) REFERENCES workflow_template (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX workflow_step_by_template ON workflow_step (tenant_id, template_id, position);

CREATE TABLE escalation_rule (
    tenant_id      TEXT NOT NULL,
    id             INTEGER NOT NULL,
    name           TEXT NOT NULL,
    description    TEXT,
    alert_type     TEXT,
    min_severity   TEXT CHECK (min_severity IN ('low', 'medium', 'high', 'critical')),
    from_level     REAL CHECK (from_level BETWEEN 0 AND 100),
    facility       TEXT,
    set_severity   TEXT CHECK (set_severity IN ('low', 'medium', 'high', 'critical')),
    assign_to      TEXT,
    next_in_hours  REAL CHECK (next_in_hours BETWEEN 0.25 AND 8760),
    priority       TEXT NOT NULL CHECK (priority IN ('low', 'medium', 'high')),
    active         TEXT NOT NULL CHECK (active IN ('yes', 'no')),
    trigger_count  REAL NOT NULL DEFAULT 0,
    last_triggered TEXT CHECK (length(last_triggered) = 10),
    version        INTEGER NOT NULL,
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,
    deleted_at     INTEGER,
    PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX escalation_rule_by_name ON escalation_rule (tenant_id, name) WHERE deleted_at IS NULL;
