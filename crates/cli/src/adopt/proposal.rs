//! From what was found to lines of a configuration.

use std::collections::{BTreeMap, BTreeSet};

use super::found::{Evidence, Gives, RouteSeen, Service, is_plain};

/// A line that is proposed.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The table it belongs into, such as `service` or `routes.rules`.
    pub section: &'static str,
    /// As it is written in the file.
    pub key: String,
    /// In the notation of the file.
    pub value: String,
    /// Why, in one line.
    pub reason: String,
    /// From what.
    pub evidence: Vec<Evidence>,
    /// Whether it is only shown as a comment, for the owner to decide.
    pub offered: bool,
}

/// What is proposed for a service.
#[derive(Debug)]
pub struct Proposal {
    /// The lines, section by section.
    pub entries: Vec<Entry>,
    /// What to know besides.
    pub notes: Vec<String>,
}

/// What the host knows: which keys it takes, which paths it answers itself.
pub struct Host<'a> {
    /// Whether there is a key of this full name.
    pub knows: &'a dyn Fn(&str) -> bool,
    /// Paths of its own.
    pub paths: &'a BTreeSet<String>,
}

/// Paths that the host never gives away.
const KEPT: &[&str] = &["/health/live", "/health/ready", "/livez", "/readyz"];
/// Pages of the host that are the service's as soon as there is one.
const GIVEN: &[&str] = &["/", "/docs", "/openapi.json"];
/// Last parts of paths that say how a service is, the one that knows most first.
const HEALTH: &[&str] = &[
    "ready",
    "readyz",
    "readiness",
    "health",
    "healthz",
    "healthcheck",
    "health-check",
    "health_check",
    "_health",
    "livez",
    "live",
    "liveness",
    "up",
    "ping",
    "heartbeat",
    "status",
];
/// Parts of paths at which callers arrive without a credential of the host, and who they are.
const DOORS: &[(&str, &str)] = &[
    ("login", "people show their password here"),
    ("signin", "people show their password here"),
    ("token", "callers fetch the service's own token here"),
    ("register", "new people make an account here"),
    ("signup", "new people make an account here"),
    ("webhook", "another service calls here and signs what it sends"),
    ("webhooks", "another service calls here and signs what it sends"),
    ("callback", "an identity provider sends people back here"),
];
/// Most rules of files and health, and most that are offered.
const RULES: usize = 24;
/// Where the host listens unless told otherwise, and where it can go instead.
const LISTEN: (u16, &str) = (8080, "127.0.0.1:8000");
const OPERATIONS: (u16, &str) = (9090, "127.0.0.1:9091");
/// The largest body the host takes for a mounted service unless told otherwise.
const BODY_LIMIT: u64 = 64 << 20;

/// Text in the notation of the file.
fn text(value: &str) -> String {
    toml::Value::from(value).to_string()
}

fn list(values: &[String]) -> String {
    format!("[{}]", values.iter().map(|value| text(value)).collect::<Vec<_>>().join(", "))
}

/// Makes the proposal.
pub fn propose(service: &Service, fallback: &str, host: &Host<'_>) -> Proposal {
    let mut made = Proposal { entries: Vec::new(), notes: service.notes.clone() };
    made.service(service, fallback, host);
    made.routes(service, host);
    made.cors(service);
    made.server(service);
    // A binary that does not know a key yet would refuse the file.
    let (known, unknown) = made.entries.into_iter().partition(|entry| {
        let full = if entry.section == "routes.rules" { "routes.rules".to_owned() } else { format!("{}.{}", entry.section, entry.key) };
        (host.knows)(&full)
    });
    let unknown: Vec<Entry> = unknown;
    made.notes.extend(
        unknown
            .iter()
            .filter(|entry| !entry.offered)
            .map(|entry| format!("this version has no key for it: {} is {} ({})", entry.key, entry.value, places(&entry.evidence))),
    );
    Proposal { entries: known, notes: made.notes }
}

/// The places of the evidence, in one line.
pub fn places(evidence: &[Evidence]) -> String {
    evidence.iter().map(Evidence::place).collect::<Vec<_>>().join(", ")
}

impl Proposal {
    fn add(&mut self, section: &'static str, key: &str, value: String, reason: impl Into<String>, evidence: Vec<Evidence>) {
        self.entries.push(Entry { section, key: key.to_owned(), value, reason: reason.into(), evidence, offered: false });
    }

