//! Which jobs this process runs next: one transaction, serial over all processes.
//!
//! **Lines.** The ready jobs of one kind and one tenant are a line. Lines are found by leaping over
//! the index from one to the next, so a line costs the same with one job in it and with a million.
//! Tenants take turns: whoever has fewest jobs running comes first, then the order goes on where
//! the last claim of this process stopped. Among a tenant's own lines the head with the best
//! priority comes first.
//!
//! **Locks.** The claim holds the host's scope, so no other process claims meanwhile and what it
//! counts stays true. On PostgreSQL tenants write at the same time: rows that one of them holds are
//! passed over, so the claim waits for no tenant and cannot deadlock with one.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use plimsoll_core::{Clock, JobId, Result, Seed, TenantId, Time};
use plimsoll_store::{FromRow, Row, Sql, Tx, bind};

use super::{
    job::Kinds,
    lease::{Count, Lease},
    rescue::{self, Rescued},
};

/// Due jobs that become ready in one claim.
const PROMOTED: u64 = 500;
/// Lines of a kind that one claim looks at; where there are more, the next claim goes on behind them.
const LINES: i64 = 128;

/// The pause between looks at windows of lines in which nothing may run.
const HIDDEN: Duration = Duration::from_millis(100);

/// The pause between looks at tenants that are held: that ends without a word to everybody.
const HELD: Duration = Duration::from_secs(1);

/// Who asks for jobs, and for which.
pub(super) struct Ask<'a> {
    /// The time is asked for when the transaction runs, not when it was wished for.
    pub clock: &'a Clock,
    pub seed: &'a Seed,
    pub worker: &'a str,
    pub kinds: &'a Kinds,
    /// The most jobs.
    pub most: usize,
    /// How long the leases last.
    pub term: Duration,
    /// The tenant whose turn was last.
    pub after: Option<TenantId>,
    /// Whether dead letters are kept (practice `dlq`).
    pub keeps: bool,
}

/// What a claim found.
#[derive(Default)]
pub(super) struct Claimed {
    pub leases: Vec<Lease>,
    /// Leases that had run out.
    pub rescued: Vec<Rescued>,
    /// There was more than one claim takes: another one at once is worth it.
    pub more: bool,
    /// Some jobs wait only for others of their kind or tenant to end.
    pub blocked: bool,
    /// When something will be due by itself.
    pub due: Option<Time>,
    /// The tenant whose turn was last.
    pub after: Option<TenantId>,
}

/// Takes jobs, gives those of lost processes to others, and makes ready what is due.
///
/// # Errors
/// What the database says.
pub(super) fn claim(tx: &mut Tx<'_>, ask: &Ask<'_>) -> Result<Claimed> {
    let now = ask.clock.now();
    let mut claimed = Claimed { after: ask.after, ..Claimed::default() };
    let promoted = promote(tx, now)?;
    claimed.rescued = rescue::rescue(tx, now, ask)?;
    claimed.more = promoted == PROMOTED || claimed.rescued.len() == rescue::MOST;
    let (mut hidden, mut held) = (None, None);
    if ask.most > 0 {
        let mut turns = Turns::new(tx, ask)?;
        while claimed.leases.len() < ask.most {
            let shares = turns.share(ask.most - claimed.leases.len());
            if shares.is_empty() {
                break;
            }
            for (line, many) in shares {
                let taken = take(tx, ask, now, &turns.lines[line], many)?;
                turns.took(line, many, taken.len());
                claimed.after = Some(turns.lines[line].tenant);
                claimed.leases.extend(taken);
            }
        }
        claimed.blocked = turns.blocked();
        held = turns.held.then(|| now.plus(HELD));
        if !claimed.leases.is_empty() {
            claimed.more |= turns.open() || turns.hidden;
        } else if turns.hidden {
            // All that was seen is at its limits: the next look begins behind it, a little later.
            claimed.after = turns.lines.iter().map(|line| line.tenant).max().or(claimed.after);
            hidden = Some(now.plus(HIDDEN));
        }
    }
    claimed.due = due(tx)?.into_iter().chain(hidden).chain(held).min();
    Ok(claimed)
}

