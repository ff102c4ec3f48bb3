//! `/console/jobs`: depth by kind, dead letters with their reasons, and the buttons.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use http::Response;
use plimsoll_core::{Access, Code, JobId, Result, Role, Time};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{
    figures::{Stats, Whose},
    find::{Filter, STATES},
    order::{self, Done},
    record::{Detail, Line},
};
use crate::{
    Body, Committed,
    console::{self, Form},
    ctx::{Ctx, Read, Write},
    manual::escaped,
    route::{Path, Query, RouteClass, Routes},
};

const READ: Access = Access::needs("jobs:watch", Role::Admin);
const WRITE: Access = Access::needs("jobs:write", Role::Admin);
/// Jobs of one state on the page; the API and the command line show all.
const SHOWN: i64 = 25;

/// Declares the pages.
pub fn routes(r: &mut Routes<'_, ()>) {
    r.get("/console/jobs", READ, overview).named("console.jobs").class(RouteClass::Read).hidden().document();
    r.get("/console/jobs/{id}", READ, single).named("console.job").class(RouteClass::Read).hidden().document();
    r.post("/console/jobs/{id}/replay", WRITE, replay).named("jobs.replay").hidden().document();
    r.post("/console/jobs/{id}/discard", WRITE, discard).named("jobs.discard").hidden().document();
    r.post("/console/jobs/{id}/cancel", WRITE, cancel).named("jobs.cancel").hidden().document();
}

/// What was done a moment ago.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Said {
    #[schemars(regex(pattern = "^(replayed|discarded|cancelled|cancelling)$"))]
    done: Option<String>,
}

async fn overview(ctx: Ctx<(), Read>, Query(said): Query<Said>) -> Result<Response<Body>> {
    let now = ctx.now();
    let (stats, dead, busy) = ctx
        .read(move |tx| {
            let of = |state: &str| Filter { state: Some(state.to_owned()), ..Filter::default() };
            let mut busy = of("running").lines(tx, SHOWN, 0)?;
            busy.extend(of("ready").lines(tx, SHOWN, 0)?);
            busy.extend(of("waiting").lines(tx, SHOWN, 0)?);
            Ok((Stats::count(tx, Whose::Tenant, now)?, of("dead").lines(tx, SHOWN, 0)?, busy))
        })
        .await?;
    let mut body = String::from("<h1>Jobs</h1>");
    if let Some(done) = said.done.as_deref() {
        let _ = write!(body, "<p class=\"notice done\" role=\"status\">{}</p>", told(done));
    }
    figures(&mut body, &stats);
    let count = stats.in_state("dead");
    let _ = write!(body, "<section><h2>Dead letters</h2>");
    if dead.is_empty() {
        body.push_str("<p class=\"muted\">None: nothing waits for you.</p>");
    }
    dead.iter().for_each(|job| letter(&mut body, job, now));
    if count > SHOWN {
        let _ = write!(
            body,
            "<p class=\"muted\">The newest {SHOWN} of {count}. For many at once: <code>plimsoll jobs replay --kind KIND</code></p>"
        );
    }
    body.push_str("</section><section><h2>By kind</h2>");
    kinds(&mut body, &stats);
    body.push_str("</section><section><h2>At work</h2>");
    if busy.is_empty() {
        body.push_str("<p class=\"muted\">Nothing runs and nothing waits.</p>");
    }
    busy.iter().for_each(|job| at_work(&mut body, job, now));
    body.push_str("</section>");
    Ok(console::page("Jobs", &body))
}

fn told(done: &str) -> &'static str {
    match done {
        "replayed" => "It is in the queue again.",
        "discarded" => "It was discarded.",
        "cancelling" => "It runs and was told to stop.",
        _ => "It was cancelled.",
    }
}