    fn service(&mut self, service: &Service, fallback: &str, host: &Host<'_>) {
        let (name, evidence) = match &service.name {
            Some((name, evidence)) => (slug(name), vec![evidence.clone()]),
            None => (slug(fallback), Vec::new()),
        };
        let reason = if evidence.is_empty() { "named after its folder" } else { "named after the project" };
        self.add("service", "name", text(&name), reason, evidence);
        if let Some(route) = ready(&service.routes) {
            self.add(
                "service",
                "ready_path",
                text(&route.path),
                "asked until the service answers that it is ready",
                vec![route.evidence.clone()],
            );
        } else {
            self.notes.push("no health route was seen: the service counts as ready when it takes connections".into());
        }
        let mut yields: BTreeMap<&str, &Evidence> = BTreeMap::new();
        for route in service.routes.iter().filter(|route| route.certain && host.paths.contains(&route.path)) {
            let (path, place) = (route.path.as_str(), route.evidence.place());
            if GIVEN.contains(&path) {
                continue;
            }
            if KEPT.contains(&path) {
                self.notes.push(format!("{path} is answered by the host; the service's own ({place}) cannot be asked for from outside"));
            } else if path == "/metrics" {
                self.notes.push(format!("/metrics of the service ({place}) is not handed out: let the collector ask the service itself"));
            } else if path.contains('{') {
                self.notes.push(format!("{path} is answered by the host; the service's own ({place}) needs another path, or a prefix"));
            } else {
                yields.entry(path).or_insert(&route.evidence);
            }
        }
        if !yields.is_empty() {
            let paths: Vec<String> = yields.keys().map(|path| (*path).to_owned()).collect();
            self.add(
                "service",
                "yields",
                list(&paths),
                "paths of the host that the service answers instead",
                yields.into_values().cloned().collect(),
            );
        }
        match &service.uploads {
            Some((Some(bytes), evidence)) => {
                // The form around a file takes some room of its own.
                let mebibytes = bytes.div_ceil(1 << 20).saturating_add(1).min(1 << 16);
                self.add(
                    "service",
                    "body_limit",
                    text(&format!("{mebibytes}MiB")),
                    "as much as its own code takes, and the form around it",
                    vec![evidence.clone()],
                );
            }
            Some((None, evidence)) => {
                let value = text(&format!("{}MiB", BODY_LIMIT >> 20));
                self.entries.push(Entry {
                    section: "service",
                    key: "body_limit".into(),
                    value,
                    reason: "takes files, and no bound was seen in its code: this is the host's".into(),
                    evidence: vec![evidence.clone()],
                    offered: true,
                });
            }
            None => {}
        }
        if let Some((seconds, evidence)) = &service.timeout {
            self.add(
                "service",
                "answer_timeout",
                text(&format!("{seconds}s")),
                "as long as its server lets a request run",
                vec![evidence.clone()],
            );
        }
    }

    fn routes(&mut self, service: &Service, host: &Host<'_>) {
        let seen = service.routes.len();
        self.add(
            "routes",
            "default",
            text("authenticated"),
            format!("closed where no rule below says otherwise; routes seen: {seen}"),
            Vec::new(),
        );
        let mut rules: BTreeMap<String, Entry> = BTreeMap::new();
        let mut offers: BTreeMap<String, Entry> = BTreeMap::new();
        for route in &service.routes {
            let Some((place, value, reason, offered)) = rule(route) else { continue };
            let hidden = host.paths.contains(&route.path) && (KEPT.contains(&route.path.as_str()) || route.path == "/metrics");
            if hidden {
                continue;
            }
            let entry = Entry {
                section: "routes.rules",
                key: text(&place),
                value: text(&value),
                reason,
                evidence: vec![route.evidence.clone()],
                offered,
            };
            if offered { &mut offers } else { &mut rules }.entry(place).or_insert(entry);
        }
        offers.retain(|place, _| !rules.contains_key(place));
        let left = rules.len().saturating_sub(RULES) + offers.len().saturating_sub(RULES);
        if left > 0 {
            self.notes.push(format!("{left} further rules are not shown; write one with a wildcard instead"));
        }
        self.entries.extend(rules.into_values().take(RULES).chain(offers.into_values().take(RULES)));
        let unsure = service.routes.iter().filter(|route| !route.certain).count();
        if unsure > 0 {
            self.notes.push(format!("{unsure} of {seen} routes are mounted somewhere that could not be read, so no rule names them"));
        }
    }

    fn cors(&mut self, service: &Service) {
        if let Some(cors) = &service.cors {
            let origins: Vec<String> = cors.origins.iter().collect::<BTreeSet<_>>().into_iter().cloned().collect();
            self.add("cors", "origins", list(&origins), "the origins that the service's own settings list", vec![cors.evidence.clone()]);
            if cors.credentials {
                self.add("cors", "credentials", "true".into(), "its own settings let cookies go along", vec![cors.evidence.clone()]);
            }
        } else if let Some(open) = &service.cors_open {
            self.notes.push(format!(
                "pages of other origins: the service lists none by name ({}), so none is taken over; name yours in [cors] origins",
                open.place()
            ));
        }
    }

