//! How events get into the log and to those who want them: in the transaction of their change.

use plimsoll_core::{Code, EventId, Result};
use plimsoll_store::{Scope, bind};

use super::{
    Bus, CHANNEL, Event, Published, bus,
    event::Needs,
    relay::{self, Relay},
};
use crate::{
    ledger::Change,
    work::{Job, Order, webhooks},
};

/// Who is told, in the same transaction, of all events of one change at once.
type Outlet = fn(&mut Change<'_, '_>, Option<&Bus>, &[Published]) -> Result<()>;

/// Everybody who is told.
const OUTLETS: &[Outlet] = &[subscribers, webhooks];

/// The number is the next one of the tenant, whose changes are serial. The newest event is never
/// removed, so no number is given twice.
const INSERT: &str = "INSERT INTO event (tenant_id, seq, id, type, source, subject, at, data, traceparent, request, permission, weakest) \
     VALUES (:tenant, (SELECT COALESCE(MAX(seq), 0) + 1 FROM event WHERE tenant_id = :tenant), \
     :id, :type, :source, :subject, :at, :data, :traceparent, :request, :permission, :weakest) RETURNING seq";

/// Writes the events of a change and tells everybody.
///
/// # Errors
/// [`Code::Invalid`] for an event that is too large; what the database says. The change is undone.
pub(crate) fn publish(change: &mut Change<'_, '_>, bus: Option<&Bus>, events: &[Event]) -> Result<()> {
    let mut published = Vec::with_capacity(events.len());
    for event in events.iter().filter(|event| bus.is_none_or(|bus| bus.records(&event.kind))) {
        published.push(append(change, event)?);
    }
    if published.is_empty() {
        return Ok(());
    }
    change.notify(CHANNEL);
    OUTLETS.iter().try_for_each(|outlet| outlet(change, bus, &published))
}

fn append(change: &mut Change<'_, '_>, event: &Event) -> Result<Published> {
    let Scope::Tenant(tenant) = change.scope() else {
        return Err(Code::Internal.error().caused_by("events belong to a tenant; commit in a tenant's scope"));
    };
    let (data, id, at): (String, EventId, _) = (event.checked()?, change.id(), change.now());
    let origin = change.origin();
    let traceparent = (origin.trace.trace_id != 0).then(|| origin.trace.traceparent());
    let needs = Needs::of(event.access);
    let request = origin.request.map(|id| id.to_string());
    let seq: Vec<i64> = change.writing(
        INSERT,
        bind! {
            id: id, type: &*event.kind, source: &*event.source, subject: event.subject, at: at, data: data, traceparent: traceparent,
            request: request, permission: needs.permission, weakest: needs.role(),
        },
    )?;
    let seq = seq.first().copied().ok_or_else(|| Code::Internal.error().caused_by("an event got no number"))?;
    Ok(Published::new(event, tenant, seq, id, at, traceparent))
}

/// Subscribers inside the process. Where there is no process that knows them (the command line), a
/// job carries the event to one that does.
fn subscribers(change: &mut Change<'_, '_>, host: Option<&Bus>, events: &[Published]) -> Result<()> {
    for event in events {
        match host {
            Some(host) => relay::hand_over(change, host, event)?,
            None if !bus::anybody() => {}
            None => {
                let relay = Relay::from(event.clone());
                change.enqueue_raw(Relay::KIND, &Relay::POLICY, &serde_json::to_string(&relay)?, &Order::default()).map(drop)?;
            }
        }
    }
    Ok(())
}

/// Endpoints of the tenant that asked for events of these types.
fn webhooks(change: &mut Change<'_, '_>, _: Option<&Bus>, events: &[Published]) -> Result<()> {
    webhooks::fan_out(change, events).map(drop)
}