fn figures(out: &mut String, stats: &Stats) {
    let figure = |out: &mut String, name: &str, count: i64, alarm: bool, small: &str| {
        let class = if alarm { " class=\"alarm\"" } else { "" };
        let _ = write!(out, "<div{class}><dt>{name}</dt><dd>{count}<small>{small}</small></dd></div>");
    };
    let age = |word: &str, at: Option<Time>| at.map_or_else(String::new, |at| format!("{word} {}", ago(stats.at, at)));
    out.push_str("<dl class=\"figures\">");
    let dead = stats.in_state("dead");
    figure(out, "Dead letters", dead, dead > 0, &age("oldest", stats.oldest_dead_at));
    figure(out, "Ready", stats.in_state("ready"), false, &age("oldest", stats.oldest_ready_at));
    figure(out, "Running", stats.in_state("running"), false, "");
    figure(out, "Waiting", stats.in_state("waiting"), false, "");
    if let Some(last) = stats.throughput.iter().find(|one| one.minutes == 15) {
        figure(out, "Done in 15 min", last.done, false, &format!("{} attempts failed", last.failed));
    }
    out.push_str("</dl>");
}

fn kinds(out: &mut String, stats: &Stats) {
    let mut by_kind: BTreeMap<&str, BTreeMap<&str, i64>> = BTreeMap::new();
    for count in &stats.counts {
        by_kind.entry(&count.kind).or_default().insert(&count.state, count.count);
    }
    if by_kind.is_empty() {
        out.push_str("<p class=\"muted\">There are no jobs yet.</p>");
        return;
    }
    let shown: Vec<&str> = STATES.iter().copied().filter(|state| stats.in_state(state) > 0).collect();
    out.push_str("<table><thead><tr><th>kind</th>");
    for state in &shown {
        let _ = write!(out, "<th class=\"number\">{state}</th>");
    }
    out.push_str("</tr></thead><tbody>");
    for (kind, states) in by_kind {
        let _ = write!(out, "<tr><td class=\"mono\">{}</td>", escaped(kind));
        for state in &shown {
            let _ = write!(out, "<td class=\"number\">{}</td>", states.get(state).copied().unwrap_or(0));
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table>");
}

fn head(out: &mut String, job: &Line) {
    let _ = write!(
        out,
        "<header><strong>{}</strong><a class=\"mono\" href=\"/console/jobs/{}\">{}</a></header>",
        escaped(&job.kind),
        job.id,
        job.id
    );
}

fn letter(out: &mut String, job: &Line, now: Time) {
    out.push_str("<article class=\"job\">");
    head(out, job);
    if let Some(error) = &job.error {
        let _ = write!(out, "<p class=\"why\">{} <span class=\"mono\">{}</span></p>", escaped(&error.detail), escaped(&error.code));
    }
    let _ = write!(out, "<p class=\"muted\">{}", times(job.attempts, "attempt"));
    if job.replays > 0 {
        let _ = write!(out, ", {}", times(job.replays, "replay"));
    }
    if let Some(at) = job.finished_at {
        let _ = write!(out, ", dead {}", stamp(now, at));
    }
    out.push_str("</p>");
    buttons(out, job);
    out.push_str("</article>");
}

fn buttons(out: &mut String, job: &Line) {
    let id = job.id;
    let _ = write!(
        out,
        "<form method=\"post\" action=\"/console/jobs/{id}/replay\"><button class=\"primary\">Replay</button>\
         <a class=\"button\" href=\"/console/jobs/{id}\">Look and correct</a></form>\
         <details><summary>Discard</summary><form method=\"post\" action=\"/console/jobs/{id}/discard\">\
         <input name=\"reason\" required minlength=\"3\" maxlength=\"500\" autocomplete=\"off\" aria-label=\"Why it may be thrown away\" \
         placeholder=\"Why it may be thrown away\"><button>Discard</button></form></details>"
    );
}

fn at_work(out: &mut String, job: &Line, now: Time) {
    out.push_str("<article class=\"job\">");
    head(out, job);
    let since = match job.state.as_str() {
        "running" => job.started_at.map_or_else(String::new, |at| format!(", attempt {} since {}", job.attempts, stamp(now, at))),
        "waiting" => format!(", due {}", stamp(now, job.run_at)),
        _ => format!(", since {}", stamp(now, job.run_at)),
    };
    let _ = write!(out, "<p class=\"muted\">{}{since}", escaped(&job.state));
    if let Some(progress) = &job.progress {
        let part = |number: Option<i64>| number.map_or_else(|| "?".to_owned(), |number| number.to_string());
        let _ = write!(out, ", {} of {} {}", part(progress.done), part(progress.total), escaped(progress.note.as_deref().unwrap_or("")));
    }
    out.push_str("</p>");
    if job.cancel_at.is_some() {
        out.push_str("<p class=\"muted\">Was told to stop.</p>");
    } else {
        cancel_form(out, job.id);
    }
    out.push_str("</article>");
}

fn cancel_form(out: &mut String, id: JobId) {
    let _ = write!(
        out,
        "<details><summary>Cancel</summary><form method=\"post\" action=\"/console/jobs/{id}/cancel\">\
         <input name=\"reason\" required minlength=\"3\" maxlength=\"500\" autocomplete=\"off\" aria-label=\"Why\" placeholder=\"Why\">\
         <button>Cancel this job</button></form></details>"
    );
}

async fn single(ctx: Ctx<(), Read>, Path(id): Path<JobId>) -> Result<Response<Body>> {
    let now = ctx.now();
    let job = ctx.read(move |tx| Detail::find(tx, id)).await?.ok_or_else(order::absent)?;
    let line = &job.line;
    let mut body = String::new();
    let _ = write!(body, "<h1>{} <span class=\"muted\">{}</span></h1><dl class=\"facts\">", escaped(&line.kind), escaped(&line.state));
    let mut fact = |name: &str, html: String| {
        let _ = write!(body, "<dt>{name}</dt><dd>{html}</dd>");
    };
    fact("Job", format!("<span class=\"mono\">{id}</span>"));
    fact(
        "Attempts",
        format!(
            "{} of {}{}",
            line.attempts,
            line.most_attempts,
            if line.replays > 0 { format!(", {}", times(line.replays, "replay")) } else { String::new() }
        ),
    );
    fact("Made", format!("{} by <span class=\"mono\">{}</span>", stamp(now, line.created_at), escaped(&line.actor)));
    if let (Some(first), Some(last)) = (job.first_failed_at, job.last_failed_at) {
        fact("Failed", format!("first {}, last {}", stamp(now, first), stamp(now, last)));
    }
    for (name, text) in [("Request", &line.request), ("Trace", &job.trace_id)] {
        if let Some(text) = text {
            fact(name, format!("<span class=\"mono\">{}</span>", escaped(text)));
        }
    }
    if let Some(reason) = &line.reason {
        fact("Reason", escaped(reason));
    }
    body.push_str("</dl>");
    let payload = pretty(job.payload.as_ref());
    if matches!(line.state.as_str(), "dead" | "cancelled") {
        let _ = write!(
            body,
            "<section class=\"job\"><h2>Replay</h2><form class=\"column\" method=\"post\" action=\"/console/jobs/{id}/replay\">\
             <label for=\"payload\">Payload: correct it here, or leave it as it is</label>\
             <textarea id=\"payload\" name=\"payload\" spellcheck=\"false\">\n{}</textarea>\
             <input name=\"reason\" maxlength=\"500\" autocomplete=\"off\" aria-label=\"What was repaired\" placeholder=\"What was repaired\">\
             <button class=\"primary\">Replay</button></form>",
            escaped(&payload)
        );
        if line.state == "dead" {
            let _ = write!(
                body,
                "<details><summary>Discard</summary><form method=\"post\" action=\"/console/jobs/{id}/discard\">\
                 <input name=\"reason\" required minlength=\"3\" maxlength=\"500\" autocomplete=\"off\" aria-label=\"Why it may be thrown away\" \
                 placeholder=\"Why it may be thrown away\"><button>Discard</button></form></details>"
            );
        }
        body.push_str("</section>");
    } else {
        let _ = write!(body, "<section><h2>Payload</h2><pre>{}</pre></section>", escaped(&payload));
        if line.state != "done" && line.cancel_at.is_none() {
            body.push_str("<section class=\"job\">");
            cancel_form(&mut body, id);
            body.push_str("</section>");
        }
    }
    if let Some(result) = &job.result {
        let _ = write!(body, "<section><h2>Result</h2><pre>{}</pre></section>", escaped(&pretty(Some(result))));
    }
    if !job.failures.is_empty() {
        body.push_str("<section><h2>Failed attempts</h2>");
        for failure in job.failures.iter().rev() {
            let _ = write!(
                body,
                "<article class=\"job\"><header><strong>Attempt {}</strong><span class=\"muted\">{} in process <span class=\"mono\">{}</span></span></header>\
                 <p class=\"why\">{} {}</p>",
                failure.attempt,
                stamp(now, failure.at),
                escaped(&failure.worker),
                escaped(&failure.detail),
                explained(&failure.code)
            );
            if let Some(cause) = &failure.cause {
                let _ = write!(body, "<pre>{}</pre>", escaped(cause));
            }
            body.push_str("</article>");
        }
        body.push_str("</section>");
    }
    Ok(console::page(&escaped(&line.kind), &body))
}

/// A code, with the way to its page.
fn explained(code: &str) -> String {
    match Code::named(code) {
        Some(known) => format!("<a class=\"mono\" href=\"/problems/{}\">{}</a>", known.slug(), known.stable()),
        None => format!("<span class=\"mono\">{}</span>", escaped(code)),
    }
}

fn pretty(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(value) => serde_json::to_string_pretty(value).unwrap_or_default(),
        None => String::new(),
    }
}

fn times(count: i64, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

/// A moment as people say it, with the exact one to be seen.
fn stamp(now: Time, at: Time) -> String {
    format!("<time datetime=\"{at}\" title=\"{at}\">{}</time>", ago(now, at))
}

/// `3 min ago`, `in 20 s`.
pub fn ago(now: Time, at: Time) -> String {
    let length = |span: Duration| match span.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3_600 => format!("{} min", seconds / 60),
        seconds @ 3_600..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} days", seconds / 86_400),
    };
    if at > now { format!("in {}", length(at.since(now))) } else { format!("{} ago", length(now.since(at))) }
}

