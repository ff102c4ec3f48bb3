//! Whether what stands before a route turns callers away, for the languages whose own rules do not say it.
//!
//! A guard of this repository is judged by what it does: it answers 401 or sends to the page where one signs in. A
//! guard of a library is judged by its name.

use std::{collections::HashMap, sync::LazyLock};

use regex::Regex;

use crate::fact::{Fact, FileId, FileInfo, Kind};

/// How many lines of how many functions are looked at for one guard.
const STEPS: usize = 24;

/// How many functions below what is taken from a request are looked into.
const DEEP: usize = 3;

/// What names of handlers hold that answer whether a credential is good.
const CHECKS: &[&str] = &["token", "bearer", "digest", "basicauth", "introspect", "validate", "verify", "login"];

/// How names of types begin that take what is there and miss nothing.
const MAYBE: &[&str] = &["Maybe", "Opt"];

static LIBRARIES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"echo(/v\d+)?/middleware\.(JWT|BasicAuth|KeyAuth)|labstack/echo-jwt|gin\.BasicAuth|appleboy/gin-jwt",
        r"|go-chi/jwtauth.*\.Authenticator|chi(/v\d+)?/middleware\.BasicAuth|gofiber/.*(basicauth|keyauth|jwt)|go-jwt-middleware|ozzo-routing/auth\.(JWT|Basic|Bearer)",
        r"|HttpAuthentication|login_required|permission_required|RequireAuthorizationLayer|ValidateRequestHeaderLayer",
        r"|actix_identity\.Identity$|^Identity$|^(BearerAuth|BasicAuth|TypedHeader<Authorization.*)$",
    ))
    .ok()
});

/// Methods by which libraries call what stands before.
const METHODS: &[&str] = &["WrapUnary", "ServeHTTP", "Handler", "Handle", "Middleware", "Unary", "Wrap", "Process"];

/// Names that promise it, of guards that are ours.
static PROMISES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?i)(^|[._])((require|must|ensure|reject|protect|enforce|need|only)s?_?(be_?)?",
        r"(auth|user|login|logged|token|anonymous|admin|role|session|permission)\w*|login_?required|authenticate|authenticator|authenticated)$",
    ))
    .ok()
});

static ANSWERS: LazyLock<Vec<(&'static str, Regex)>> = LazyLock::new(|| {
    let answers = [
        ("401", r"(?i)unauthori[sz]ed|unauthenticated|not_?authenticated|\b401\b"),
        ("403", r"(?i)forbidden|permission_?denied|\b403\b"),
        ("413", r"(?i)entity_?too_?large|payload_?too_?large|\b413\b"),
        ("429", r"(?i)too_?many_?requests|\b429\b"),
    ];
    answers.into_iter().filter_map(|(code, shape)| Some((code, Regex::new(shape).ok()?))).collect()
});

/// Says of each route whether a guard turns away who is not known.
pub(super) fn judge(files: &[FileInfo], facts: &mut [Fact]) {
    let spoken = |file: FileId| files.get(file.0 as usize).is_some_and(|info| matches!(info.language, "go" | "rust") && !info.test);
    let route = |fact: &Fact| fact.kind == Kind::Route && fact.get("auth").is_none() && spoken(fact.file);
    if !facts.iter().any(route) {
        return;
    }
    let verdicts = {
        let code = Code::new(facts, &spoken);
        let mut verdicts: HashMap<String, Vec<&'static str>> = HashMap::new();
        for guard in facts.iter().filter(|fact| route(fact)).flat_map(|fact| fact.all("guard")) {
            if !verdicts.contains_key(guard) {
                verdicts.insert(guard.to_owned(), code.verdict(guard));
            }
        }
        for handler in facts.iter().filter(|fact| route(fact)).filter_map(|fact| fact.get("handler")) {
            let key = format!("handler {handler}");
            verdicts.entry(key).or_insert_with(|| code.asks_itself(handler));
        }
        verdicts
    };
    for fact in facts.iter_mut().filter(|fact| route(fact)) {
        let own = fact.get("handler").map(|handler| format!("handler {handler}"));
        let guards = fact.all("guard").chain(own.as_deref());
        let mut rejects: Vec<&str> = guards.filter_map(|guard| verdicts.get(guard)).flatten().copied().collect();
        rejects.sort_unstable();
        rejects.dedup();
        let known = rejects.iter().any(|code| matches!(*code, "401" | "403"));
        let added = rejects.iter().map(|code| ("rejects".to_owned(), (*code).to_owned())).collect::<Vec<_>>();
        fact.attrs.push(("auth".into(), if known { "yes" } else { "no" }.into()));
        fact.attrs.extend(added);
    }
}