fn promote(tx: &mut Tx<'_>, now: Time) -> Result<u64> {
    let mut sql = Sql::from(
        "UPDATE job SET state = 'ready' WHERE (tenant_id, id) IN (WITH due AS MATERIALIZED (\
         SELECT tenant_id, id FROM job WHERE state = 'waiting' AND run_at <= :now ORDER BY run_at LIMIT :most",
    );
    sql.push(tx.skipping_locked());
    sql.push(") SELECT tenant_id, id FROM due)");
    tx.write(sql, bind! { now: now, most: PROMOTED as i64 })
}

/// When something becomes due without anybody saying so.
fn due(tx: &Tx<'_>) -> Result<Option<Time>> {
    let (waiting, running): (Option<Time>, Option<Time>) = tx.row(
        "SELECT (SELECT run_at FROM job WHERE state = 'waiting' ORDER BY run_at LIMIT 1), \
         (SELECT lease_until FROM job WHERE state = 'running' ORDER BY lease_until LIMIT 1)",
        bind! {},
    )?;
    Ok(waiting.into_iter().chain(running).min())
}

/// The ready jobs of one kind and one tenant.
struct Line {
    kind: &'static str,
    tenant: TenantId,
    /// The best priority in it.
    priority: i64,
    /// Jobs of it taken in this claim.
    taken: usize,
    /// It gives no more: all of it is taken, or its tenant is closed or held.
    empty: bool,
}

/// Whose turn it is, and how far limits allow it.
struct Turns {
    lines: Vec<Line>,
    /// Positions of a tenant's lines, the tenants in the order of their turns.
    tenants: Vec<(TenantId, Vec<usize>)>,
    /// What more may run at once, by kind and by kind and tenant.
    kinds: BTreeMap<&'static str, usize>,
    pairs: BTreeMap<(&'static str, TenantId), usize>,
    running: BTreeMap<TenantId, usize>,
    /// There are lines that this claim did not look at.
    hidden: bool,
    /// There are jobs of a kind that may not run now at all.
    closed: bool,
    /// There are jobs of a tenant that is held.
    held: bool,
}

impl Turns {
    fn new(tx: &Tx<'_>, ask: &Ask<'_>) -> Result<Turns> {
        let counts: Vec<(String, TenantId, i64)> =
            tx.rows("SELECT kind, tenant_id, COUNT(*) FROM job WHERE state = 'running' GROUP BY kind, tenant_id", bind! {})?;
        let mut turns = Turns {
            lines: Vec::new(),
            tenants: Vec::new(),
            kinds: BTreeMap::new(),
            pairs: BTreeMap::new(),
            running: BTreeMap::new(),
            hidden: false,
            closed: false,
            held: false,
        };
        let left = |limit: Option<u32>, used: usize| limit.map_or(usize::MAX, |limit| (limit as usize).saturating_sub(used));
        for (_, tenant, count) in &counts {
            *turns.running.entry(*tenant).or_default() += usize::try_from(*count).unwrap_or(0);
        }
        for (&name, kind) in ask.kinds {
            let mine = || {
                counts.iter().filter(|(kind, ..)| kind == name).map(|(_, tenant, count)| (*tenant, usize::try_from(*count).unwrap_or(0)))
            };
            turns.kinds.insert(name, left(kind.policy.at_once, mine().map(|(_, count)| count).sum()));
            for (tenant, count) in mine().filter(|_| kind.policy.per_tenant.is_some()) {
                turns.pairs.insert((name, tenant), left(kind.policy.per_tenant, count));
            }
            turns.find(tx, name, kind.policy.per_tenant, ask.after)?;
        }
        turns.order(ask.after);
        Ok(turns)
    }

