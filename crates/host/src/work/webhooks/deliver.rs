//! One delivery: an attempt, what it means, and what follows from it.
//!
//! The attempt's record, the endpoint's standing, the next attempt's job and the end of this one are
//! one transaction. Between the answer and that transaction a process can die; then the same
//! attempt is made again, with the same `webhook-id`, by which a receiver knows it.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use plimsoll_core::{Code, EventId, JobId, Result, Seed, Time, WebhookId};
use plimsoll_store::{FromRow, Row, Tx, bind};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    Webhooks,
    endpoint::{self, Reason},
    signature::{self, Scheme, Signing},
};
use crate::{
    Committed, Ctx, Host, Write,
    ledger::Change,
    outbound::{Answer, Limits, Trouble},
    route::Empty,
    work::{Finished, Job, Order, Pauses, Policy},
};

/// How much of an answer is read, and kept in the log.
const ANSWER: usize = 2_048;
/// The longest that a `Retry-After` is obeyed.
const LONGEST_WISH: Duration = Duration::from_secs(86_400);
/// From so many failures in a row on, an endpoint is paused and tried singly.
const PATIENCE: i64 = 3;

/// An event on its way to an endpoint. Attempts are counted in the delivery, by the schedule of
/// `[webhooks]`: the job's own attempts are for what fails on our side.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deliver {
    /// To whom.
    pub(super) webhook: WebhookId,
    /// What.
    pub(super) event: EventId,
}

/// What is to be delivered, and to whom.
struct Due {
    state: String,
    tries: i64,
    attempts: i64,
    job: JobId,
    kind: String,
    url: String,
    disabled: bool,
    failures: i64,
    failing_since: Option<Time>,
    paused_until: Option<Time>,
    asymmetric: bool,
    body: String,
}

impl FromRow for Due {
    fn from_row(row: &Row<'_>) -> Result<Due> {
        Ok(Due {
            state: row.get(0)?,
            tries: row.get(1)?,
            attempts: row.get(2)?,
            job: row.get(3)?,
            kind: row.get(4)?,
            url: row.get(5)?,
            disabled: row.get::<String>(6)? == "disabled",
            failures: row.get(7)?,
            failing_since: row.get(8)?,
            paused_until: row.get(9)?,
            asymmetric: row.get(10)?,
            body: row.get(11)?,
        })
    }
}

/// What came of an attempt.
struct Attempt {
    at: Time,
    took: Duration,
    outcome: &'static str,
    status: Option<u16>,
    answer: Option<String>,
    /// The receiver wants to be left alone: a 410 for ever, others for a while.
    wish: Wish,
    sentence: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wish {
    None,
    Slower(Option<Duration>),
    Gone,
}

impl Attempt {
    fn delivered(&self) -> bool {
        self.outcome == "delivered"
    }

    fn of(sent: Result<Answer, Trouble>, at: Time, took: Duration) -> Attempt {
        let answer = match sent {
            Ok(answer) => answer,
            Err(trouble) => {
                let (outcome, sentence) = (trouble.word(), trouble.to_string());
                return Attempt { at, took, outcome, status: None, answer: Some(sentence.clone()), wish: Wish::None, sentence };
            }
        };
        let status = answer.status.as_u16();
        let asked = answer.retry_after(at).map(|wish| wish.min(LONGEST_WISH));
        let (outcome, wish) = match status {
            200..300 => ("delivered", Wish::None),
            300..400 => ("redirected", Wish::None),
            410 => ("gone", Wish::Gone),
            429 => ("throttled", Wish::Slower(asked)),
            502 | 504 => ("failed", Wish::Slower(asked)),
            _ if asked.is_some() => ("failed", Wish::Slower(asked)),
            _ => ("failed", Wish::None),
        };
        let said = (!answer.body.is_empty()).then(|| printable(&answer.body));
        Attempt { at, took, outcome, status: Some(status), answer: said, wish, sentence: format!("the receiver answered {status}") }
    }
}

/// The first bytes of an answer as text that any log can show.
fn printable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.chars().map(|c| if c.is_control() && c != '\n' && c != '\t' { '\u{fffd}' } else { c }).collect()
}

