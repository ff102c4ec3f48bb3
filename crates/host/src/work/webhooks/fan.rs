//! From one event to a delivery for each endpoint that wants it, in the transaction of the event.

use plimsoll_core::{EventId, Result, Time, WebhookId};
use plimsoll_store::bind;
use serde_json::{Value, json};

use super::deliver::Deliver;
use crate::{
    ledger::Change,
    work::{Job, Order},
};

/// The largest body, as the standard recommends.
const LARGEST: usize = 20_000;

/// What is told: thin, so that a receiver asks with its own rights for what it may see.
#[derive(Debug, Clone)]
pub struct Message {
    /// The event; the same in every attempt and every replay.
    pub id: EventId,
    /// What happened: `artist.created`.
    pub kind: String,
    /// When.
    pub at: Time,
    /// To what: ids and names of fields, never a value of personal data.
    pub data: Value,
}

impl Message {
    /// The body as it is signed and sent.
    fn body(&self) -> String {
        let whole = |data: &Value| json!({ "type": self.kind, "timestamp": self.at, "data": data }).to_string();
        let body = whole(&self.data);
        if body.len() < LARGEST {
            return body;
        }
        whole(&json!({ "omitted": format!("{} bytes are more than a webhook carries; ask for the event {}", body.len(), self.id) }))
    }
}

/// Whether an endpoint that asked for `wanted` is told of `kind`: `artist.created`, `artist.*`, `*`.
pub(super) fn wants(wanted: &[String], kind: &str) -> bool {
    wanted.iter().any(|one| match one.strip_suffix('*') {
        Some(prefix) => kind.starts_with(prefix),
        None => one == kind,
    })
}

/// Reads a list of types as it is stored.
pub(super) fn types(stored: &str) -> Vec<String> {
    serde_json::from_str(stored).unwrap_or_default()
}

/// Makes a delivery, and its job, for every endpoint of the tenant that wants the event; how many.
/// Where endpoints want it that are disabled now, the event is kept for a replay.
///
/// # Errors
/// What the database says.
pub fn fan_out(change: &mut Change<'_, '_>, message: &Message) -> Result<usize> {
    let known: Vec<(WebhookId, String, String)> = change.rows("SELECT id, types, state FROM webhook WHERE tenant_id = :tenant", &[])?;
    let wanting: Vec<(WebhookId, bool)> = known
        .into_iter()
        .filter(|(_, wanted, _)| wants(&types(wanted), &message.kind))
        .map(|(id, _, state)| (id, state == "enabled"))
        .collect();
    if wanting.is_empty() {
        return Ok(0);
    }
    keep(change, message, None)?;
    let open: Vec<WebhookId> = wanting.into_iter().filter_map(|(id, open)| open.then_some(id)).collect();
    for webhook in &open {
        begin(change, *webhook, message.id, &message.kind)?;
    }
    Ok(open.len())
}

/// Keeps an event for its deliveries; `only` one endpoint's where it is nobody else's business.
pub(super) fn keep(change: &mut Change<'_, '_>, message: &Message, only: Option<WebhookId>) -> Result<()> {
    change.write(
        "INSERT INTO webhook_event (tenant_id, id, kind, body, webhook_id, created_at) VALUES (:tenant, :id, :kind, :body, :only, :at) \
         ON CONFLICT (tenant_id, id) DO NOTHING",
        bind! { id: message.id, kind: message.kind, body: message.body(), only: only, at: message.at },
    )?;
    Ok(())
}

/// Makes the delivery of a kept event, which may be there already, and a job for it.
pub(super) fn begin(change: &mut Change<'_, '_>, webhook: WebhookId, event: EventId, kind: &str) -> Result<()> {
    let now = change.now();
    let job = change.enqueue_as(&Deliver { webhook, event }, &Order::default())?.id;
    change.write(
        "INSERT INTO webhook_delivery (tenant_id, webhook_id, event_id, kind, state, tries, attempts, next_at, job_id, created_at) \
         VALUES (:tenant, :webhook, :event, :kind, 'pending', 0, 0, :now, :job, :now) \
         ON CONFLICT (tenant_id, webhook_id, event_id) \
         DO UPDATE SET state = 'pending', reason = NULL, tries = 0, next_at = :now, job_id = :job, finished_at = NULL",
        bind! { webhook: webhook, event: event, kind: kind, now: now, job: job },
    )?;
    Ok(())
}

/// Gives every job that waits for a later attempt at `webhook` its turn now.
pub(super) fn hurry(change: &mut Change<'_, '_>, webhook: WebhookId) -> Result<()> {
    let now = change.now();
    change.write(
        "UPDATE job SET state = 'ready', run_at = :now WHERE tenant_id = :tenant AND kind = :kind AND state = 'waiting' AND id IN \
         (SELECT job_id FROM webhook_delivery WHERE tenant_id = :tenant AND webhook_id = :webhook AND state = 'pending')",
        bind! { now: now, kind: Deliver::KIND, webhook: webhook },
    )?;
    change.wakes();
    Ok(())
}

/// Sends the event of a delivery again from the beginning of the schedule. A delivery that ended as a
/// dead letter takes its job out of there; one that still waits is hurried.
pub(super) fn again(change: &mut Change<'_, '_>, webhook: WebhookId, event: EventId, kind: &str) -> Result<()> {
    let now = change.now();
    let revived = change.write(
        "UPDATE job SET state = 'ready', attempt = 0, run_at = :now, finished_at = NULL, lease_until = NULL, worker = NULL \
         WHERE tenant_id = :tenant AND kind = :kind AND state IN ('dead', 'waiting') AND id IN \
         (SELECT job_id FROM webhook_delivery WHERE tenant_id = :tenant AND webhook_id = :webhook AND event_id = :event)",
        bind! { now: now, kind: Deliver::KIND, webhook: webhook, event: event },
    )?;
    if revived == 0 {
        return begin(change, webhook, event, kind);
    }
    change.write(
        "UPDATE webhook_delivery SET state = 'pending', reason = NULL, tries = 0, next_at = :now, finished_at = NULL \
         WHERE tenant_id = :tenant AND webhook_id = :webhook AND event_id = :event",
        bind! { now: now, webhook: webhook, event: event },
    )?;
    change.wakes();
    Ok(())
}

#[cfg(test)]
mod tests {
    use plimsoll_core::Seed;

    use super::*;

    #[test]
    fn types_are_matched_whole_or_up_to_their_star() {
        let asked = |list: &[&str], kind: &str| wants(&list.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>(), kind);
        assert!(asked(&["artist.created"], "artist.created") && asked(&["artist.*"], "artist.created") && asked(&["*"], "song.played"));
        assert!(!asked(&["artist.*"], "artistry.created") && !asked(&["artist.created"], "artist.created.twice") && !asked(&[], "a.b"));
    }

    #[test]
    fn a_body_has_the_standard_s_form_and_stays_below_its_size() {
        let (now, seed) = (Time::parse("2026-11-21T10:00:00Z").unwrap(), Seed::fixed(1));
        let mut message = Message { id: EventId::new(now, &seed), kind: "artist.created".into(), at: now, data: json!({ "id": 1 }) };
        let body: Value = serde_json::from_str(&message.body()).unwrap();
        assert_eq!(body, json!({ "type": "artist.created", "timestamp": "2026-11-21T10:00:00.000000Z", "data": { "id": 1 } }));
        message.data = json!({ "text": "é".repeat(20_000) });
        let body = message.body();
        assert!(body.len() < LARGEST && body.contains("omitted") && body.contains(&message.id.to_string()), "{body}");
    }
}
