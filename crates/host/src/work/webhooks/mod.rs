//! Webhooks: others are told over HTTP what happened, after Standard Webhooks.
//!
//! **Promises.** A delivery is made in the transaction of its event, or the event did not happen.
//! Each attempt carries `webhook-id` (the event's id, the same in every attempt and replay),
//! `webhook-timestamp` and `webhook-signature`, one signature for every secret that is valid. What
//! fails is tried again by a schedule; what fails for good is a dead letter that can be replayed.
//! A slow or dead endpoint holds up no other. No address inside is ever asked
//! (see [`outbound`](crate::outbound)).
//!
//! **Does not promise** an order, nor that an event comes once: a receiver looks at `webhook-id`.

pub mod config;
mod counts;
mod deliver;
mod endpoint;
mod fan;
mod lanes;
mod routes;
mod signature;

use std::sync::Arc;

use plimsoll_core::{Result, TenantId, Time};
use plimsoll_store::{Migration, Pace, Schema, Scope, Tx, bind};

pub(crate) use self::fan::fan_out;
use self::{config::WebhooksConfig, counts::Counts, lanes::Lanes};
pub use self::{deliver::Deliver, routes::routes};
use crate::{Host, config::Profile, outbound::Dialler};

/// The tables of endpoints and deliveries.
pub const SCHEMA: Schema = Schema {
    name: "webhooks",
    migrations: &[Migration {
        id: "0001_webhooks",
        up: include_str!("schema.sql"),
        down: "DROP TABLE webhook_attempt; DROP TABLE webhook_delivery; DROP TABLE webhook_event; DROP TABLE webhook_secret; DROP TABLE webhook;",
    }],
};

/// The type of a delivery that somebody asked for to try an endpoint.
const TEST: &str = "webhook.test";
/// So many events go at once when they are swept.
const SWEPT_AT_ONCE: i64 = 500;

/// What delivers, in one process.
pub struct Webhooks {
    config: WebhooksConfig,
    dialler: Dialler,
    lanes: Arc<Lanes>,
    counts: Arc<Counts>,
    pace: Pace,
}

impl Webhooks {
    /// The engine of a process that runs `slots` jobs at once.
    ///
    /// # Errors
    /// [`Code::ConfigInvalid`](plimsoll_core::Code::ConfigInvalid) for networks or authorities that
    /// cannot be read.
    pub fn new(config: WebhooksConfig, profile: Profile, slots: usize) -> Result<Webhooks> {
        let dialler = Dialler::new(config.rules(profile)?, "webhooks.ca_file", config.ca_file.as_deref())?;
        let lanes = Lanes::new(usize::from(config.at_once).max(1), slots);
        Ok(Webhooks { config, dialler, lanes, counts: Arc::default(), pace: Pace::new() })
    }

    /// Shows its figures.
    pub(crate) fn measure(&self, telemetry: &crate::telemetry::Telemetry) {
        let counts = self.counts.clone();
        telemetry.metrics.collect(move |page| counts.write(page));
    }
}

/// Removes events and deliveries that are older than they are kept, unless an attempt is to come.
///
/// # Errors
/// What the database says.
pub async fn tend(host: &Host) -> Result<()> {
    let before = host.clock.now().minus(host.webhooks.config.kept.duration());
    let old = move |tx: &Tx<'_>| {
        let tenants = "SELECT DISTINCT tenant_id FROM webhook_event WHERE created_at <= :before LIMIT 1000";
        tx.rows::<TenantId>(tenants, bind! { before: before })
    };
    for tenant in host.store.read(Scope::Host, &host.webhooks.pace, old).await? {
        while host.store.commit(Scope::Tenant(tenant), move |tx| sweep(tx, before)).await? > 0 {}
    }
    Ok(())
}

fn sweep(tx: &mut Tx<'_>, before: Time) -> Result<u64> {
    let old = "SELECT e.id FROM webhook_event e WHERE e.tenant_id = :tenant AND e.created_at <= :before AND NOT EXISTS \
               (SELECT 1 FROM webhook_delivery d WHERE d.tenant_id = e.tenant_id AND d.event_id = e.id AND d.state = 'pending') \
               ORDER BY e.created_at LIMIT :most";
    let ids: Vec<String> = tx.rows(old, bind! { before: before, most: SWEPT_AT_ONCE })?;
    for id in &ids {
        tx.write(
            "DELETE FROM webhook_attempt WHERE tenant_id = :tenant AND webhook_id IN (SELECT webhook_id FROM webhook_delivery \
                  WHERE tenant_id = :tenant AND event_id = :id) AND event_id = :id",
            bind! { id: id },
        )?;
        tx.write("DELETE FROM webhook_delivery WHERE tenant_id = :tenant AND event_id = :id", bind! { id: id })?;
        tx.write("DELETE FROM webhook_event WHERE tenant_id = :tenant AND id = :id", bind! { id: id })?;
    }
    Ok(ids.len() as u64)
}