impl Job for Deliver {
    type System = ();
    const KIND: &'static str = "webhook.deliver";
    /// Only for what fails on our side (the database, a crash): the receiver's failures follow
    /// `[webhooks] schedule`, a job for each attempt.
    const POLICY: Policy = Policy {
        attempts: 8,
        pauses: Pauses::Doubling { first: Duration::from_secs(1), longest: Duration::from_secs(60) },
        deadline: Duration::from_secs(60),
        at_once: None,
        per_tenant: None,
        priority: 5,
        kept: Duration::from_secs(3_600),
    };

    async fn run(self, ctx: Ctx<(), Write>) -> Result<Committed<Finished>> {
        let host = ctx.host.clone();
        let (engine, now) = (host.webhooks.clone(), host.clock.now());
        let Some((due, secrets)) = ctx.read(move |tx| self.look(tx, now)).await? else { return nothing(ctx).await };
        let mine = ctx.lease().is_none_or(|lease| lease.job == due.job);
        if !mine || due.state == "delivered" {
            return nothing(ctx).await;
        }
        let test = due.kind == super::TEST;
        if due.disabled && !test {
            return self.give_up(&ctx, due, None, "the endpoint is disabled").await;
        }
        let failing = due.failures >= PATIENCE;
        let paused = due.paused_until.filter(|until| *until > now && !test);
        let place = match paused {
            Some(until) => Err(until.plus(Duration::from_millis(host.seed.below(250)))),
            None => engine.lanes.enter(self.webhook, failing, now),
        };
        let place = match place {
            Ok(place) => place,
            Err(later) => return self.postpone(ctx, &engine, later).await,
        };
        let begun = Instant::now();
        let sent = match self.signed(&host, &due, &secrets, now) {
            Ok(headers) => {
                let limits = Limits { time: engine.config.timeout.duration(), body: ANSWER };
                engine.dialler.post(&due.url, headers, Bytes::from(due.body.clone()), limits).await
            }
            Err(error) => return Err(error),
        };
        let took = begun.elapsed();
        place.leave(took);
        let attempt = Attempt::of(sent, now, took);
        engine.counts.attempt(attempt.outcome);
        // What was dead and is asked for again begins the schedule anew.
        let tries = if due.state == "dead" { 1 } else { due.tries + 1 };
        if attempt.delivered() {
            engine.counts.delivered();
            return ctx.commit(move |change| self.done(change, &due, &attempt)).await;
        }
        let pause = engine.pause(tries, &host.seed).map(|pause| match attempt.wish {
            Wish::Slower(Some(wish)) => pause.max(wish),
            _ => pause,
        });
        let given_up = due.failing_since.is_some_and(|since| now.since(since) >= engine.config.disable_after.duration());
        match pause {
            Some(pause) if attempt.wish != Wish::Gone && !given_up => {
                ctx.commit(move |change| {
                    self.failed(change, &engine, &due, &attempt, tries, Some(now.plus(pause)))?;
                    Ok(Finished(None))
                })
                .await
            }
            _ => {
                let why = format!("{}, at attempt {tries}, and no further one is planned", attempt.sentence);
                self.give_up(&ctx, due, Some((attempt, tries)), &why).await
            }
        }
    }
}

/// Nothing is to be done: the endpoint was deleted, the delivery was made, another job has it.
async fn nothing(ctx: Ctx<(), Write>) -> Result<Committed<Finished>> {
    ctx.commit(|change| {
        change.unrecorded();
        Ok(Finished(None))
    })
    .await
}

/// A secret as it is stored: its scheme, and the sealed bytes.
type Sealed = (String, Vec<u8>);

