//! What was delivered, what was not, and sending it again.

use std::collections::HashMap;

use plimsoll_core::{Code, Error, EventId, Fault, Result, Time, WebhookId};
use plimsoll_store::{Bind, Sql, Tx, Value as Bound, bind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    READ, WRITE,
    endpoints::{known, note, one},
};
use crate::{
    Committed,
    ctx::{Ctx, Read, Write},
    ledger::Change,
    resource::{Page, Paging},
    route::{Json, Path, Query, Routes},
    work::{
        Kinds,
        webhooks::{TEST, endpoint, fan},
    },
};

/// So many events are replayed with one request, so that no change waits behind a long one.
const AT_ONCE: usize = 500;
/// So many events are looked at with one request.
const LOOKED_AT: i64 = 5_000;

pub(super) fn routes(r: &mut Routes<'_, ()>) {
    r.get("/webhooks/{id}/deliveries", READ, list)
        .named("webhooks.deliveries")
        .summary("Deliveries to an endpoint with every attempt, newest first")
        .problem(Code::NotFound);
    r.post("/webhooks/{id}/replay", WRITE, replay)
        .named("webhooks.replay")
        .summary("Send events to an endpoint again: some by id, or all since a time")
        .describe(
            "A replay has the id of its event, so a receiver knows what it has seen. By time, what was delivered is left out unless \
             `which` is `all`; 500 events go with one request, and `next_since` says where to go on.",
        )
        .example(json!({ "since": "2026-11-21T10:00:00Z" }))
        .problem(Code::NotFound)
        .problem(Code::Conflict);
    r.post("/webhooks/{id}/test", WRITE, test)
        .named("webhooks.test")
        .summary("Send `webhook.test` to an endpoint, also to a disabled one")
        .problem(Code::NotFound);
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct DeliveryFilter {
    /// The page, from 1; newest deliveries first.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    page: Option<i64>,
    /// Deliveries on a page, 1 to 100; 10 unless said otherwise.
    #[schemars(range(min = 1, max = 100))]
    page_size: Option<i64>,
    /// Only those in this state.
    state: Option<State>,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
enum State {
    Pending,
    Delivered,
    Dead,
}

/// One delivery.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "WebhookDelivery")]
struct Delivery {
    /// The event: the `webhook-id` of every attempt.
    event: EventId,
    /// Its type.
    r#type: String,
    /// `pending`, `delivered`, or `dead`: given up, and kept for a replay.
    state: String,
    /// Why it was given up.
    reason: Option<String>,
    /// When the next attempt is due.
    next_attempt_at: Option<Time>,
    /// When the event was taken for delivery.
    created_at: Time,
    /// When it was delivered or given up.
    finished_at: Option<Time>,
    /// Every attempt, in order.
    attempts: Vec<Attempt>,
}

/// One attempt.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "WebhookAttempt")]
struct Attempt {
    /// When it began.
    at: Time,
    /// How long it took.
    duration_ms: i64,
    /// `delivered`, `failed`, `throttled`, `redirected`, `gone`, `late`, `refused`, `unresolved`, `unreachable`, `encryption`, `broken`.
    outcome: String,
    /// The status that was answered, if one was.
    status: Option<i64>,
    /// The first bytes of the answer, or what went wrong before there was one.
    answer: Option<String>,
}

async fn list(ctx: Ctx<(), Read>, (Path(id), Query(filter)): (Path<WebhookId>, Query<DeliveryFilter>)) -> Result<Json<Page<Delivery>>> {
    let paging = Paging { page: filter.page, page_size: filter.page_size };
    let now = ctx.now();
    ctx.read(move |tx| {
        one(tx, id, now)?;
        page(tx, id, filter.state, paging)
    })
    .await
}

fn page(tx: &Tx<'_>, id: WebhookId, state: Option<State>, paging: Paging) -> Result<Json<Page<Delivery>>> {
    let condition = match state {
        None => "",
        Some(State::Pending) => " AND state = 'pending'",
        Some(State::Delivered) => " AND state = 'delivered'",
        Some(State::Dead) => " AND state = 'dead'",
    };
    let with = |parts: [&'static str; 3]| {
        let mut sql = Sql::from(parts[0]);
        parts[1..].iter().for_each(|part| sql.push(part));
        sql
    };
    let webhook = id.to_string();
    let mut bound: Vec<(&'static str, Bound<'_>)> = vec![("id", webhook.value())];
    let head = "SELECT COUNT(*) FROM webhook_delivery WHERE tenant_id = :tenant AND webhook_id = :id";
    let total: i64 = tx.row(with([head, condition, ""]), &bound)?;
    bound.extend([("limit", Bound::Int(paging.page_size())), ("offset", Bound::Int(paging.offset()))]);
    let order = " ORDER BY created_at DESC, event_id DESC LIMIT :limit OFFSET :offset";
    let head = "SELECT event_id, kind, state, reason, next_at, created_at, finished_at FROM webhook_delivery \
                WHERE tenant_id = :tenant AND webhook_id = :id";
    type Line = (EventId, String, String, Option<String>, Option<Time>, Time, Option<Time>);
    let rows: Vec<Line> = tx.rows(with([head, condition, order]), &bound)?;
    let mut attempts: HashMap<EventId, Vec<Attempt>> = HashMap::new();
    let mut sql = with([
        "SELECT a.event_id, a.at, a.took_ms, a.outcome, a.status, a.answer FROM webhook_attempt a JOIN (SELECT event_id FROM \
         webhook_delivery WHERE tenant_id = :tenant AND webhook_id = :id",
        condition,
        order,
    ]);
    sql.push(") d ON d.event_id = a.event_id WHERE a.tenant_id = :tenant AND a.webhook_id = :id ORDER BY a.event_id, a.seq");
    for (event, at, duration_ms, outcome, status, answer) in
        tx.rows::<(EventId, Time, i64, String, Option<i64>, Option<String>)>(sql, &bound)?
    {
        attempts.entry(event).or_default().push(Attempt { at, duration_ms, outcome, status, answer });
    }
    let items = rows.into_iter().map(|(event, kind, state, reason, next_attempt_at, created_at, finished_at)| Delivery {
        attempts: attempts.remove(&event).unwrap_or_default(),
        event,
        r#type: kind,
        state,
        reason,
        next_attempt_at,
        created_at,
        finished_at,
    });
    Ok(paging.answer(items.collect(), total))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ReplayRange {
    /// These events; an endpoint that had none of them before gets them now.
    #[schemars(length(min = 1, max = 500))]
    events: Option<Vec<EventId>>,
    /// Everything of its types from this moment on, instead.
    since: Option<Time>,
    /// Before this moment.
    until: Option<Time>,
    /// By time: `undelivered` (what was given up, or came while the endpoint was disabled) or `all`.
    which: Option<Which>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
enum Which {
    Undelivered,
    All,
}

/// What is sent again.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "WebhookReplay")]
struct Replayed {
    /// So many events.
    replayed: usize,
    /// Where to go on, when there is more than one request takes.
    next_since: Option<Time>,
}

async fn replay(ctx: Ctx<(), Write>, (Path(id), Json(range)): (Path<WebhookId>, Json<ReplayRange>)) -> Result<Committed<Json<Replayed>>> {
    if range.events.is_some() == range.since.is_some() {
        return Err(Error::invalid(vec![Fault::at("/events", "either `events` or `since` says what is sent again")]));
    }
    let (now, work) = (ctx.now(), ctx.host.work.clone());
    ctx.commit(move |change| {
        if known(change, id)? == "disabled" {
            return Err(Code::Conflict.because("the endpoint is disabled; enable it first"));
        }
        let replayed = match &range.events {
            Some(events) => some(change, &work.kinds, id, events)?,
            None => since(change, &work.kinds, id, &range, one(change, id, now)?.types)?,
        };
        // Whoever replays believes that the endpoint is well.
        endpoint::enable(change, id)?;
        change.note(note("webhook.replay", id, Some(json!({ "events": replayed.replayed }))));
        Ok(Json(replayed))
    })
    .await
}

fn some(change: &mut Change<'_, '_>, kinds: &Kinds, id: WebhookId, events: &[EventId]) -> Result<Replayed> {
    for event in events {
        let kind: Option<String> = change.maybe(
            "SELECT kind FROM webhook_event WHERE tenant_id = :tenant AND id = :event AND (webhook_id IS NULL OR webhook_id = :id)",
            bind! { event: *event, id: id },
        )?;
        let kind = kind.ok_or_else(|| Code::NotFound.because("one of the events is not kept, or never was"))?;
        fan::again(change, kinds, id, *event, &kind)?;
    }
    Ok(Replayed { replayed: events.len(), next_since: None })
}

fn since(change: &mut Change<'_, '_>, kinds: &Kinds, id: WebhookId, range: &ReplayRange, types: Vec<String>) -> Result<Replayed> {
    let from = range.since.unwrap_or(Time::from_micros(0));
    let until = range.until.unwrap_or(Time::from_micros(i64::MAX));
    let rows: Vec<(EventId, String, Time, Option<String>)> = change.rows(
        "SELECT e.id, e.kind, e.created_at, d.state FROM webhook_event e \
         LEFT JOIN webhook_delivery d ON d.tenant_id = e.tenant_id AND d.event_id = e.id AND d.webhook_id = :id \
         WHERE e.tenant_id = :tenant AND e.created_at >= :since AND e.created_at < :until AND e.webhook_id IS NULL \
         ORDER BY e.created_at, e.id LIMIT :most",
        bind! { id: id, since: from, until: until, most: LOOKED_AT },
    )?;
    let last = rows.last().map(|(_, _, at, _)| *at).filter(|_| i64::try_from(rows.len()).is_ok_and(|count| count == LOOKED_AT));
    let every = range.which == Some(Which::All);
    let mut chosen = rows.into_iter().filter(|(_, kind, _, state)| {
        let open = match state.as_deref() {
            None | Some("dead") => true,
            Some("delivered") => every,
            _ => false,
        };
        open && fan::wants(&types, kind)
    });
    let mut replayed = 0;
    for (event, kind, at, _) in chosen.by_ref() {
        if replayed == AT_ONCE {
            return Ok(Replayed { replayed, next_since: Some(at) });
        }
        fan::again(change, kinds, id, event, &kind)?;
        replayed += 1;
    }
    Ok(Replayed { replayed, next_since: last })
}

/// An event that was made to try an endpoint.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "WebhookTest")]
struct Tried {
    /// Its id; the delivery is found by it.
    event: EventId,
}

async fn test(ctx: Ctx<(), Write>, Path(id): Path<WebhookId>) -> Result<Committed<Json<Tried>>> {
    ctx.commit(move |change| {
        known(change, id)?;
        let event: EventId = change.id();
        fan::keep(change, &fan::Message::test(event, id, change.now()), Some(id))?;
        fan::begin(change, id, event, TEST)?;
        change.note(note("webhook.test", id, None));
        Ok(Json(Tried { event }))
    })
    .await
}
