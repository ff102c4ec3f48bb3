//! Dockerfiles: instructions with their stages, and what the last image comes to.
//!
//! `final` is yes for the last stage and for the stages that it is built on by `FROM`: their user,
//! command and health check are inherited. `last` is yes where no later instruction overrides it.
//! The fact `image` says what the image comes to: `stages`, `user`, `nonroot`, `healthcheck`,
//! `image`, `tag`, `digest`, `cmd`, `entrypoint`.

use std::collections::BTreeMap;

use crate::fact::{Extract, Fact, Kind};

use super::{
    base,
    sheet::{self, Sheet, yes},
    shell,
};

mod lines;

use lines::{Line, logical};

/// Whether a path is a Dockerfile.
pub fn is(path: &str) -> bool {
    let name = base(path).to_ascii_lowercase();
    let known = name == "dockerfile"
        || name == "containerfile"
        || name.starts_with("dockerfile.")
        || name.ends_with(".dockerfile")
        || name.starts_with("dockerfile-");
    known && ![".md", ".py", ".sh", ".txt", ".j2", ".dockerignore", ".js", ".go", ".yml", ".yaml"].iter().any(|end| name.ends_with(end))
}

/// Reads a Dockerfile.
pub fn read(path: &str, text: &str) -> Option<(&'static str, Extract)> {
    is(path).then(|| ("dockerfile", File::default().read(text).done()))
}

#[derive(Default)]
struct Stage {
    line: u32,
    name: Option<String>,
    parent: Option<usize>,
    image: Image,
}

#[derive(Default, Clone)]
struct Image {
    name: String,
    tag: Option<String>,
    digest: Option<String>,
}

#[derive(Default)]
struct File {
    stages: Vec<Stage>,
    facts: Vec<(Option<usize>, Fact)>,
    defaults: BTreeMap<String, String>,
}

impl File {
    fn read(mut self, text: &str) -> Sheet {
        for line in logical(text) {
            self.instruction(&line);
        }
        let mut sheet = Sheet::default();
        let mut chain = Vec::new();
        let mut next = self.stages.len().checked_sub(1);
        while let Some(number) = next {
            if chain.contains(&number) {
                break;
            }
            chain.push(number);
            next = self.stages.get(number).and_then(|stage| stage.parent);
        }
        let mut last: BTreeMap<String, usize> = BTreeMap::new();
        for (number, (stage, fact)) in self.facts.iter().enumerate() {
            if stage.is_some_and(|stage| chain.contains(&stage)) {
                last.insert(fact.name.clone(), number);
            }
        }
        let of = |name: &str| last.get(name).and_then(|number| self.facts.get(*number)).map(|(_, fact)| fact);
        if let (Some(stage), Some(bottom)) = (self.stages.last(), chain.last().and_then(|number| self.stages.get(*number))) {
            let end = self.facts.iter().filter(|(stage, _)| *stage == self.stages.len().checked_sub(1)).map(|(_, fact)| fact.end).max();
            // A stage that only gives an image a name builds nothing: copying from it is copying from the image.
            let works = |number: usize| self.facts.iter().any(|(of, fact)| *of == Some(number) && fact.name != "from");
            let stages = (0..self.stages.len()).filter(|number| number + 1 == self.stages.len() || works(*number)).count();
            let mut image = Fact::new(Kind::Docker, "image", stage.line, end.unwrap_or(stage.line))
                .with("stages", stages.to_string())
                .with("image", bottom.image.name.clone());
            if let Some(tag) = &bottom.image.tag {
                image = image.with("tag", tag.clone());
            }
            if let Some(digest) = &bottom.image.digest {
                image = image.with("digest", digest.clone());
            }
            let user = of("user").and_then(|fact| fact.get("user")).map(str::to_owned);
            let quiet =
                bottom.image.tag.as_deref().is_some_and(|tag| tag.contains("nonroot")) || bottom.image.name.contains("unprivileged");
            let nonroot = user.as_deref().map_or(quiet, |user| !matches!(user, "root" | "0"));
            image = image.with("user", user.unwrap_or_default()).with("nonroot", yes(nonroot));
            let checked = of("healthcheck").is_some_and(|fact| fact.get("value").is_some_and(|value| !value.eq_ignore_ascii_case("none")));
            image = image.with("healthcheck", yes(checked));
            for name in ["cmd", "entrypoint"] {
                if let Some(value) = of(name).and_then(|fact| fact.get("value")) {
                    image = image.with(name, value);
                }
            }
            sheet.push(image);
        }
        for (number, (stage, fact)) in self.facts.into_iter().enumerate() {
            let mut fact = fact;
            let inside = stage.is_some_and(|stage| chain.contains(&stage));
            if let Some(stage) = stage {
                fact = fact.with("stage", stage.to_string());
            }
            fact = fact.with("final", yes(inside));
            if inside && matches!(fact.name.as_str(), "user" | "cmd" | "entrypoint" | "healthcheck" | "workdir" | "from") {
                let stands = last.get(&fact.name) == Some(&number);
                fact = fact.with("last", yes(stands));
            }
            sheet.push(fact);
        }
        sheet
    }