/// The definitions, and the statements in them.
struct Code<'a> {
    /// By name: file, first and last line.
    named: HashMap<&'a str, Vec<(FileId, u32, u32)>>,
    /// By the last word of their names.
    last: HashMap<&'a str, Vec<&'a str>>,
    /// By the last words of types that routes take apart from a request.
    extractors: HashMap<&'a str, Vec<&'a str>>,
    /// Calls and failures, by file and line.
    statements: Vec<&'a Fact>,
}

impl<'a> Code<'a> {
    fn new(facts: &'a [Fact], spoken: &dyn Fn(FileId) -> bool) -> Code<'a> {
        let mut code = Code { named: HashMap::new(), last: HashMap::new(), extractors: HashMap::new(), statements: Vec::new() };
        for fact in facts.iter().filter(|fact| spoken(fact.file)) {
            match fact.kind {
                Kind::Def => {
                    code.named.entry(&fact.name).or_default().push((fact.file, fact.line, fact.end));
                    code.last.entry(fact.name.rsplit('.').next().unwrap_or_default()).or_default().push(&fact.name);
                    if let Some((owner, "from_request_parts" | "from_request")) = fact.name.rsplit_once('.') {
                        code.extractors.entry(owner.rsplit('.').next().unwrap_or(owner)).or_default().push(&fact.name);
                    }
                }
                Kind::Call | Kind::Raise => code.statements.push(fact),
                _ => {}
            }
        }
        code.statements.sort_by_key(|fact| (fact.file, fact.line));
        code
    }

    /// The answers to those whom a guard turns away.
    fn verdict(&self, guard: &str) -> Vec<&'static str> {
        let name = guard.split_once('(').map_or(guard, |(name, _)| name);
        let last = name.rsplit('.').next().unwrap_or(name);
        if guard.ends_with("(false)") || guard.ends_with("(optional)") || MAYBE.iter().any(|word| last.starts_with(word)) {
            return Vec::new();
        }
        if LIBRARIES.as_ref().is_some_and(|known| known.is_match(name)) {
            return vec!["401"];
        }
        let taken = self.extractors.get(last);
        let mut work: Vec<(&str, usize)> = vec![(name, 2)];
        work.extend(taken.into_iter().flatten().map(|name| (*name, DEEP)));
        work.extend(self.stands_for(name).into_iter().map(|name| (name, 1)));
        let ours = work.iter().any(|(name, _)| self.named.contains_key(name));
        let (mut found, mut next) = (Vec::new(), 0);
        while let Some((name, further)) = work.get(next).copied().filter(|_| next < STEPS) {
            next += 1;
            for statement in self.inside(name) {
                found.extend(answers(statement));
                // What a handler takes from a request reads a credential: there is no handler without one. And a guard of
                // ours may give a library's.
                let library = || LIBRARIES.as_ref().is_some_and(|known| known.is_match(&statement.name));
                if taken.is_some() && credential(statement) || statement.kind == Kind::Call && library() {
                    found.push("401");
                }
                // What the guard asks for help.
                let seen = work.iter().any(|(name, _)| *name == statement.name);
                let near = self.named.get(statement.name.as_str()).is_some_and(|places| {
                    // The second step stays in the file of the guard: `requireClient` calls `evaluateOr401`, and that `abort401`.
                    further > 1 && taken.is_some() || next == 1 || places.iter().any(|(file, ..)| *file == statement.file)
                });
                if further > 0 && near && !seen {
                    work.push((&statement.name, further - 1));
                }
            }
        }
        if found.is_empty() && ours && PROMISES.as_ref().is_some_and(|promises| promises.is_match(name)) {
            found.push("401");
        }
        found
    }

