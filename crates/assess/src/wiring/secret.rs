//! Credentials that stand in the text.

use std::{collections::BTreeSet, sync::LazyLock};

use regex::{Regex, bytes};

use super::value::{Judged, judge, password, random, secretive};
use crate::{
    fact::{Fact, FileId, FileInfo, Kind, Reach},
    source::File,
};

/// Tokens that are known by their shape, and what they are called.
const SHAPES: &[(&str, &str)] = &[
    ("aws-access-key", r"\bAKIA[0-9A-Z]{16}\b"),
    ("github-token", r"\bgh[pousr]_[A-Za-z0-9]{36,}\b|\bgithub_pat_[A-Za-z0-9_]{40,}"),
    ("gitlab-token", r"\bglpat-[A-Za-z0-9_-]{20}\b"),
    ("openai-key", r"\bsk-(?:proj-|ant-)?[A-Za-z0-9_-]{32,}"),
    ("stripe-key", r"\b[sr]k_live_[A-Za-z0-9]{20,}"),
    ("slack-token", r"\bxox[baprs]-[A-Za-z0-9-]{20,}"),
    ("google-api-key", r"\bAIza[0-9A-Za-z_-]{35}\b"),
    ("sendgrid-key", r"\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}\b"),
    ("npm-token", r"\bnpm_[A-Za-z0-9]{36}\b"),
    ("huggingface-token", r"\bhf_[A-Za-z0-9]{34}\b"),
    ("private-key", r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----(?:\\n|\r?\n)\s*[A-Za-z0-9+/=]{40,}"),
];

static ANY: LazyLock<Option<bytes::Regex>> = LazyLock::new(|| {
    let all: Vec<String> = SHAPES.iter().map(|(_, shape)| format!("({shape})")).collect();
    bytes::Regex::new(&format!("(?-u){}", all.join("|"))).ok()
});

static VARIABLE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*[:?+]?=\s*(\S.*)$").ok());

/// The credentials of a repository, from its facts and its text.
pub(super) fn find(files: &[FileInfo], facts: &[Fact], texts: &[&File]) -> Vec<Fact> {
    let mut found = Found::default();
    // A default tells more than the assignment that it is.
    let first = |fact: &&Fact| matches!(fact.kind, Kind::Setting | Kind::Env);
    let counts: Vec<bool> = files.iter().map(|info| !info.test && !elsewhere(&info.path)).collect();
    for fact in facts.iter().filter(first).chain(facts.iter().filter(|fact| !first(fact))).filter(|fact| fact.reach != Reach::Test) {
        let number = fact.file.0 as usize;
        let Some(info) = files.get(number).filter(|_| counts.get(number) == Some(&true)) else { continue };
        let text = texts.get(fact.file.0 as usize).copied();
        for (name, value, place) in statements(fact) {
            found.look(info, fact, text, name, value, place);
        }
    }
    // What only tests run stands beside the code in some languages.
    let tested: Vec<&Fact> = facts.iter().filter(|fact| fact.kind == Kind::Def && fact.reach == Reach::Test).collect();
    for (number, (info, file)) in files.iter().zip(texts).enumerate().filter(|(_, (info, _))| !info.test) {
        let id = super::file_id(number);
        let within = |line: u32| tested.iter().any(|fact| fact.file == id && fact.line <= line && line <= fact.end);
        found.shapes(id, info, file, &within);
        found.variables(super::file_id(number), info, file);
    }
    found.facts
}

/// Paths whose passwords belong to nobody: pipelines start databases for a test, documents tell of them.
fn elsewhere(path: &str) -> bool {
    [".md", ".mdx", ".rst", ".txt", ".adoc", ".ipynb"].iter().any(|end| path.ends_with(end))
        || ["/i18n/", "/locales/", "/locale/", "/translations/", "/lang/"].iter().any(|part| format!("/{path}").contains(part))
        || path.starts_with(".github/")
        || path.starts_with(".devcontainer/")
        || path.starts_with(".gitlab-ci")
        || path.starts_with(".circleci/")
}

/// What a fact says is called what: name, value, and where that stands.
fn statements(fact: &Fact) -> Vec<(&str, &str, &'static str)> {
    let name = fact.name.as_str();
    let last = |name: &'_ str| -> usize { name.rfind('.').map_or(0, |at| at + 1) };
    let of = |attr: &str, place: &'static str| {
        fact.get(attr).map(|value| (name.get(last(name)..).unwrap_or(name), value, place)).into_iter().collect::<Vec<_>>()
    };
    match fact.kind {
        Kind::Setting | Kind::Env => of("default", "default"),
        Kind::Assign => {
            let mut all = of("value", "assign");
            all.extend(fact.attrs.iter().filter_map(|(key, value)| Some((key.strip_prefix('.')?, value.as_str(), "assign"))));
            all
        }
        Kind::Call | Kind::Decorator => {
            // `pass` is what a call hands on: a name of ours, no argument of its.
            let named = fact.attrs.iter().filter(|(key, _)| key != "pass" && key.starts_with(|c: char| c.is_alphabetic() || c == '.'));
            named.map(|(key, value)| (key.trim_start_matches('.'), value.as_str(), "argument")).collect()
        }
        Kind::Text => of("value", "url"),
        Kind::EnvFile => of("value", "env-file"),
        Kind::Compose if fact.name.contains(".environment.") => of("value", "compose"),
        Kind::Docker if matches!(name, "env" | "arg") => {
            fact.get("key").zip(fact.get("default")).map(|(key, value)| (key, value, "docker")).into_iter().collect()
        }
        Kind::Kubernetes | Kind::Helm => of("value", "k8s"),
        Kind::Terraform => of("value", "terraform"),
        Kind::Value => of("value", "value"),
        _ => Vec::new(),
    }
}