    fn add(&mut self, fact: Fact) {
        self.facts.push((self.stages.len().checked_sub(1), fact));
    }

    fn instruction(&mut self, line: &Line) {
        let (word, rest) = line.text.split_once(char::is_whitespace).unwrap_or((&line.text, ""));
        let (word, mut rest) = (word.to_ascii_lowercase(), rest.trim());
        if word == "onbuild" || word.is_empty() || !word.chars().all(|c| c.is_ascii_alphabetic()) {
            return;
        }
        let mut flags: Vec<(String, String)> = Vec::new();
        while let Some(flag) = rest.strip_prefix("--") {
            let (flag, after) = flag.split_once(char::is_whitespace).unwrap_or((flag, ""));
            let (key, value) = flag.split_once('=').unwrap_or((flag, "yes"));
            flags.push((key.to_owned(), sheet::value(value)));
            rest = after.trim_start();
        }
        let fact = |name: &str, value: &str| {
            let mut fact = Fact::new(Kind::Docker, name, line.line, line.end).with("value", sheet::value(value));
            fact.attrs.extend(flags.iter().cloned());
            fact
        };
        match word.as_str() {
            "from" => self.from(line, rest, &flags),
            "run" => {
                let script = if rest.starts_with('[') { exec(rest).unwrap_or_else(|| rest.to_owned()) } else { rest.to_owned() };
                let script = if line.heredoc.is_empty() { script } else { line.heredoc.clone() };
                for command in shell::commands(&script, line.line) {
                    let mut one = fact("run", &command.run).with("command", command.name).with("tolerated", yes(command.tolerated));
                    // Continuation lines were joined before: the whole instruction is the place.
                    (one.line, one.end) = (line.line, line.end);
                    self.add(one);
                }
            }
            "cmd" | "entrypoint" => {
                let (value, form) = exec(rest).map_or_else(|| (rest.to_owned(), "shell"), |joined| (joined, "exec"));
                let name = shell::name(&value);
                self.add(fact(&word, &value).with("form", form).with("command", name));
                // An entry point resets the command of the images below.
            }
            "healthcheck" => {
                let command = rest.strip_prefix("CMD").or_else(|| rest.strip_prefix("cmd")).map(str::trim);
                let value = command.map_or_else(|| rest.to_owned(), |rest| exec(rest).unwrap_or_else(|| rest.to_owned()));
                self.add(fact("healthcheck", &value));
            }
            "user" => {
                let value = self.expand(rest);
                let (user, group) = value.split_once(':').map_or((value.as_str(), None), |(user, group)| (user, Some(group)));
                let mut one = fact("user", &value).with("user", user);
                if let Some(group) = group {
                    one = one.with("group", group);
                }
                self.add(one);
            }
            "copy" | "add" => {
                let joined = exec(rest).unwrap_or_else(|| rest.to_owned());
                let words: Vec<&str> = joined.split_whitespace().collect();
                let mut one = fact(&word, rest);
                if let Some((target, sources)) = words.split_last() {
                    for source in sources.iter().filter(|source| !source.starts_with("<<")).take(64) {
                        one = one.with("source", sheet::value(source));
                    }
                    one = one.with("target", sheet::value(target));
                }
                self.add(one);
            }
            "expose" => {
                let mut one = fact("expose", rest);
                for port in rest.split_whitespace().take(64) {
                    one = one.with("port", self.expand(port));
                }
                self.add(one);
            }
            "env" | "arg" | "label" => {
                for (key, value) in pairs(rest) {
                    if let Some(value) = value.as_ref().filter(|_| word == "arg") {
                        self.defaults.insert(key.clone(), value.clone());
                    }
                    let whole = value.as_ref().map_or_else(|| key.clone(), |value| format!("{key}={value}"));
                    let mut one = fact(&word, &whole).with("key", sheet::value(&key));
                    if let Some(value) = value {
                        one = one.with("default", sheet::value(&value));
                    }
                    self.add(one);
                }
            }
            "workdir" | "volume" | "shell" | "stopsignal" | "maintainer" => {
                let value = self.expand(&exec(rest).unwrap_or_else(|| rest.to_owned()));
                self.add(fact(&word, &value));
            }
            _ => {}
        }
    }