    /// What a handler answers that reads a credential by itself, or by functions that it calls, and turns away who shows none.
    fn asks_itself(&self, handler: &str) -> Vec<&'static str> {
        // Where the check is what the route answers, it closes nothing.
        let last = handler.rsplit('.').next().unwrap_or(handler).to_lowercase();
        if CHECKS.iter().any(|word| last.contains(word)) {
            return Vec::new();
        }
        let mut work: Vec<(&str, usize)> = vec![(handler, 2)];
        let (mut asks, mut found, mut next) = (false, Vec::new(), 0);
        while let Some((name, further)) = work.get(next).copied().filter(|_| next < STEPS) {
            next += 1;
            for statement in self.inside(name) {
                asks |= statement.kind == Kind::Call && (credential(statement) || extracts(statement));
                found.extend(answers(statement).into_iter().filter(|code| *code == "401"));
                if further > 0 && !work.iter().any(|(name, _)| *name == statement.name) && self.named.contains_key(statement.name.as_str())
                {
                    work.push((&statement.name, further - 1));
                }
            }
        }
        found.truncate(1);
        if asks { found } else { Vec::new() }
    }

    /// What acts where a guard is named by what makes or declares it: the method of the type that a constructor gives, the
    /// method behind one of an interface, where few have its name.
    fn stands_for(&self, name: &str) -> Vec<&'a str> {
        let known = |name: String| self.named.get_key_value(name.as_str()).map(|(known, _)| *known);
        let (package, last) = name.rsplit_once('.').map_or(("", name), |(package, last)| (package, last));
        let dot = if package.is_empty() { "" } else { "." };
        if let Some(of) = last.strip_prefix("New").filter(|of| !of.is_empty()) {
            return METHODS.iter().filter_map(|method| known(format!("{package}{dot}{of}.{method}"))).collect();
        }
        if self.named.contains_key(name) || name.contains('/') || !name.contains('.') || METHODS.contains(&last) || last == "New" {
            return Vec::new();
        }
        self.last.get(last).filter(|alike| alike.len() <= 3).cloned().unwrap_or_default()
    }

    fn inside(&self, name: &str) -> impl Iterator<Item = &'a Fact> {
        self.named.get(name).into_iter().flatten().flat_map(|(file, line, end)| {
            let first = self.statements.partition_point(|fact| (fact.file, fact.line) < (*file, *line));
            let rest = self.statements.get(first..).unwrap_or_default();
            rest.iter().take_while(|fact| fact.file == *file && fact.line <= *end).take(200).copied()
        })
    }
}

/// Whether a statement takes a credential from the request by the type of a library.
fn extracts(fact: &Fact) -> bool {
    let of = fact.name.strip_suffix(".from_request").or_else(|| fact.name.strip_suffix(".extract"));
    of.is_some_and(|of| of.ends_with("BearerAuth") || of.ends_with("BasicAuth"))
}

/// Whether a statement reads or checks a credential of the caller.
fn credential(fact: &Fact) -> bool {
    let lower = fact.name.to_lowercase();
    lower.ends_with("jsonwebtoken.decode")
        || lower.contains("authorization")
        || ["0", "1"].iter().any(|key| fact.get(key).is_some_and(|value| value.to_lowercase().trim_matches('"') == "authorization"))
        || fact.attrs.iter().any(|(key, value)| key == "0" && value.ends_with("header.AUTHORIZATION"))
}

/// The answers that a statement names.
fn answers(fact: &Fact) -> Vec<&'static str> {
    let last = fact.name.rsplit('.').next().unwrap_or("");
    let told = |key: &str| !key.contains('.') && !matches!(key, "id" | "result" | "into" | "receiver" | "from" | "dropped" | "macro");
    let values = || fact.attrs.iter().filter(|(key, _)| told(key)).map(|(_, value)| value.as_str());
    let mut found: Vec<&'static str> = Vec::new();
    for (code, shape) in ANSWERS.iter() {
        // Functions are handed on as text; what they answer stands in statements of their own.
        if shape.is_match(&fact.name) || values().any(|value| value.len() < 120 && !value.starts_with("func") && shape.is_match(value)) {
            found.push(code);
        }
    }
    let redirects = last.eq_ignore_ascii_case("redirect") || matches!(last, "see_other" | "to" | "temporary" | "AbortWithRedirect");
    if redirects && values().any(|value| value.trim_matches('"').trim_start_matches('/').starts_with("login")) {
        found.push("401");
    }
    found
}