#[derive(Default)]
struct Found {
    facts: Vec<Fact>,
    seen: BTreeSet<(FileId, u32)>,
}

impl Found {
    fn look(&mut self, info: &FileInfo, fact: &Fact, text: Option<&File>, name: &str, value: &str, place: &'static str) {
        let code = matches!(fact.kind, Kind::Setting | Kind::Env | Kind::Assign | Kind::Call | Kind::Decorator | Kind::Text);
        let inner = password(value);
        let letters = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase();
        let called = if inner.is_some() || secretive(name) { name } else { return };
        let (judged, place) = match inner {
            Some(inner) => (judge("password", inner), if code || place == "compose" { "url" } else { place }),
            // The key that signs sessions is often a phrase: `keyboard cat`.
            None if fact.name.contains("session") && name.eq_ignore_ascii_case("secret") => {
                (judge("passphrase", &value.replace(' ', "-")), place)
            }
            // So is the word that stands in where the environment gives none.
            None if place == "default" && signing(name) && letters(value).len() >= 6 => {
                (judge(name, value).or_else(|| judge("passphrase", value)), place)
            }
            None => (judge(name, value), place),
        };
        let Some(judged) = judged else { return };
        // A word of a message: `password: 'incorrectPassword'`.
        let word = value.trim_matches(['"', '\'', '`']);
        let humps = word.chars().all(char::is_alphabetic)
            && word.chars().skip(1).zip(word.chars()).any(|(now, before)| now.is_uppercase() && before.is_lowercase());
        if code && humps && inner.is_none() && place != "default" {
            return;
        }
        // A code that is called what it is: `INVALID_PASSWORD = "invalid_password"`.
        let called_so = letters(word) == letters(name) || letters(word) == letters(name.rsplit('.').next().unwrap_or(name));
        // Or what a variable of the environment is called: `SecretVariable = "APP_CLIENT_SECRET"`.
        let variable =
            word.contains('_') && word.len() > 8 && word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
        if code && place != "default" && (called_so || variable && secretive(word)) {
            return;
        }
        // A name is no text: `password=password` hands on a variable.
        if code && !text.is_some_and(|file| quoted(file, fact.line, fact.end, value)) {
            return;
        }
        let example = fact.get("example") == Some("yes") || ["example", "sample", "template"].iter().any(|word| info.path.contains(word));
        if example && !(judged == Judged::Real && random(value)) {
            return;
        }
        // What the documentation of an interface shows.
        if fact.name.split('.').chain(name.split('.')).any(|part| part.starts_with("example") || part.ends_with("schema_extra")) {
            return;
        }
        self.add(fact.file, fact.line, fact.end, called, place, judged);
        if let Some(added) = self.facts.last_mut().filter(|added| added.file == fact.file && added.line == fact.line) {
            (added.symbol, added.reach) = (fact.symbol, fact.reach);
        }
    }