    /// Leaps from line to line of a kind, beginning behind the tenant whose turn was last. Each leap
    /// takes the first entry of the index: `MIN` would let PostgreSQL read the line to its end as
    /// long as it does not know how long the line is.
    fn find(&mut self, tx: &Tx<'_>, kind: &'static str, per_tenant: Option<u32>, after: Option<TenantId>) -> Result<()> {
        const LEAP: &str = "WITH RECURSIVE line (tenant_id, number) AS (\
             SELECT (SELECT first.tenant_id FROM job first WHERE first.state = 'ready' AND first.kind = :kind \
                AND first.tenant_id > :after ORDER BY first.tenant_id LIMIT 1), 1 \
             UNION ALL SELECT (SELECT next.tenant_id FROM job next WHERE next.state = 'ready' AND next.kind = :kind \
                AND next.tenant_id > line.tenant_id ORDER BY next.tenant_id LIMIT 1), line.number + 1 \
             FROM line WHERE line.tenant_id IS NOT NULL AND line.number < :most) \
             SELECT tenant_id, (SELECT head.priority FROM job head WHERE head.state = 'ready' AND head.kind = :kind \
                AND head.tenant_id = line.tenant_id ORDER BY head.priority, head.run_at, head.id LIMIT 1), \
             (SELECT CASE WHEN t.closed_at IS NOT NULL THEN 'closed' WHEN t.held_at IS NOT NULL THEN 'held' END \
                FROM tenant t WHERE t.id = line.tenant_id) \
             FROM line WHERE tenant_id IS NOT NULL";
        let behind = after.map(|tenant| tenant.to_string()).unwrap_or_default();
        let mut found: Vec<(TenantId, i64, Option<String>)> = tx.rows(LEAP, bind! { kind: kind, after: behind, most: LINES })?;
        if after.is_some() && found.len() < LINES as usize {
            let wrapped: Vec<(TenantId, i64, Option<String>)> = tx.rows(LEAP, bind! { kind: kind, after: "", most: LINES })?;
            found.extend(wrapped.into_iter().filter(|(tenant, ..)| after.is_some_and(|after| *tenant <= after)));
        }
        self.hidden |= found.len() >= LINES as usize;
        if self.kinds.get(kind) == Some(&0) {
            self.closed |= !found.is_empty();
            return Ok(());
        }
        for (tenant, priority, shut) in found {
            self.held |= shut.as_deref() == Some("held");
            if let Some(limit) = per_tenant {
                self.pairs.entry((kind, tenant)).or_insert(limit as usize);
            }
            self.lines.push(Line { kind, tenant, priority, taken: 0, empty: shut.is_some() });
        }
        Ok(())
    }

    fn order(&mut self, after: Option<TenantId>) {
        let mut by_tenant: BTreeMap<TenantId, Vec<usize>> = BTreeMap::new();
        for (at, line) in self.lines.iter().enumerate() {
            by_tenant.entry(line.tenant).or_default().push(at);
        }
        let (first, last): (Vec<_>, Vec<_>) = by_tenant.into_iter().partition(|(tenant, _)| after.is_none_or(|after| *tenant > after));
        self.tenants = first.into_iter().chain(last).collect();
    }

    /// How many more jobs a line may give, as far as limits go.
    fn room(&self, line: usize) -> usize {
        let line = &self.lines[line];
        let pair = self.pairs.get(&(line.kind, line.tenant)).copied().unwrap_or(usize::MAX);
        self.kinds.get(line.kind).copied().unwrap_or(0).min(pair)
    }

    /// Deals out so many jobs, one at a time: who gets how many. Reserved until [`Turns::took`].
    fn share(&mut self, most: usize) -> Vec<(usize, usize)> {
        let mut shares: BTreeMap<usize, usize> = BTreeMap::new();
        let load = |turns: &Turns, tenant: &TenantId| turns.running.get(tenant).copied().unwrap_or(0);
        let mut turns: BTreeSet<(usize, usize)> =
            self.tenants.iter().enumerate().map(|(place, (tenant, _))| (load(self, tenant), place)).collect();
        let mut order = Vec::new();
        while order.len() < most
            && let Some((running, place)) = turns.pop_first()
        {
            let best = self.tenants[place].1.iter().copied().filter(|&line| !self.lines[line].empty && self.room(line) > 0);
            let Some(line) = best.min_by_key(|&line| (self.lines[line].priority, self.lines[line].taken, line)) else { continue };
            self.reserve(line, 1);
            self.lines[line].taken += 1;
            *shares.entry(line).or_default() += 1;
            order.push(line);
            turns.insert((running + 1, place));
        }
        let mut seen = BTreeSet::new();
        order.into_iter().filter(|line| seen.insert(*line)).map(|line| (line, shares[&line])).collect()
    }

