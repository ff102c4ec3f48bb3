//! Whether what stands before a route turns callers away, for the languages whose own rules do not say it.
//!
//! A guard of this repository is judged by what it does: it answers 401 or sends to the page where one signs in. A
//! guard of a library is judged by its name.

use std::{collections::HashMap, sync::LazyLock};

use regex::Regex;

use crate::fact::{Fact, FileId, FileInfo, Kind};

/// How many lines of how many functions are looked at for one guard.
const STEPS: usize = 24;

static LIBRARIES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"echo(/v\d+)?/middleware\.(JWT|BasicAuth|KeyAuth)|labstack/echo-jwt|gin\.BasicAuth|appleboy/gin-jwt",
        r"|go-chi/jwtauth.*\.Authenticator|chi(/v\d+)?/middleware\.BasicAuth|gofiber/.*(basicauth|keyauth|jwt)|go-jwt-middleware",
        r"|HttpAuthentication|login_required|permission_required|RequireAuthorizationLayer|ValidateRequestHeaderLayer",
        r"|actix_identity\.Identity$|^Identity$|^(BearerAuth|BasicAuth|TypedHeader<Authorization.*)$",
    ))
    .ok()
});

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
        verdicts
    };
    for fact in facts.iter_mut().filter(|fact| route(fact)) {
        let mut rejects: Vec<&str> = fact.all("guard").filter_map(|guard| verdicts.get(guard)).flatten().copied().collect();
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
    /// By the last words of types that routes take apart from a request.
    extractors: HashMap<&'a str, Vec<&'a str>>,
    /// Calls and failures, by file and line.
    statements: Vec<&'a Fact>,
}

impl<'a> Code<'a> {
    fn new(facts: &'a [Fact], spoken: &dyn Fn(FileId) -> bool) -> Code<'a> {
        let mut code = Code { named: HashMap::new(), extractors: HashMap::new(), statements: Vec::new() };
        for fact in facts.iter().filter(|fact| spoken(fact.file)) {
            match fact.kind {
                Kind::Def => {
                    code.named.entry(&fact.name).or_default().push((fact.file, fact.line, fact.end));
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
        if guard.ends_with("(false)") || guard.ends_with("(optional)") {
            return Vec::new();
        }
        let name = guard.split_once('(').map_or(guard, |(name, _)| name);
        if LIBRARIES.as_ref().is_some_and(|known| known.is_match(name)) {
            return vec!["401"];
        }
        let mut work: Vec<&str> = vec![name];
        work.extend(self.extractors.get(name.rsplit('.').next().unwrap_or(name)).into_iter().flatten());
        let ours = work.iter().any(|name| self.named.contains_key(name));
        let (mut found, mut next, begun) = (Vec::new(), 0, work.len());
        while let Some(name) = work.get(next).copied().filter(|_| next < STEPS) {
            let further = next < begun;
            next += 1;
            for statement in self.inside(name) {
                found.extend(answers(statement));
                // One step further: what the guard asks for help.
                if further && self.named.contains_key(statement.name.as_str()) && !work.contains(&statement.name.as_str()) {
                    work.push(&statement.name);
                }
            }
        }
        if found.is_empty() && ours && PROMISES.as_ref().is_some_and(|promises| promises.is_match(name)) {
            found.push("401");
        }
        found
    }

    fn inside(&self, name: &str) -> impl Iterator<Item = &'a Fact> {
        self.named.get(name).into_iter().flatten().flat_map(|(file, line, end)| {
            let first = self.statements.partition_point(|fact| (fact.file, fact.line) < (*file, *line));
            let rest = self.statements.get(first..).unwrap_or_default();
            rest.iter().take_while(|fact| fact.file == *file && fact.line <= *end).take(200).copied()
        })
    }
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