    fn from(&mut self, line: &Line, rest: &str, flags: &[(String, String)]) {
        let words: Vec<&str> = rest.split_whitespace().collect();
        let reference = self.expand(words.first().copied().unwrap_or_default());
        let name = match words.as_slice() {
            [_, as_, name, ..] if as_.eq_ignore_ascii_case("as") => Some((*name).to_owned()),
            _ => None,
        };
        let parent = self.stages.iter().position(|stage| stage.name.as_deref().is_some_and(|known| known.eq_ignore_ascii_case(&reference)));
        let image = parent.and_then(|number| self.stages.get(number)).map_or_else(|| reference_of(&reference), |stage| stage.image.clone());
        let mut fact = Fact::new(Kind::Docker, "from", line.line, line.end).with("value", sheet::value(&reference));
        fact.attrs.extend(flags.iter().cloned());
        if parent.is_none() {
            fact = fact.with("image", image.name.clone());
            if let Some(tag) = &image.tag {
                fact = fact.with("tag", tag.clone());
            }
            if let Some(digest) = &image.digest {
                fact = fact.with("digest", digest.clone());
            }
        } else {
            fact = fact.with("on", "stage");
        }
        if let Some(name) = &name {
            fact = fact.with("as", sheet::value(name));
        }
        self.stages.push(Stage { line: line.line, name, parent, image });
        self.add(fact);
    }

    /// Puts in the defaults of build arguments.
    fn expand(&self, text: &str) -> String {
        let (mut out, mut rest) = (String::new(), sheet::cut(text, 1_000));
        while let Some(at) = rest.find('$') {
            out.push_str(&rest[..at]);
            let after = &rest[at + 1..];
            let (name, fallback, left) = if let Some((inner, left)) = after.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
                let (name, fallback) = inner.split_once(":-").map_or((inner, None), |(name, fallback)| (name, Some(fallback)));
                (name, fallback, left)
            } else {
                let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
                (&after[..end], None, &after[end..])
            };
            match self.defaults.get(name).map(String::as_str).or(fallback) {
                Some(value) => out.push_str(value),
                None => out.push_str(&format!("${{{name}}}")),
            }
            rest = left;
        }
        out.push_str(rest);
        sheet::value(&out)
    }
}

/// Name, tag and digest of an image's reference.
fn reference_of(reference: &str) -> Image {
    let (name, tag, digest) = image(reference);
    Image { name, tag, digest }
}

/// Splits a reference such as `registry:5000/team/app:1.2@sha256:...` into name, tag and digest.
pub fn image(reference: &str) -> (String, Option<String>, Option<String>) {
    let (name, digest) = reference.split_once('@').map_or((reference, None), |(name, digest)| (name, Some(digest.to_owned())));
    // A colon before a slash belongs to the registry's port; one within ${..} to an expression.
    let at = name.rfind(':').filter(|at| !name[*at..].contains('/') && !name[*at..].contains('}') || name[*at..].starts_with(":$"));
    match at {
        Some(at) => (sheet::value(&name[..at]), Some(sheet::value(&name[at + 1..])), digest),
        None => (sheet::value(name), None, digest),
    }
}

/// The exec form `["a", "b"]` joined with spaces.
fn exec(text: &str) -> Option<String> {
    if !text.starts_with('[') {
        return None;
    }
    let words: Vec<String> = serde_json::from_str(sheet::cut(text, 64_000)).ok()?;
    Some(words.join(" "))
}

/// Keys and values of `ENV`, `ARG` and `LABEL`.
fn pairs(text: &str) -> Vec<(String, Option<String>)> {
    let words = quoted(text);
    match words.as_slice() {
        // The old form: one key, the rest is the value.
        [first, ..] if !first.contains('=') && words.len() > 1 => {
            let rest = text.trim().split_once(char::is_whitespace).map_or("", |(_, rest)| rest.trim());
            vec![(first.clone(), Some(rest.to_owned()))]
        }
        _ => words
            .iter()
            .take(256)
            .map(|word| word.split_once('=').map_or((word.clone(), None), |(key, value)| (key.to_owned(), Some(value.to_owned()))))
            .collect(),
    }
}

/// Words at white space, quotes taken off.
fn quoted(text: &str) -> Vec<String> {
    let (mut words, mut now, mut quote, mut any) = (Vec::new(), String::new(), None, false);
    for character in text.chars() {
        match (quote, character) {
            (Some(open), close) if open == close => quote = None,
            (None, '"' | '\'') => (quote, any) = (Some(character), true),
            (None, space) if space.is_whitespace() => {
                if any {
                    words.push(std::mem::take(&mut now));
                }
                any = false;
            }
            (_, other) => {
                now.push(other);
                any = true;
            }
        }
    }
    if any {
        words.push(now);
    }
    words
}
