//! The figures of bounded things: the database's lanes, rates, and room for requests.

use plimsoll_store::{Kind, Store};

use super::Page;
use crate::{
    limits::{self, shared::WhenLost},
    shared,
};

/// Writes how the store's connections are used, under OpenTelemetry's names.
pub fn connections(page: &mut Page, store: &Store) {
    let gauges = store.gauges();
    let system = match store.kind() {
        Kind::Sqlite => "sqlite",
        Kind::Postgres => "postgresql",
    };
    let pool = ("db_client_connection_pool_name", "readers");
    page.family("db_client_connection_count", "gauge", "Reading connections, by whether they work.");
    for (state, count) in [("used", gauges.readers_busy), ("idle", gauges.readers_total.saturating_sub(gauges.readers_busy))] {
        page.sample("db_client_connection_count", &[("db_client_connection_state", state), pool, ("db_system_name", system)], count);
    }
    page.family("db_client_connection_max", "gauge", "Reading connections at most.");
    page.sample("db_client_connection_max", &[pool], gauges.readers_total);
    page.family("db_client_connection_pending_requests", "gauge", "Work that waits for a connection.");
    for (pool, waiting) in [("readers", gauges.read_queue), ("writers", gauges.write_queue)] {
        page.sample("db_client_connection_pending_requests", &[("db_client_connection_pool_name", pool)], waiting);
    }
    let turned_away = "Callers turned away because no connection became free in time.";
    page.counter("db_client_connection_timeouts_total", turned_away, gauges.acquire_timeouts);
}

/// Writes what the store did.
pub fn work(page: &mut Page, store: &Store) {
    let gauges = store.gauges();
    for (name, help, value) in [
        ("plimsoll_db_reads_total", "Reads done.", gauges.reads),
        ("plimsoll_db_reads_inline_total", "Reads that ran where they were asked, without a thread.", gauges.reads_inline),
        ("plimsoll_db_commits_total", "Changes made durable.", gauges.commits),
        ("plimsoll_db_batches_total", "Database transactions that carried them.", gauges.batches),
        ("plimsoll_db_rollbacks_total", "Changes that failed and left nothing behind.", gauges.rollbacks),
        ("plimsoll_db_slow_statements_total", "Statements that took longer than the setting.", gauges.slow_statements),
        ("plimsoll_db_statement_timeouts_total", "Statements stopped because they took too long.", gauges.statement_timeouts),
        ("plimsoll_db_reconnects_total", "Connections made again.", gauges.reconnects),
    ] {
        page.counter(name, help, value);
    }
}

/// Writes how the shared server is used, and what limits did without it.
pub fn shared(page: &mut Page, gauges: shared::Gauges, lost: impl Iterator<Item = (&'static str, WhenLost, u64)>) {
    page.gauge("plimsoll_shared_up", "Whether the shared Redis server answers.", u8::from(gauges.there));
    page.counter("plimsoll_shared_losses_total", "How often the shared Redis server was lost.", gauges.losses);
    page.family(
        "plimsoll_shared_calls_total",
        "counter",
        "Questions to the shared Redis server; skipped ones were not asked, because it was lost.",
    );
    for (outcome, count) in [("answered", gauges.answered), ("failed", gauges.failed), ("skipped", gauges.skipped)] {
        page.sample("plimsoll_shared_calls_total", &[("outcome", outcome)], count);
    }
    let help = "Requests that a limit could not count together with other processes, by what it did instead.";
    page.family("plimsoll_limit_shared_lost_total", "counter", help);
    for (policy, how, count) in lost {
        page.sample("plimsoll_limit_shared_lost_total", &[("policy", policy), ("did", how.as_str())], count);
    }
}

/// Writes what the limits count.
pub fn limits(page: &mut Page, gauges: &limits::Gauges) {
    page.gauge("plimsoll_in_flight", "Requests being worked on.", gauges.in_flight);
    page.gauge("plimsoll_in_flight_max", "Requests that may be worked on at the same time.", gauges.most_in_flight);
    page.family("plimsoll_limit_refused_total", "counter", "Refusals, by the rate or room that was used up.");
    for (policy, count) in &gauges.refused {
        page.sample("plimsoll_limit_refused_total", &[("policy", policy)], count);
    }
    page.family("plimsoll_limit_callers", "gauge", "Callers remembered, by rate.");
    for (policy, count) in &gauges.cells {
        page.sample("plimsoll_limit_callers", &[("policy", policy)], count);
    }
    page.family("plimsoll_bulkhead_places", "gauge", "Places taken and requests waiting for one, by class of routes.");
    for (class, taken, waiting) in &gauges.places {
        for (state, count) in [("taken", taken), ("waiting", waiting)] {
            page.sample("plimsoll_bulkhead_places", &[("class", class), ("state", state)], count);
        }
    }
}