fn reason(form: &Form) -> Result<String> {
    let reason = form.field("reason").filter(|text| text.chars().count() >= 3);
    reason.map(|text| text.chars().take(500).collect()).ok_or_else(|| Code::Invalid.because("say why, in a few words"))
}

async fn replay(ctx: Ctx<(), Write>, (Path(id), form): (Path<JobId>, Form)) -> Result<Committed<Response<Body>>> {
    super::operated(&ctx.host)?;
    let host = ctx.host.clone();
    let payload: Option<Value> = match form.field("payload") {
        Some(text) => Some(serde_json::from_str(text).map_err(|error| Code::Invalid.because(format!("the payload is no JSON: {error}")))?),
        None => None,
    };
    ctx.commit(move |change| {
        // A payload that was only looked at is none that was corrected.
        let known = Detail::find(change, id)?.and_then(|job| job.payload);
        let fixed = payload.filter(|payload| known.as_ref() != Some(payload));
        order::replay(change, &host.work.kinds, id, fixed.as_ref(), form.field("reason"))?;
        Ok(console::back("/console/jobs?done=replayed"))
    })
    .await
}

async fn discard(ctx: Ctx<(), Write>, (Path(id), form): (Path<JobId>, Form)) -> Result<Committed<Response<Body>>> {
    super::operated(&ctx.host)?;
    let (host, reason) = (ctx.host.clone(), reason(&form)?);
    ctx.commit(move |change| {
        order::discard(change, &host.work.kinds, id, &reason)?;
        Ok(console::back("/console/jobs?done=discarded"))
    })
    .await
}

async fn cancel(ctx: Ctx<(), Write>, (Path(id), form): (Path<JobId>, Form)) -> Result<Committed<Response<Body>>> {
    let (host, reason) = (ctx.host.clone(), reason(&form)?);
    ctx.commit(move |change| {
        let done = order::cancel(change, &host.work.kinds, id, Some(&reason))?;
        Ok(console::back(if done == Done::Cancelling { "/console/jobs?done=cancelling" } else { "/console/jobs?done=cancelled" }))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_said_as_people_say_them() {
        let now = Time::from_micros(1_000_000_000_000);
        let before = |seconds| ago(now, now.minus(Duration::from_secs(seconds)));
        assert_eq!(
            [before(0), before(59), before(60), before(7_200), before(172_800)],
            ["0 s ago", "59 s ago", "1 min ago", "2 h ago", "2 days ago"]
        );
        assert_eq!(ago(now, now.plus(Duration::from_secs(90))), "in 1 min");
    }
}
