//! What `adopt` says: as text, as JSON.

use std::fmt::Write;

use serde_json::{Value, json};

use super::{
    document::Merged,
    found::{Evidence, Service, clean, is_hostile},
    proposal::Proposal,
    words,
};

/// Everything there is to say about one service.
pub struct Adoption<'a> {
    /// What was recognised.
    pub service: &'a Service,
    /// What is proposed.
    pub proposal: &'a Proposal,
    /// The file with it.
    pub merged: &'a Merged,
    /// What changes in it.
    pub diff: &'a str,
    /// The file.
    pub file: &'a str,
    /// Other services that were seen and passed over.
    pub passed: &'a [String],
    /// What was not looked at.
    pub skipped: &'a [String],
}

/// The command that puts the service behind the host.
pub fn command(service: &Service) -> String {
    match &service.start.fixed_port {
        Some((port, _)) => format!("plimsoll run --upstream http://127.0.0.1:{port}"),
        None => format!("plimsoll run -- {}", clean_line(&words::line(&service.start.words))),
    }
}

/// The same for a command or a line of a file, which are never cut short.
fn clean_line(line: &str) -> String {
    line.chars().map(|c| if c != '\t' && is_hostile(c) { '\u{fffd}' } else { c }).collect()
}

/// The comment at the top of a new file.
pub fn head(service: &Service) -> String {
    let mut out = format!("# Proposed by `plimsoll adopt` ({}). Each line says from what it is known.\n#\n", service.framework);
    for line in &service.start.before {
        let _ = writeln!(out, "#   {}", clean(line));
    }
    let _ = writeln!(out, "#   {}\n#", command(service));
    for evidence in &service.start.evidence {
        let _ = writeln!(out, "# {}: {}", evidence.place(), evidence.what);
    }
    out
}

/// For people.
pub fn plain(adoption: &Adoption<'_>) -> String {
    let Adoption { service, proposal, merged, .. } = adoption;
    let mut out = String::new();
    let place = if service.root.is_empty() { String::new() } else { format!(" in {}", clean(&service.root)) };
    let _ = writeln!(out, "{}{place}", service.framework);
    seen(&mut out, &service.start.evidence);
    out.push_str("\nStart it with\n\n");
    for line in &service.start.before {
        let _ = writeln!(out, "  {}", clean(line));
    }
    let _ = writeln!(out, "  {}\n", command(service));
    if let Some((port, evidence)) = &service.start.fixed_port {
        let _ = writeln!(
            out,
            "  The service takes port {port} whatever it is told ({}); start it beside, as you always do:\n\n  {}\n",
            evidence.place(),
            clean_line(&words::line(&service.start.words))
        );
    }
    let notes: Vec<&String> = service.start.notes.iter().chain(&proposal.notes).collect();
    group(&mut out, "Note", notes.iter().map(|note| clean(note)));
    group(&mut out, "Also seen, passed over", adoption.passed.iter().map(|one| clean(one)));
    group(&mut out, "Not looked at", adoption.skipped.iter().map(|one| clean(one)));
    group(&mut out, "Kept as your file has it", merged.kept.iter().map(|key| clean(key)));
    group(&mut out, "Left to you, because your file writes the table in one line", merged.blocked.iter().map(|line| clean(line)));
    if adoption.diff.is_empty() {
        let _ = writeln!(out, "{} lacks nothing of what was found", adoption.file);
    } else {
        // The file may be anybody's too, so its lines are shown like all others.
        for line in adoption.diff.lines() {
            let _ = writeln!(out, "{}", clean_line(line.trim_end_matches('\r')));
        }
    }
    out
}

fn seen(out: &mut String, evidence: &[Evidence]) {
    for one in evidence {
        let _ = writeln!(out, "  {}  {}", one.place(), one.what);
    }
}

fn group(out: &mut String, title: &str, lines: impl Iterator<Item = String>) {
    let lines: Vec<String> = lines.collect();
    if !lines.is_empty() {
        let _ = writeln!(out, "{title}\n  {}\n", lines.join("\n  "));
    }
}

/// For programs: `plimsoll.adoption/1`.
pub fn value(adoption: &Adoption<'_>, written: bool) -> Value {
    let Adoption { service, proposal, merged, .. } = adoption;
    let entries: Vec<Value> = proposal
        .entries
        .iter()
        .map(|entry| json!({ "section": entry.section, "key": entry.key, "value": entry.value, "reason": entry.reason, "evidence": entry.evidence, "offered": entry.offered }))
        .collect();
    let routes: Vec<Value> = service
        .routes
        .iter()
        .map(|route| json!({ "method": route.method, "path": clean(&route.path), "certain": route.certain, "file": route.evidence.file, "line": route.evidence.line }))
        .collect();
    json!({
        "schema": "plimsoll.adoption/1",
        "framework": service.framework,
        "folder": clean(&service.root),
        "command": command(service),
        "start": { "words": service.start.words, "before": service.start.before, "fixed_port": service.start.fixed_port.as_ref().map(|(port, _)| port), "evidence": service.start.evidence },
        "proposed": entries,
        "routes": routes,
        "notes": service.start.notes.iter().chain(&proposal.notes).map(|note| clean(note)).collect::<Vec<_>>(),
        "passed_over": adoption.passed,
        "skipped": adoption.skipped,
        "kept": merged.kept,
        "blocked": merged.blocked,
        "file": adoption.file,
        "diff": adoption.diff,
        "written": written,
    })
}