impl Deliver {
    fn look(self, tx: &Tx<'_>, now: Time) -> Result<Option<(Due, Vec<Sealed>)>> {
        let due: Option<Due> = tx.maybe(
            "SELECT d.state, d.tries, d.attempts, d.job_id, d.kind, w.url, w.state, w.failures, w.failing_since, w.paused_until, \
             w.public_key, e.body \
             FROM webhook_delivery d \
             JOIN webhook w ON w.tenant_id = d.tenant_id AND w.id = d.webhook_id \
             JOIN webhook_event e ON e.tenant_id = d.tenant_id AND e.id = d.event_id \
             WHERE d.tenant_id = :tenant AND d.webhook_id = :webhook AND d.event_id = :event",
            bind! { webhook: self.webhook, event: self.event },
        )?;
        let Some(due) = due else { return Ok(None) };
        let secrets = tx.rows(
            "SELECT scheme, sealed FROM webhook_secret WHERE tenant_id = :tenant AND webhook_id = :webhook \
             AND (expires_at IS NULL OR expires_at > :now) ORDER BY created_at DESC, id DESC",
            bind! { webhook: self.webhook, now: now },
        )?;
        Ok(Some((due, secrets)))
    }

    /// The headers of an attempt.
    fn signed(self, host: &Host, due: &Due, secrets: &[(String, Vec<u8>)], now: Time) -> Result<HeaderMap> {
        let master = host.identity.master_key();
        let secrets: Vec<Signing> = secrets
            .iter()
            .map(|(scheme, sealed)| (Scheme::named(scheme), sealed))
            .filter(|(scheme, _)| due.asymmetric || *scheme == Scheme::Shared)
            .map(|(scheme, sealed)| Signing::open(scheme, self.webhook, sealed, &master))
            .collect::<Result<_>>()?;
        let id = self.event.to_string();
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(HeaderName::from_static("webhook-id"), HeaderValue::from_str(&id)?);
        headers.insert(HeaderName::from_static("webhook-timestamp"), HeaderValue::from(now.seconds()));
        if host.holds("webhooks") {
            let value = signature::header(&secrets, &id, now, due.body.as_bytes())?;
            headers.insert(HeaderName::from_static("webhook-signature"), HeaderValue::from_str(&value)?);
        }
        Ok(headers)
    }

    /// Puts the delivery back: its endpoint is paused or has no place. No attempt was made.
    async fn postpone(self, ctx: Ctx<(), Write>, engine: &Webhooks, later: Time) -> Result<Committed<Finished>> {
        engine.counts.postponed();
        ctx.commit(move |change| {
            change.unrecorded();
            self.plan(change, later)?;
            Ok(Finished(None))
        })
        .await
    }

    /// A job for the next attempt; what was dead and is asked for again begins the schedule anew.
    fn plan(self, change: &mut Change<'_, '_>, at: Time) -> Result<()> {
        let job = change.enqueue_as(&self, &Order { at: Some(at), ..Order::default() })?.id;
        change.write(
            "UPDATE webhook_delivery SET job_id = :job, next_at = :at, tries = CASE WHEN state = 'dead' THEN 0 ELSE tries END, \
             state = 'pending', reason = NULL, finished_at = NULL WHERE tenant_id = :tenant AND webhook_id = :webhook AND event_id = :event",
            bind! { job: job, at: at, webhook: self.webhook, event: self.event },
        )?;
        Ok(())
    }

    /// Puts an attempt on record; fails where another one was recorded meanwhile.
    fn record(self, change: &mut Change<'_, '_>, due: &Due, attempt: &Attempt, tries: i64) -> Result<()> {
        change.unrecorded();
        let mine = change.write(
            "UPDATE webhook_delivery SET attempts = attempts + 1, tries = :tries, state = 'pending' \
             WHERE tenant_id = :tenant AND webhook_id = :webhook AND event_id = :event AND attempts = :attempts",
            bind! { tries: tries, webhook: self.webhook, event: self.event, attempts: due.attempts },
        )?;
        if mine == 0 {
            return Err(Code::Conflict.because("another attempt of this delivery was made meanwhile"));
        }
        change.write(
            "INSERT INTO webhook_attempt (tenant_id, webhook_id, event_id, seq, at, took_ms, outcome, status, answer) \
             VALUES (:tenant, :webhook, :event, :seq, :at, :took, :outcome, :status, :answer)",
            bind! {
                webhook: self.webhook, event: self.event, seq: due.attempts + 1, at: attempt.at,
                took: i64::try_from(attempt.took.as_millis()).unwrap_or(i64::MAX), outcome: attempt.outcome,
                status: attempt.status.map(i64::from), answer: attempt.answer,
            },
        )?;
        Ok(())
    }

