//! What is kept about actions, as resources of the host. What a state machine decides is read-only
//! there and moved by routes of its own.

use plimsoll::{
    Access, Role,
    resource::{Child, Field, Resource},
};
use serde_json::json;

use crate::nouns::PATIENTS;

/// Kinds of intervention.
pub const INTERVENTION_TYPES: &[&str] =
    &["follow_up", "counseling", "referral", "adherence_support", "clinical_review", "pharmacy_support"];
/// Kinds of follow-up.
pub const FOLLOW_UP_TYPES: &[&str] = &["phone_call", "clinic_visit", "home_visit", "reminder", "counseling_session", "medication_review"];
/// Kinds of message.
pub const COMMUNICATION_TYPES: &[&str] = &["sms", "email", "in_app_message", "phone_call", "notification"];
/// To whom a message goes.
pub const CHANNELS: &[&str] = &["patient", "care_team", "provider", "system", "family"];
/// How pressing something is.
pub const PRIORITIES: &[&str] = &["low", "medium", "high", "urgent"];
/// What can come of an intervention or a follow-up.
pub const OUTCOMES: &[&str] = &["returned", "promised", "not_found", "moved", "transferred", "refused", "died", "other"];
/// Kinds of alert.
pub const ALERT_TYPES: &[&str] = &["risk_threshold", "missed_visit", "adherence_drop", "escalation", "follow_up_due", "clinical_alert"];
/// How bad it is.
pub const LEVELS: &[&str] = &["low", "medium", "high", "critical"];
/// What a workflow can begin with.
pub const EVENTS: &[&str] = &["prediction.created", "alert.raised", "alert.escalated", "refill.overdue", "follow_up.missed"];
const YES_NO: &[&str] = &["yes", "no"];

const SEE_INTERVENTIONS: Access = Access::needs("interventions:read", Role::Viewer);
/// Who may change interventions.
pub const DO_INTERVENTIONS: Access = Access::needs("interventions:write", Role::Editor);
const SEE_FOLLOW_UPS: Access = Access::needs("follow-ups:read", Role::Viewer);
/// Who may change follow-ups.
pub const DO_FOLLOW_UPS: Access = Access::needs("follow-ups:write", Role::Editor);
const SEE_COMMUNICATIONS: Access = Access::needs("communications:read", Role::Viewer);
/// Who may write down what was said, and who may report that it arrived.
pub const DO_COMMUNICATIONS: Access = Access::needs("communications:write", Role::Editor);
/// Who may see workflows and rules, and what they would do.
pub const SEE_WORKFLOWS: Access = Access::needs("workflows:read", Role::Viewer);
/// Who may write them, and try them out.
pub const DO_WORKFLOWS: Access = Access::needs("workflows:write", Role::Admin);

/// What refers to a patient and goes, or keeps the patient from going.
pub const OF_PATIENT: &[Child] = &[
    Child { table: "communication", column: "patient_id", plural: "communications", noun: "communication", read: SEE_COMMUNICATIONS },
    Child { table: "follow_up", column: "patient_id", plural: "follow-ups", noun: "follow_up", read: SEE_FOLLOW_UPS },
    Child { table: "intervention", column: "patient_id", plural: "interventions", noun: "intervention", read: SEE_INTERVENTIONS },
];

/// What somebody is to do for a patient.
pub static INTERVENTIONS: Resource = Resource {
    noun: "intervention",
    plural: "interventions",
    title: "Intervention",
    table: "intervention",
    fields: &[
        Field::reference("patient_id", &PATIENTS, "For whom.").required().filtered(),
        Field::choice("intervention_type", INTERVENTION_TYPES, "What is to be done.").required().filtered(),
        Field::choice("priority", PRIORITIES, "How pressing it is.").required().filtered(),
        Field::text("title", 1, 200, "In a few words.").required().searched(),
        Field::text("description", 1, 4000, "In more."),
        Field::text("assigned_to", 1, 100, "Who is to do it, by id.").filtered(),
        Field::date("due_date", "By when.").sorted().filtered(),
        Field::text("notes", 1, 4000, "What was noted meanwhile."),
        Field::choice("status", &["pending", "in_progress", "completed", "cancelled"], "Where it stands.")
            .required()
            .filtered()
            .read_only(),
        Field::choice("outcome", OUTCOMES, "What came of it.").filtered().read_only(),
        Field::date("completed_on", "The day on which it was done.").sorted().filtered().read_only(),
    ],
    children: &[],
    read: SEE_INTERVENTIONS,
    write: DO_INTERVENTIONS,
    cascade: ("interventions:cascade", Role::Admin),
    example: || {
        json!({
            "patient_id": 1, "intervention_type": "adherence_support", "priority": "high", "title": "Ask what keeps her from the clinic",
            "description": null, "assigned_to": null, "due_date": "2026-12-01", "notes": null,
        })
    },
    watched: true,
};

