//! Jobs as text, for somebody who was woken up for them.

use std::{collections::BTreeMap, fmt::Write as _};

use plimsoll::{
    Time,
    work::admin::{
        ago,
        figures::Stats,
        find::STATES,
        record::{Detail, Line},
    },
};
use serde_json::Value;

use crate::output;

/// `1 job`, `2 jobs`.
pub fn counted(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

/// A list.
pub fn lines(lines: &[Line], slug: impl Fn(&Line) -> String, now: Time) -> String {
    if lines.is_empty() {
        return "no such jobs".to_owned();
    }
    let rows: Vec<Vec<String>> = lines
        .iter()
        .map(|line| {
            let why = line.error.as_ref().map(|error| format!("{} {}", error.code, error.detail));
            vec![
                line.id.to_string(),
                slug(line),
                line.kind.clone(),
                line.state.clone(),
                format!("{}/{}", line.attempts, line.most_attempts),
                ago(now, line.created_at),
                cut(&why.or_else(|| line.reason.clone()).unwrap_or_default()),
            ]
        })
        .collect();
    output::columns(&["id", "tenant", "kind", "state", "tries", "made", "why"], &rows)
}

fn cut(text: &str) -> String {
    const LONGEST: usize = 80;
    if text.chars().count() <= LONGEST { text.to_owned() } else { text.chars().take(LONGEST - 1).chain(['…']).collect() }
}

/// One job: what it is, why it failed, and what can be done about it.
pub fn detail(job: &Detail, slug: &str, now: Time) -> String {
    let line = &job.line;
    let when = |at: Time| format!("{at} ({})", ago(now, at));
    let mut out = String::new();
    let mut fact = |name: &str, text: String| {
        let _ = writeln!(out, "{name:<9} {text}");
    };
    fact("job", line.id.to_string());
    fact("kind", line.kind.clone());
    fact(
        "state",
        if line.cancel_at.is_some() && line.state == "running" { "running, told to stop".to_owned() } else { line.state.clone() },
    );
    fact("tenant", slug.to_owned());
    let replays = if line.replays > 0 {
        format!(", replayed {}", counted(usize::try_from(line.replays).unwrap_or(0), "time"))
    } else {
        String::new()
    };
    fact("attempts", format!("{} of {}{replays}", line.attempts, line.most_attempts));
    fact("made", format!("{} by {}", when(line.created_at), line.actor));
    match line.state.as_str() {
        "waiting" => fact("due", when(line.run_at)),
        "running" => line.started_at.into_iter().for_each(|at| fact("running", format!("since {}", when(at)))),
        _ => line.finished_at.into_iter().for_each(|at| fact("ended", when(at))),
    }
    if let Some(progress) = &line.progress {
        let part = |number: Option<i64>| number.map_or_else(|| "?".to_owned(), |number| number.to_string());
        fact("progress", format!("{} of {} {}", part(progress.done), part(progress.total), progress.note.as_deref().unwrap_or("")));
    }
    for (name, text) in [("request", &line.request), ("trace", &job.trace_id), ("reason", &line.reason)] {
        text.iter().for_each(|text| fact(name, text.clone()));
    }
    for (name, value) in [("payload", &job.payload), ("result", &job.result)] {
        if let Some(value) = value {
            let text = match value {
                Value::String(text) => text.clone(),
                value => serde_json::to_string_pretty(value).unwrap_or_default(),
            };
            fact(name, text.replace('\n', "\n          "));
        }
    }
    if !job.failures.is_empty() {
        let _ = write!(out, "\nfailed {}", counted(job.failures.len(), "time"));
        if let (Some(first), Some(last)) = (job.first_failed_at, job.last_failed_at) {
            let _ = write!(out, ", first {}, last {}", ago(now, first), ago(now, last));
        }
        out.push('\n');
        for failure in &job.failures {
            let _ = writeln!(out, "  #{} {} {} {}", failure.attempt, failure.at, failure.code, failure.detail);
            if let Some(cause) = &failure.cause {
                let _ = writeln!(out, "     cause: {}", cause.replace('\n', "\n            "));
            }
        }
    }
    if line.state == "dead" {
        let id = line.id;
        let _ = write!(
            out,
            "\nrepair the cause, then:  plimsoll jobs replay {id}\nor correct the payload:  plimsoll jobs replay {id} --payload '{{…}}'   (or @FILE, or - for standard input)\n\
             or give it up:           plimsoll jobs discard {id} --reason \"…\""
        );
    }
    out.trim_end().to_owned()
}

/// Counts.
pub fn stats(stats: &Stats) -> String {
    let mut by_kind: BTreeMap<&str, BTreeMap<&str, i64>> = BTreeMap::new();
    for count in &stats.counts {
        by_kind.entry(&count.kind).or_default().insert(&count.state, count.count);
    }
    if by_kind.is_empty() {
        return "no jobs yet".to_owned();
    }
    let heads: Vec<&str> = std::iter::once("kind").chain(STATES).collect();
    let rows: Vec<Vec<String>> = by_kind
        .into_iter()
        .map(|(kind, states)| {
            let counts = STATES.iter().map(|state| states.get(state).map_or_else(|| "-".to_owned(), i64::to_string));
            std::iter::once(kind.to_owned()).chain(counts).collect()
        })
        .collect();
    let mut out = output::columns(&heads, &rows);
    out.push('\n');
    if let Some(at) = stats.oldest_ready_at {
        let _ = write!(out, "\noldest ready        {}", ago(stats.at, at));
    }
    if let Some(at) = stats.oldest_dead_at {
        let _ = write!(out, "\noldest dead letter  {}   (plimsoll jobs list --state dead)", ago(stats.at, at));
    }
    for one in &stats.throughput {
        let _ = write!(out, "\nlast {:>2} min         {} done, {} died, {} attempts failed", one.minutes, one.done, one.dead, one.failed);
    }
    out
}