    fn server(&mut self, service: &Service) {
        if let Some((hosts, evidence)) = &service.hosts {
            let plain = |host: &String| {
                !host.is_empty() && host.trim_start_matches("*.").bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
            };
            let mut names: BTreeSet<String> = hosts.iter().filter(|host| plain(host)).cloned().collect();
            if !names.is_empty() {
                names.extend(["localhost", "127.0.0.1"].map(str::to_owned));
                let names: Vec<String> = names.into_iter().collect();
                self.add("server", "hosts", list(&names), "the names it answers for, and this machine to try it", vec![evidence.clone()]);
            }
        }
        if let Some((port, evidence)) = &service.start.fixed_port {
            for (key, (ours, other)) in [("listen", LISTEN), ("operations", OPERATIONS)] {
                if *port == ours {
                    self.add("server", key, text(other), format!("the service itself takes port {port}"), vec![evidence.clone()]);
                }
            }
        }
    }
}

/// The route that says best whether the service is ready.
fn ready(routes: &[RouteSeen]) -> Option<&RouteSeen> {
    let fit = routes.iter().filter(|route| route.certain && matches!(route.method, None | Some("GET")) && route.gives == Gives::Answers);
    fit.filter_map(|route| Some((health(&route.path)?, route.path.len(), route)))
        .min_by_key(|(rank, length, _)| (*rank, *length))
        .map(|(.., route)| route)
}

/// How much a path says about health; nothing for other paths. What stands before the word must be
/// as general as `/api/v1`: `/jobs/status` and `/users/live` are about something else.
fn health(path: &str) -> Option<usize> {
    let parts: Vec<String> = path.split('/').filter(|part| !part.is_empty()).map(str::to_ascii_lowercase).collect();
    let (last, before) = parts.split_last()?;
    let version = |part: &str| part.strip_prefix('v').is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'));
    let general = |part: &String| {
        version(part)
            || ["api", "rest", "health", "healthcheck", "health-check", "actuator", "utils", "system", "_", "-"].contains(&part.as_str())
    };
    HEALTH.iter().position(|word| *word == last).filter(|_| before.iter().all(general))
}

/// Place, value, reason, and whether it is only offered.
fn rule(route: &RouteSeen) -> Option<(String, String, String, bool)> {
    if !route.certain || !is_plain(&route.path) {
        return None;
    }
    // One name for the rest of a path: two names at one place would contradict each other.
    let path = match route.path.find("{*") {
        Some(at) => format!("{}{{*rest}}", &route.path[..at]),
        None => route.path.clone(),
    };
    if path.trim_end_matches("{*rest}").contains('{') {
        return None;
    }
    let read = format!("GET {path}");
    let everything = path == "/{*rest}";
    Some(match route.gives {
        Gives::Files if everything && !route.evidence.what.contains("fills") && !route.evidence.what.contains("page to begin") => (
            read,
            "public: files of the front end".into(),
            "files at the top: this would also open every route without a rule of its own".into(),
            true,
        ),
        Gives::Files => (read, "public: files that are the same for everybody".into(), "files".into(), false),
        Gives::Manual => {
            (read, "public: the description of the interface, published on purpose".into(), "its author gave it this address".into(), false)
        }
        Gives::UnaskedManual => (
            read,
            "public: the description of the interface".into(),
            "the framework publishes it unasked; open it if everybody may read it".into(),
            true,
        ),
        Gives::Administration => (path, "admin".into(), "administration pages".into(), false),
        Gives::Answers => match health(&path) {
            Some(_) if matches!(route.method, None | Some("GET")) => {
                (read, "public: a health check, asked without a credential".into(), "health".into(), false)
            }
            _ => {
                let door = |part: &str| DOORS.iter().find(|(word, _)| *word == part.to_ascii_lowercase());
                let (_, who) = path.split('/').filter_map(door).next()?;
                let place = route.method.map_or_else(|| path.clone(), |method| format!("{method} {path}"));
                (place, format!("public: {who}"), "a door of its own, closed to callers without a credential of the host".into(), true)
            }
        },
    })
}

/// Lower-case letters, digits and hyphens.
fn slug(name: &str) -> String {
    let last = name.rsplit('/').next().unwrap_or(name);
    let mut out = String::new();
    for c in last.chars().take(60) {
        match c.to_ascii_lowercase() {
            c if c.is_ascii_alphanumeric() => out.push(c),
            _ if !out.is_empty() && !out.ends_with('-') => out.push('-'),
            _ => {}
        }
    }
    let out = out.trim_end_matches('-').to_owned();
    if out.is_empty() { "service".into() } else { out }
}