    fn reserve(&mut self, line: usize, many: usize) {
        let (kind, tenant) = (self.lines[line].kind, self.lines[line].tenant);
        for room in self.kinds.get_mut(kind).into_iter().chain(self.pairs.get_mut(&(kind, tenant))).filter(|room| **room != usize::MAX) {
            *room = room.saturating_sub(many);
        }
        *self.running.entry(tenant).or_default() += many;
    }

    /// A line gave less than it was asked for: it has no more, and what was reserved is free again.
    fn took(&mut self, line: usize, asked: usize, got: usize) {
        if got >= asked {
            return;
        }
        let back = asked - got;
        self.lines[line].empty = true;
        self.lines[line].taken -= back;
        let (kind, tenant) = (self.lines[line].kind, self.lines[line].tenant);
        for room in self.kinds.get_mut(kind).into_iter().chain(self.pairs.get_mut(&(kind, tenant))).filter(|room| **room != usize::MAX) {
            *room += back;
        }
        if let Some(running) = self.running.get_mut(&tenant) {
            *running = running.saturating_sub(back);
        }
    }

    fn open(&self) -> bool {
        (0..self.lines.len()).any(|line| !self.lines[line].empty && self.room(line) > 0)
    }
    fn blocked(&self) -> bool {
        self.closed || (0..self.lines.len()).any(|line| !self.lines[line].empty && self.room(line) == 0)
    }
}

struct Taken {
    order: (i64, Time),
    tenant: TenantId,
    job: JobId,
    kind: String,
    count: Count,
    payload: String,
    request: Option<String>,
    traceparent: Option<String>,
}

impl FromRow for Taken {
    fn from_row(row: &Row<'_>) -> Result<Taken> {
        Ok(Taken {
            order: (row.get(8)?, row.get(9)?),
            tenant: row.get(0)?,
            job: row.get(1)?,
            kind: row.get(2)?,
            count: Count { attempt: row.get(3)?, most: row.get(4)?, before: row.get(10)?, setbacks: row.get(11)? },
            payload: row.get(5)?,
            request: row.get(6)?,
            traceparent: row.get(7)?,
        })
    }
}

/// Leases up to `many` jobs of one line, the best first.
fn take(tx: &mut Tx<'_>, ask: &Ask<'_>, now: Time, line: &Line, many: usize) -> Result<Vec<Lease>> {
    let mut sql = Sql::from(
        "UPDATE job SET state = 'running', attempt = attempt + 1, worker = :worker, lease_until = :until, started_at = :now, \
         done_units = NULL, total_units = NULL, progress = NULL \
         WHERE (tenant_id, id) IN (WITH first AS MATERIALIZED (SELECT tenant_id, id FROM job \
         WHERE state = 'ready' AND kind = :kind AND tenant_id = :tenant ORDER BY priority, run_at, id LIMIT :many",
    );
    sql.push(tx.skipping_locked());
    sql.push(
        ") SELECT tenant_id, id FROM first) \
         RETURNING tenant_id, id, kind, attempt, most_attempts, payload, request, traceparent, priority, run_at, \
         attempts_before, setbacks",
    );
    let (many, until) = (i64::try_from(many).unwrap_or(i64::MAX), now.plus(ask.term));
    let bound = bind! { worker: ask.worker, until: until, now: now, kind: line.kind, tenant: line.tenant, many: many };
    let mut taken: Vec<Taken> = tx.writing(sql, bound)?;
    taken.sort_by_key(|one| (one.order, one.job));
    let lease = |one: Taken| {
        let asked = super::lease::Asked { payload: one.payload, request: one.request, traceparent: one.traceparent };
        Lease::new(one.tenant, one.job, one.kind, one.count, ask.worker, asked)
    };
    Ok(taken.into_iter().map(lease).collect())
}
