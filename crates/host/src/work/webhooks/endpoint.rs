//! How an endpoint stands: enabled or not, answering or failing.

use std::time::Duration;

use plimsoll_core::{Result, Time, WebhookId};
use plimsoll_store::bind;
use serde_json::json;

use super::{fan, routes::READ};
use crate::{
    ledger::{Change, Note},
    work::events::Event,
};

/// Why an endpoint is disabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// Somebody wanted it.
    Asked,
    /// The receiver answered 410.
    Gone,
    /// It has failed for too long.
    Failing,
}

impl Reason {
    fn name(self) -> &'static str {
        match self {
            Reason::Asked => "asked",
            Reason::Gone => "gone",
            Reason::Failing => "failing",
        }
    }
}

/// The endpoint has taken a delivery after failures.
pub(super) fn recovered(change: &mut Change<'_, '_>, webhook: WebhookId) -> Result<()> {
    change.write(
        "UPDATE webhook SET failures = 0, failing_since = NULL, told_at = NULL, paused_until = NULL \
         WHERE tenant_id = :tenant AND id = :id",
        bind! { id: webhook },
    )?;
    Ok(())
}

/// The endpoint has failed, and is left alone until `paused`.
pub(super) fn suffered(change: &mut Change<'_, '_>, webhook: WebhookId, paused: Option<Time>) -> Result<()> {
    let now = change.now();
    change.write(
        "UPDATE webhook SET failures = failures + 1, failing_since = COALESCE(failing_since, :now), \
         paused_until = COALESCE(:paused, paused_until) WHERE tenant_id = :tenant AND id = :id",
        bind! { now: now, paused: paused, id: webhook },
    )?;
    Ok(())
}

/// For how long the endpoint has taken nothing.
pub(super) fn failing_for(change: &Change<'_, '_>, webhook: WebhookId) -> Result<Duration> {
    let since: Option<(Option<Time>,)> =
        change.maybe("SELECT failing_since FROM webhook WHERE tenant_id = :tenant AND id = :id", bind! { id: webhook })?;
    Ok(since.and_then(|(since,)| since).map_or(Duration::ZERO, |since| change.now().since(since)))
}

/// Says once that the endpoint loses deliveries, before it is disabled: in the ledger, and as an
/// event to the tenant's other endpoints.
pub(super) fn tell(change: &mut Change<'_, '_>, webhook: WebhookId) -> Result<()> {
    let now = change.now();
    let first = change.write(
        "UPDATE webhook SET told_at = :now WHERE tenant_id = :tenant AND id = :id AND told_at IS NULL AND state = 'enabled'",
        bind! { now: now, id: webhook },
    )?;
    if first == 0 {
        return Ok(());
    }
    change.note(Note { action: "webhook.failing".into(), target: format!("webhooks/{webhook}"), outcome: "failed", detail: None });
    announce(change, "webhook.failing", webhook, None);
    Ok(())
}

/// Disables an endpoint that is enabled; what waits for it becomes dead letters at once.
pub(super) fn disable(change: &mut Change<'_, '_>, webhook: WebhookId, reason: Reason) -> Result<()> {
    let now = change.now();
    let was = change.write(
        "UPDATE webhook SET state = 'disabled', reason = :reason, disabled_at = :now, updated_at = :now \
         WHERE tenant_id = :tenant AND id = :id AND state = 'enabled'",
        bind! { reason: reason.name(), now: now, id: webhook },
    )?;
    if was == 0 {
        return Ok(());
    }
    change.note(Note {
        action: "webhook.disable".into(),
        target: format!("webhooks/{webhook}"),
        outcome: "ok",
        detail: Some(json!({ "reason": reason.name() })),
    });
    fan::hurry(change, webhook)?;
    announce(change, "webhook.disabled", webhook, Some(reason));
    Ok(())
}

/// Enables an endpoint, with a clean record.
pub(super) fn enable(change: &mut Change<'_, '_>, webhook: WebhookId) -> Result<()> {
    let now = change.now();
    change.write(
        "UPDATE webhook SET state = 'enabled', reason = NULL, disabled_at = NULL, failures = 0, failing_since = NULL, \
         told_at = NULL, paused_until = NULL, updated_at = :now WHERE tenant_id = :tenant AND id = :id",
        bind! { now: now, id: webhook },
    )?;
    Ok(())
}

fn announce(change: &mut Change<'_, '_>, kind: &'static str, webhook: WebhookId, reason: Option<Reason>) {
    let data = json!({ "id": webhook, "reason": reason.map(Reason::name) });
    change.emit(Event::new(kind, "/v1/webhooks", READ, data).about(webhook.to_string()));
}