    fn end(self, change: &mut Change<'_, '_>, state: &str, reason: Option<&str>) -> Result<()> {
        let now = change.now();
        change.write(
            "UPDATE webhook_delivery SET state = :state, reason = :reason, next_at = NULL, finished_at = :now \
             WHERE tenant_id = :tenant AND webhook_id = :webhook AND event_id = :event",
            bind! { state: state, reason: reason, now: now, webhook: self.webhook, event: self.event },
        )?;
        Ok(())
    }

    fn done(self, change: &mut Change<'_, '_>, due: &Due, attempt: &Attempt) -> Result<Finished> {
        self.record(change, due, attempt, due.tries + 1)?;
        self.end(change, "delivered", None)?;
        if due.failures > 0 || due.paused_until.is_some() {
            endpoint::recovered(change, self.webhook)?;
        }
        Ok(Finished(Some(json!({ "attempts": due.attempts + 1, "status": attempt.status }))))
    }

    /// A failure: on record, counted against the endpoint, and tried again at `next`.
    fn failed(
        self,
        change: &mut Change<'_, '_>,
        engine: &Webhooks,
        due: &Due,
        attempt: &Attempt,
        tries: i64,
        next: Option<Time>,
    ) -> Result<()> {
        self.record(change, due, attempt, tries)?;
        let failures = due.failures + 1;
        let pause = match attempt.wish {
            Wish::Slower(wish) => Some(wish.unwrap_or_else(|| engine.breather(PATIENCE)).min(LONGEST_WISH)),
            _ if failures >= PATIENCE => Some(engine.breather(failures)),
            _ => None,
        };
        let now = change.now();
        endpoint::suffered(change, self.webhook, pause.map(|pause| now.plus(pause)))?;
        match next {
            Some(at) => self.plan(change, at),
            None if attempt.wish == Wish::Gone => endpoint::disable(change, self.webhook, Reason::Gone),
            None if endpoint::failing_for(change, self.webhook)? >= engine.config.disable_after.duration() => {
                endpoint::disable(change, self.webhook, Reason::Failing)
            }
            None => endpoint::tell(change, self.webhook),
        }
    }

    /// The last attempt has failed, or none may be made: the job becomes a dead letter.
    async fn give_up(self, ctx: &Ctx<(), Write>, due: Due, made: Option<(Attempt, i64)>, why: &str) -> Result<Committed<Finished>> {
        let (engine, said) = (ctx.host.webhooks.clone(), why.to_owned());
        engine.counts.dead();
        let recorded = ctx.host.commit(ctx.tenant, ctx.origin(), move |change| {
            change.unrecorded();
            if let Some((attempt, tries)) = &made {
                self.failed(change, &engine, &due, attempt, *tries, None)?;
            }
            self.end(change, "dead", Some(&said))?;
            Ok(Empty)
        });
        recorded.await?;
        // A final failure; its attempts are on record in the delivery.
        Err(Code::Invalid.because(format!("the event {} was not delivered to {}: {why}", self.event, self.webhook)))
    }
}

impl Webhooks {
    /// The pause after the failed attempt of this number, from 1; nothing after the last.
    pub(super) fn pause(&self, tries: i64, seed: &Seed) -> Option<Duration> {
        let full = self.config.schedule.get(usize::try_from(tries).ok()?.checked_sub(1)?)?.duration();
        let tenth = u64::try_from(full.as_micros() / 10).unwrap_or(0);
        Some(full + Duration::from_micros(seed.below(tenth.max(1))))
    }

    /// How long an endpoint is left alone after so many failures in a row: from the first pause of
    /// the schedule, doubled each time, to the second.
    fn breather(&self, failures: i64) -> Duration {
        let of = |n: usize| self.config.schedule.get(n).map_or(Duration::ZERO, |span| span.duration());
        let doublings = u32::try_from((failures - PATIENCE).clamp(0, 20)).unwrap_or(0);
        of(0).saturating_mul(1 << doublings).min(of(1).max(of(0)))
    }
}