/// When somebody is to look after a patient again.
pub static FOLLOW_UPS: Resource = Resource {
    noun: "follow_up",
    plural: "follow-ups",
    title: "FollowUp",
    table: "follow_up",
    fields: &[
        Field::reference("patient_id", &PATIENTS, "For whom.").required().filtered(),
        Field::reference("intervention_id", &INTERVENTIONS, "Within which intervention.").filtered(),
        Field::choice("follow_up_type", FOLLOW_UP_TYPES, "How.").required().filtered(),
        Field::text("title", 1, 200, "In a few words.").required().searched(),
        Field::text("description", 1, 4000, "In more."),
        Field::date("scheduled_date", "On which day.").required().sorted().filtered(),
        Field::text("notes", 1, 4000, "What was noted."),
        Field::choice("status", &["scheduled", "completed", "missed", "cancelled", "rescheduled"], "Where it stands.")
            .required()
            .filtered()
            .read_only(),
        Field::choice("outcome", OUTCOMES, "What came of it.").filtered().read_only(),
        Field::date("completed_on", "The day on which it was done.").sorted().filtered().read_only(),
    ],
    children: &[],
    read: SEE_FOLLOW_UPS,
    write: DO_FOLLOW_UPS,
    cascade: ("follow-ups:cascade", Role::Admin),
    example: || {
        json!({
            "patient_id": 1, "intervention_id": null, "follow_up_type": "phone_call", "title": "Call after the refill",
            "description": null, "scheduled_date": "2026-12-08", "notes": null,
        })
    },
    watched: true,
};

/// What was said to whom.
pub static COMMUNICATIONS: Resource = Resource {
    noun: "communication",
    plural: "communications",
    title: "Communication",
    table: "communication",
    fields: &[
        Field::reference("patient_id", &PATIENTS, "About whom.").required().filtered(),
        Field::reference("intervention_id", &INTERVENTIONS, "Within which intervention.").filtered(),
        Field::choice("communication_type", COMMUNICATION_TYPES, "By what.").required().filtered(),
        Field::choice("channel", CHANNELS, "To whom.").required().filtered(),
        Field::text("subject", 1, 200, "About what."),
        Field::text("message", 1, 4000, "What was said.").required(),
        Field::text("recipient", 1, 200, "Number or address it went to."),
        Field::choice("status", &["sent", "delivered", "read", "failed"], "How far it has come.").required().filtered().read_only(),
        Field::text("failed_reason", 1, 500, "Why it did not arrive.").read_only(),
        Field::date("delivered_on", "The day on which it arrived.").read_only(),
        Field::date("read_on", "The day on which it was opened.").read_only(),
    ],
    children: &[],
    read: SEE_COMMUNICATIONS,
    write: DO_COMMUNICATIONS,
    cascade: ("communications:cascade", Role::Admin),
    example: || {
        json!({
            "patient_id": 1, "intervention_id": null, "communication_type": "sms", "channel": "patient", "subject": null,
            "message": "Your medicine is ready.", "recipient": "+999000000017",
        })
    },
    watched: true,
};

