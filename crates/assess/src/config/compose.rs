//! Compose files.
//!
//! Every value is a fact at its path; lists of variables and the forms of a command are brought to
//! one shape. The fact `service` says of each service what it has, so that services can be counted:
//! `service`, `image`, `tag`, `digest`, `build`, `healthcheck`, `restart`, `user`, `cpus`, `memory`,
//! `port`, `network`, `env-file`, `depends`, `read-only`, `privileged`, `cap-drop`, `command`,
//! `logging`, `replicas`, `secret`, `profile`.

use crate::fact::{Extract, Fact, Kind};

use super::{
    base, docker, ending,
    node::At,
    sheet::{self, Sheet, yes},
    yaml,
};

/// Keys whose lists are one command.
const COMMANDS: &[&str] = &["command", "entrypoint", "test"];

/// Reads a compose file.
pub fn read(path: &str, text: &str) -> Option<(&'static str, Extract)> {
    if !matches!(ending(path), "yml" | "yaml") || !text.contains("services") || path.contains(".github/") {
        return None;
    }
    let doc = yaml::read(text);
    let root = doc.first()?;
    let services = root.get("services").filter(At::is_map)?;
    let name = base(path).to_ascii_lowercase();
    let named = name.contains("compose");
    let runs = |(_, _, service): (&str, u32, At<'_>)| service.get("image").is_some() || service.get("build").is_some();
    if !named && !services.entries().any(runs) {
        return None;
    }
    let mut sheet = Sheet::default();
    sheet.trouble(doc.trouble.iter().cloned());
    for (name, line, service) in services.entries() {
        sheet.push(summary(name, line, service));
        values(&mut sheet, name, line, service);
    }
    for (key, _, part) in root.entries().filter(|(key, _, _)| *key != "services" && !key.starts_with("x-")) {
        sheet.leaves(Kind::Compose, part, key, COMMANDS);
    }
    Some(("compose", sheet.done()))
}

/// The values of a service.
fn values(sheet: &mut Sheet, name: &str, line: u32, service: At<'_>) {
    let top = format!("services.{name}");
    if service.is_null() {
        sheet.push(Fact::new(Kind::Compose, top, line, line).with("value", ""));
        return;
    }
    for (key, at_line, part) in service.entries() {
        let path = format!("{top}.{key}");
        let fact = |at: At<'_>, text: &str| Fact::new(Kind::Compose, path.clone(), at.line(), at.end()).with("value", sheet::value(text));
        match key {
            "environment" | "labels" | "build.args" if part.is_list() => {
                for item in part.items() {
                    let text = item.text().unwrap_or_default();
                    let (variable, value) = text.split_once('=').unwrap_or((text, ""));
                    sheet.push(
                        Fact::new(Kind::Compose, sheet::value(&format!("{path}.{variable}")), item.line(), item.end())
                            .with("value", sheet::value(value)),
                    );
                }
            }
            "ports" => {
                for item in part.items() {
                    match item.text() {
                        Some(text) => sheet.push(port(fact(item, text), text)),
                        None => sheet.leaves(Kind::Compose, item, &path, COMMANDS),
                    }
                }
            }
            "volumes" => {
                for item in part.items() {
                    match item.text() {
                        Some(text) => sheet.push(volume(fact(item, text), text)),
                        None => {
                            let bind = item.text_of("type") == Some("bind");
                            let (source, target) = (item.text_of("source").unwrap_or_default(), item.text_of("target").unwrap_or_default());
                            let mode = if item.text_of("read_only") == Some("true") { "ro" } else { "rw" };
                            let mut one = fact(item, &format!("{source}:{target}"));
                            one = one.with("source", sheet::value(source)).with("target", sheet::value(target));
                            sheet.push(one.with("mode", mode).with("bind", yes(bind)));
                        }
                    }
                }
            }
            _ => {
                let mut leaves = part.leaves(&path, COMMANDS);
                for leaf in &mut leaves {
                    // A value without a place of its own stands where its key stands.
                    leaf.line = leaf.line.max(at_line.min(leaf.line));
                    sheet.leaf(Kind::Compose, leaf);
                }
            }
        }
    }
}

/// The parts of `127.0.0.1:8080:80/tcp`.
fn port(fact: Fact, text: &str) -> Fact {
    let plain = text.split('/').next().unwrap_or(text);
    // Colons within ${A:-1} separate nothing.
    let (mut parts, mut depth) = (vec![String::new()], 0_u32);
    for character in sheet::cut(plain, 200).chars() {
        match character {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ':' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(last) = parts.last_mut() {
            last.push(character);
        }
    }
    match parts.as_slice() {
        [ip @ .., host, container] => {
            let fact = fact.with("host", host.clone()).with("container", container.clone());
            if ip.is_empty() { fact } else { fact.with("ip", ip.join(":")) }
        }
        _ => fact.with("container", plain.to_owned()),
    }
}

/// The parts of `./a:/b:ro`.
fn volume(fact: Fact, text: &str) -> Fact {
    let mut parts = sheet::cut(text, 400).split(':');
    let (first, second, mode) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
    match second {
        Some(target) => {
            let bind = first.starts_with(['.', '/', '~', '$']);
            fact.with("source", first).with("target", target).with("mode", mode.unwrap_or("rw")).with("bind", yes(bind))
        }
        None => fact.with("target", first).with("bind", "no"),
    }
}

/// What a service has.
fn summary(name: &str, line: u32, service: At<'_>) -> Fact {
    let mut fact = Fact::new(Kind::Compose, "service", line, service.end().max(line)).with("service", sheet::value(name));
    let mut add = |key: &str, value: &str| fact.attrs.push((key.to_owned(), sheet::value(value)));
    if let Some(reference) = service.text_of("image") {
        let (image, tag, digest) = docker::image(reference);
        add("image", &image);
        if let Some(tag) = tag {
            add("tag", &tag);
        }
        if let Some(digest) = digest {
            add("digest", &digest);
        }
    }
    if let Some(build) = service.get("build") {
        add("build", build.text().or_else(|| build.text_of("context")).unwrap_or("."));
        if let Some(file) = build.text_of("dockerfile") {
            add("dockerfile", file);
        }
    }
    let check = service.get("healthcheck");
    let off = check
        .is_some_and(|check| check.text_of("disable") == Some("true") || check.get("test").is_some_and(|test| test.joined() == "NONE"));
    add("healthcheck", yes(check.is_some() && !off));
    for (key, as_) in [
        ("restart", "restart"),
        ("user", "user"),
        ("read_only", "read-only"),
        ("privileged", "privileged"),
        ("mem_limit", "memory"),
        ("cpus", "cpus"),
        ("stop_grace_period", "stop-grace"),
        ("init", "init"),
    ] {
        if let Some(value) = service.text_of(key) {
            add(as_, value);
        }
    }
    for (key, as_) in [("cpus", "cpus"), ("memory", "memory")] {
        if let Some(value) = service.path(&["deploy", "resources", "limits", key]).and_then(|at| at.text()) {
            add(as_, value);
        }
    }
    if let Some(value) = service.path(&["deploy", "replicas"]).and_then(|at| at.text()) {
        add("replicas", value);
    }
    if let Some(value) = service.path(&["deploy", "restart_policy", "condition"]).and_then(|at| at.text()) {
        add("restart", value);
    }
    if let Some(driver) = service.path(&["logging", "driver"]).and_then(|at| at.text()) {
        add("logging", driver);
    }
    for key in ["command", "entrypoint"] {
        if let Some(command) = service.get(key) {
            add(key, &command.joined());
        }
    }
    for (key, as_) in [
        ("ports", "port"),
        ("networks", "network"),
        ("env_file", "env-file"),
        ("depends_on", "depends"),
        ("cap_drop", "cap-drop"),
        ("cap_add", "cap-add"),
        ("security_opt", "security-opt"),
        ("secrets", "secret"),
        ("profiles", "profile"),
    ] {
        for value in service.get(key).map(|at| at.words()).unwrap_or_default().into_iter().take(64) {
            add(as_, value);
        }
    }
    fact
}