    fn add(&mut self, file: FileId, line: u32, end: u32, name: &str, place: &str, judged: Judged) {
        if !self.seen.insert((file, line)) {
            return;
        }
        let placeholder = if judged == Judged::Placeholder { "yes" } else { "no" };
        let mut fact = Fact::new(Kind::Secret, name, line, end).with("where", place).with("placeholder", placeholder);
        fact.file = file;
        self.facts.push(fact);
    }

    /// Tokens of known shapes, wherever they stand.
    fn shapes(&mut self, id: FileId, info: &FileInfo, file: &File, tested: &dyn Fn(u32) -> bool) {
        let Some(any) = ANY.as_ref().filter(|_| file.bytes.len() < 2 << 20) else { return };
        for found in any.captures_iter(&file.bytes).take(50) {
            let Some(whole) = found.get(0) else { continue };
            let text = String::from_utf8_lossy(whole.as_bytes()).to_lowercase();
            let told = ["example", "xxxx", "your", "placeholder", "1234567890", "abcdef", "0000000", "dummy", "fake"]
                .iter()
                .any(|word| text.contains(word));
            // What looks like a token and is a sentence with dashes, such as a name of a style.
            let plain = text.starts_with("sk-") && !text.bytes().any(|byte| byte.is_ascii_digit());
            if told || plain || info.path.ends_with(".lock") || info.path.ends_with("-lock.json") {
                continue;
            }
            let shape = (1..=SHAPES.len())
                .find(|group| found.get(*group).is_some())
                .and_then(|group| SHAPES.get(group - 1))
                .map_or("token", |(name, _)| name);
            let before = file.bytes.get(..whole.start()).unwrap_or_default();
            let line = u32::try_from(before.iter().filter(|byte| **byte == b'\n').count() + 1).unwrap_or(u32::MAX);
            if !tested(line) {
                self.add(id, line, line, shape, "token", Judged::Real);
            }
        }
    }

    /// Variables of Makefiles and shell scripts.
    fn variables(&mut self, id: FileId, info: &FileInfo, file: &File) {
        let name = info.path.rsplit('/').next().unwrap_or("");
        let makes = name == "Makefile" || name.ends_with(".mk");
        let Some(variable) = VARIABLE.as_ref().filter(|_| makes || name.ends_with(".sh") || name == "justfile") else { return };
        for (number, line) in crate::source::text(&file.bytes).lines().enumerate().filter(|(_, line)| line.len() < 400) {
            let Some(found) = variable.captures(line) else { continue };
            let (Some(name), Some(value)) = (found.get(1), found.get(2)) else { continue };
            let value = value.as_str().split(" #").next().unwrap_or("").trim();
            if value.contains("$(") || value.contains('`') {
                continue;
            }
            let judged = match password(value) {
                Some(inner) => judge("password", inner),
                None => secretive(name.as_str()).then(|| judge(name.as_str(), value)).flatten(),
            };
            if let Some(judged) = judged {
                let line = u32::try_from(number + 1).unwrap_or(u32::MAX);
                self.add(id, line, line, name.as_str(), if makes { "makefile" } else { "shell" }, judged);
            }
        }
    }
}

/// Whether a name is one of what signs or encrypts, and of nothing that is public.
fn signing(name: &str) -> bool {
    let lower = name.to_lowercase();
    ["secret", "secret_key", "secretkey"].iter().any(|end| lower.ends_with(end))
}

/// Whether a text stands in quotes on these lines.
fn quoted(file: &File, line: u32, end: u32, value: &str) -> bool {
    let text = crate::source::text(&file.bytes);
    let lines = text.lines().skip(line.saturating_sub(1) as usize).take((end.saturating_sub(line) as usize + 1).min(400));
    let start = value.trim_matches(['"', '\'', '`']).chars().take(60).collect::<String>();
    let mut lines = lines.filter(|line| line.contains(start.as_str()));
    lines.any(|line| ['"', '\'', '`'].iter().any(|quote| line.contains(&format!("{quote}{start}"))))
}