/// What is to be done when something happens.
pub static TEMPLATES: Resource = Resource {
    noun: "workflow_template",
    plural: "workflow-templates",
    title: "WorkflowTemplate",
    table: "workflow_template",
    fields: &[
        Field::text("name", 1, 100, "Its name; no other one has it.").required().sorted().filtered().searched(),
        Field::text("description", 1, 4000, "What it is for."),
        Field::choice("category", &["adherence", "clinical", "follow_up", "escalation", "prevention", "monitoring"], "Of what kind.")
            .required()
            .filtered(),
        Field::choice("event", EVENTS, "With what it begins.").required().filtered(),
        Field::choice("min_level", LEVELS, "Only from this level of risk, or severity of the alert, on."),
        Field::choice("alert_type", ALERT_TYPES, "Only for alerts of this kind."),
        Field::text("facility", 1, 64, "Only for patients of this facility."),
        Field::choice("active", YES_NO, "Whether it does anything.").required().filtered(),
    ],
    children: &[Child {
        table: "workflow_step",
        column: "template_id",
        plural: "workflow-steps",
        noun: "workflow_step",
        read: SEE_WORKFLOWS,
    }],
    read: SEE_WORKFLOWS,
    write: DO_WORKFLOWS,
    cascade: ("workflows:cascade", Role::Admin),
    example: || {
        json!({
            "name": "Trace who is late", "description": null, "category": "adherence", "event": "alert.raised", "min_level": "high",
            "alert_type": "missed_visit", "facility": null, "active": "yes",
        })
    },
    watched: false,
};

/// What a template makes, in order.
pub static STEPS: Resource = Resource {
    noun: "workflow_step",
    plural: "workflow-steps",
    title: "WorkflowStep",
    table: "workflow_step",
    fields: &[
        Field::reference("template_id", &TEMPLATES, "Of which template.").required().filtered(),
        Field::number("position", "Its place among the steps.").required().sorted(),
        Field::choice("intervention_type", INTERVENTION_TYPES, "Makes an intervention of this kind, or"),
        Field::choice("follow_up_type", FOLLOW_UP_TYPES, "a follow-up of this one; never both."),
        Field::text("title", 1, 200, "The title of what is made.").required(),
        Field::choice("priority", PRIORITIES, "The priority of an intervention; medium unless said."),
        Field::number("after_days", "Due so many days after the event.").required(),
    ],
    children: &[],
    read: SEE_WORKFLOWS,
    write: DO_WORKFLOWS,
    cascade: ("workflows:cascade", Role::Admin),
    example: || {
        json!({
            "template_id": 1, "position": 1, "intervention_type": null, "follow_up_type": "phone_call", "title": "Call and ask",
            "priority": null, "after_days": 1,
        })
    },
    watched: false,
};

/// What becomes of alerts that nobody takes on, and of those that are grave at once.
pub static RULES: Resource = Resource {
    noun: "escalation_rule",
    plural: "escalation-rules",
    title: "EscalationRule",
    table: "escalation_rule",
    fields: &[
        Field::text("name", 1, 100, "Its name; no other one has it.").required().sorted().filtered().searched(),
        Field::text("description", 1, 4000, "What it is for."),
        Field::choice("alert_type", ALERT_TYPES, "Only for alerts of this kind."),
        Field::choice("min_severity", LEVELS, "Only from this severity on."),
        Field::number("from_level", "Only after so many escalations; 0 or nothing: from the moment on at which it is raised."),
        Field::text("facility", 1, 64, "Only for patients of this facility."),
        Field::choice("set_severity", LEVELS, "Makes it at least so severe."),
        Field::text("assign_to", 1, 100, "Gives it to this person, by id."),
        Field::number("next_in_hours", "Lets it escalate after so many hours instead of the configured time."),
        Field::choice(
            "priority",
            &["low", "medium", "high"],
            "Of several rules that say something else, the one of the highest priority counts.",
        )
        .required()
        .sorted(),
        Field::choice("active", YES_NO, "Whether it does anything.").required().filtered(),
        Field::number("trigger_count", "How often it has acted.").required().read_only(),
        Field::date("last_triggered", "The day on which it acted last.").read_only(),
    ],
    children: &[],
    read: SEE_WORKFLOWS,
    write: DO_WORKFLOWS,
    cascade: ("workflows:cascade", Role::Admin),
    example: || {
        json!({
            "name": "Nobody took it on", "description": null, "alert_type": null, "min_severity": "medium", "from_level": 2, "facility": null,
            "set_severity": "critical", "assign_to": null, "next_in_hours": 4, "priority": "high", "active": "yes",
        })
    },
    watched: false,
};
