//! From one event to a delivery for each endpoint that wants it, in the transaction of the event.

use plimsoll_core::{EventId, JobId, Principal, Result, Role, Time, WebhookId};
use plimsoll_store::{Scope, bind};
use serde_json::{Value, json};

use super::{TEST, deliver::Deliver};
use crate::{
    ledger::Change,
    work::{
        Job, Kinds, Order,
        admin::order,
        events::{Pattern, Published},
    },
};

/// The largest body, as the standard recommends.
const LARGEST: usize = 20_000;

/// What is told: thin, so that a receiver asks with its own rights for what it may see.
#[derive(Debug, Clone)]
pub(super) struct Message {
    /// The event; the same in every attempt and every replay.
    pub(super) id: EventId,
    /// What happened: `artist.created`.
    pub(super) kind: String,
    /// When.
    pub(super) at: Time,
    /// The body as it is signed and sent.
    pub(super) body: String,
}

impl Message {
    /// The body is the CloudEvent and, as Standard Webhooks names it, its time as `timestamp`.
    pub(super) fn of(event: &Published) -> Result<Message> {
        let mut whole: Value = serde_json::from_str(&event.json()?)?;
        whole["timestamp"] = json!(event.time);
        let mut body = whole.to_string();
        if body.len() >= LARGEST {
            // Never cut without a word: the receiver is told where the rest is.
            whole["data"] = json!({ "omitted": format!("{} bytes are more than a webhook carries; ask for the event", body.len()) });
            body = whole.to_string();
        }
        Ok(Message { id: event.id, kind: event.kind.clone(), at: event.time, body })
    }

    /// An event that tells one endpoint that it is being tried.
    pub(super) fn test(id: EventId, webhook: WebhookId, at: Time) -> Message {
        let body = json!({
            "specversion": "1.0", "id": id, "source": "/v1/webhooks", "type": TEST, "subject": webhook, "time": at,
            "datacontenttype": "application/json", "data": { "text": "This is a test." }, "timestamp": at,
        });
        Message { id, kind: TEST.to_owned(), at, body: body.to_string() }
    }
}

/// Whether an endpoint that asked for `wanted` is told of `kind`.
pub(super) fn wants(wanted: &[String], kind: &str) -> bool {
    wanted.iter().any(|one| Pattern::parse(one).is_ok_and(|pattern| pattern.covers(kind)))
}

/// Reads a list of types as it is stored.
pub(super) fn types(stored: &str) -> Vec<String> {
    serde_json::from_str(stored).unwrap_or_default()
}

/// Makes a delivery, and its job, for every endpoint of the tenant that wants an event; how many.
/// An endpoint is told what an administrator may read. Where endpoints want it that are disabled
/// now, the event is kept for a replay.
///
/// # Errors
/// What the database says.
pub(crate) fn fan_out(change: &mut Change<'_, '_>, events: &[Published]) -> Result<usize> {
    let Scope::Tenant(tenant) = change.scope() else { return Ok(0) };
    let known: Vec<(WebhookId, String, String)> = change.rows("SELECT id, types, state FROM webhook WHERE tenant_id = :tenant", &[])?;
    if known.is_empty() {
        return Ok(0);
    }
    let known: Vec<_> = known.into_iter().map(|(id, wanted, state)| (id, types(&wanted), state == "enabled")).collect();
    let administrator = Principal { role: Role::Admin, ..Principal::host(tenant) };
    let mut made = 0;
    for event in events.iter().filter(|event| event.is_for(&administrator)) {
        let mut wanting = known.iter().filter(|(_, types, _)| wants(types, &event.kind)).peekable();
        if wanting.peek().is_some() {
            keep(change, &Message::of(event)?, None)?;
        }
        for (webhook, ..) in wanting.filter(|(.., enabled)| *enabled) {
            begin(change, *webhook, event.id, &event.kind)?;
            made += 1;
        }
    }
    Ok(made)
}

/// Keeps an event for its deliveries; `only` one endpoint's where it is nobody else's business.
pub(super) fn keep(change: &mut Change<'_, '_>, message: &Message, only: Option<WebhookId>) -> Result<()> {
    change.write(
        "INSERT INTO webhook_event (tenant_id, id, kind, body, webhook_id, created_at) VALUES (:tenant, :id, :kind, :body, :only, :at) \
         ON CONFLICT (tenant_id, id) DO NOTHING",
        bind! { id: message.id, kind: message.kind, body: message.body, only: only, at: message.at },
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
pub(super) fn again(change: &mut Change<'_, '_>, kinds: &Kinds, webhook: WebhookId, event: EventId, kind: &str) -> Result<()> {
    let now = change.now();
    let job: Option<(JobId, String)> = change.maybe(
        "SELECT j.id, j.state FROM webhook_delivery d JOIN job j ON j.tenant_id = d.tenant_id AND j.id = d.job_id AND j.kind = :carries \
         WHERE d.tenant_id = :tenant AND d.webhook_id = :webhook AND d.event_id = :event AND j.state IN ('dead', 'waiting')",
        bind! { carries: Deliver::KIND, webhook: webhook, event: event },
    )?;
    match job {
        None => return begin(change, webhook, event, kind),
        Some((job, state)) if state == "dead" => {
            order::replay(change, kinds, job, None, Some("the webhook's delivery was replayed"))?;
        }
        // Attempts are counted on: a process that still holds an old one must not be taken for the new.
        Some((job, _)) => {
            change.write(
                "UPDATE job SET state = 'ready', attempts_before = attempt, most_attempts = attempt + :granted, setbacks = 0, run_at = :now \
                 WHERE tenant_id = :tenant AND id = :job AND state = 'waiting'",
                bind! { granted: i64::from(Deliver::POLICY.attempts), now: now, job: job },
            )?;
            change.wakes();
        }
    }
    change.write(
        "UPDATE webhook_delivery SET state = 'pending', reason = NULL, tries = 0, next_at = :now, finished_at = NULL \
         WHERE tenant_id = :tenant AND webhook_id = :webhook AND event_id = :event",
        bind! { now: now, webhook: webhook, event: event },
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Access, work::events::Event};

    #[test]
    fn types_are_matched_whole_or_up_to_their_star() {
        let asked = |list: &[&str], kind: &str| wants(&list.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>(), kind);
        assert!(asked(&["artist.created"], "artist.created") && asked(&["artist.*"], "artist.created") && asked(&["*"], "song.played"));
        assert!(!asked(&["artist.*"], "artistry.created") && !asked(&["artist.created"], "artist.created_twice") && !asked(&[], "a.b"));
    }

    #[test]
    fn a_body_has_the_standard_s_form_and_stays_below_its_size() {
        let now = Time::parse("2026-11-21T10:00:00Z").unwrap();
        let told = |data: Value| {
            let event = Event::new("artist.created", "/v1/artists", Access::Authenticated, data).about("1");
            Message::of(&Published::new(&event, plimsoll_core::TenantId::from_bits(1), 7, EventId::from_bits(2), now, None)).unwrap()
        };
        let body: Value = serde_json::from_str(&told(json!({ "id": 1 })).body).unwrap();
        assert_eq!(body["type"], "artist.created");
        assert_eq!(body["timestamp"], "2026-11-21T10:00:00.000000Z");
        assert_eq!((&body["data"], &body["specversion"], &body["id"]), (&json!({ "id": 1 }), &json!("1.0"), &json!(EventId::from_bits(2))));
        let large = told(json!({ "text": "é".repeat(20_000) })).body;
        assert!(large.len() < LARGEST && large.contains("omitted") && large.contains("artist.created"), "{large}");
    }
}
