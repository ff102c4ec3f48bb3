//! What was found in a project, each with the place it was seen at.

use serde::Serialize;

use super::source::Call;

/// Most routes of one service that are looked at.
const ROUTES: usize = 2_000;

/// Where something was seen.
#[derive(Clone, Debug, Serialize, PartialEq, Eq, PartialOrd, Ord)]
pub struct Evidence {
    /// Relative to the project.
    pub file: String,
    /// From one; nothing where the file as a whole is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// What was seen, in a few words.
    pub what: String,
}

impl Evidence {
    /// A file as a whole.
    pub fn file(file: &str, what: impl Into<String>) -> Evidence {
        Evidence { file: clean(file), line: None, what: clean(&what.into()) }
    }
    /// A line of a file.
    pub fn line(file: &str, line: usize, what: impl Into<String>) -> Evidence {
        Evidence { file: clean(file), line: Some(line), what: clean(&what.into()) }
    }
    /// A call.
    pub fn call(call: &Call<'_>, what: impl Into<String>) -> Evidence {
        Evidence::line(&call.source.path, call.line(), what)
    }
    /// The first line of a text file that holds the word.
    pub fn text(file: &str, text: &str, word: &str, what: impl Into<String>) -> Evidence {
        let line = text.lines().position(|line| line.contains(word)).map(|at| at + 1);
        Evidence { file: clean(file), line, what: clean(&what.into()) }
    }
    /// `file:line`.
    pub fn place(&self) -> String {
        self.line.map_or_else(|| self.file.clone(), |line| format!("{}:{line}", self.file))
    }
}

/// One line of a text of somebody else, harmless on a terminal and in a comment: no control
/// characters, nothing that turns the direction of writing, not longer than 160 characters.
pub fn clean(text: &str) -> String {
    let mut out: String = text.trim().chars().take(160).map(|c| if is_hostile(c) { '\u{fffd}' } else { c }).collect();
    if text.trim().chars().nth(160).is_some() {
        out.push('…');
    }
    out
}

/// Whether a character moves the cursor, hides, or turns the direction of writing.
pub fn is_hostile(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// What a route hands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gives {
    /// What a handler makes.
    Answers,
    /// Files from a folder.
    Files,
    /// The description of the interface, because the author asked for it there.
    Manual,
    /// The same, because the framework does it unasked.
    UnaskedManual,
    /// Administration pages of a framework.
    Administration,
}

/// A route of the service.
#[derive(Clone, Debug)]
pub struct RouteSeen {
    /// In capitals; nothing for any method.
    pub method: Option<&'static str>,
    /// In the form of the host: `/items/{id}`, `/static/{*rest}`.
    pub path: String,
    /// What it hands out.
    pub gives: Gives,
    /// Whether the whole path is known: a router may be mounted somewhere that was not seen.
    pub certain: bool,
    /// Where.
    pub evidence: Evidence,
}

/// Which command starts the service.
#[derive(Clone, Debug, Default)]
pub struct Start {
    /// Its words; `$PORT` stands for the port.
    pub words: Vec<String>,
    /// Commands to run before the first start.
    pub before: Vec<String>,
    /// The port it listens on, when nothing from outside can change it.
    pub fixed_port: Option<(u16, Evidence)>,
    /// From what this is known.
    pub evidence: Vec<Evidence>,
    /// What was changed in a command of the project, and what to look out for.
    pub notes: Vec<String>,
}

/// Origins whose pages may read answers.
#[derive(Clone, Debug)]
pub struct Cors {
    /// As they stand in the source.
    pub origins: Vec<String>,
    /// Whether cookies go along.
    pub credentials: bool,
    /// Where.
    pub evidence: Evidence,
}

/// A service that was recognised.
#[derive(Clone, Debug)]
pub struct Service {
    /// The folder it is started from, relative to the project.
    pub root: String,
    /// The folder of its entry.
    pub folder: String,
    /// What it is made with.
    pub framework: &'static str,
    /// What it is called.
    pub name: Option<(String, Evidence)>,
    /// How it starts.
    pub start: Start,
    /// Its routes, as far as they can be read.
    pub routes: Vec<RouteSeen>,
    /// That it takes files, and the largest body its own code allows.
    pub uploads: Option<(Option<u64>, Evidence)>,
    /// Explicit origins.
    pub cors: Option<Cors>,
    /// Origins that are not listed one by one.
    pub cors_open: Option<Evidence>,
    /// Names it answers for.
    pub hosts: Option<(Vec<String>, Evidence)>,
    /// How long an answer may take, in seconds.
    pub timeout: Option<(u64, Evidence)>,
    /// What to know besides.
    pub notes: Vec<String>,
    /// How likely this is the entry, among several of one folder.
    pub score: i32,
}

impl Service {
    /// A service of which nothing is known yet but where it is and what it is made with.
    pub fn new(root: impl Into<String>, folder: impl Into<String>, framework: &'static str) -> Service {
        Service {
            root: root.into(),
            folder: folder.into(),
            framework,
            name: None,
            start: Start::default(),
            routes: Vec::new(),
            uploads: None,
            cors: None,
            cors_open: None,
            hosts: None,
            timeout: None,
            notes: Vec::new(),
            score: 0,
        }
    }

    /// Takes the origins of a setting: an explicit list, or the fact that there is none.
    pub fn take_origins(&mut self, origins: Option<Vec<String>>, credentials: bool, evidence: Evidence) {
        let listed = origins.filter(|origins| !origins.is_empty() && origins.iter().all(|origin| is_origin(origin)));
        match listed {
            Some(origins) if self.cors.is_none() => self.cors = Some(Cors { origins, credentials, evidence }),
            Some(_) => {}
            None => drop(self.cors_open.get_or_insert(evidence)),
        }
    }

    /// Whether enough routes were seen: nobody reads more, and a hostile tree may hold millions.
    pub fn is_full(&self) -> bool {
        self.routes.len() >= ROUTES
    }

    /// Keeps the first place where files are taken, and the largest bound that was seen.
    pub fn take_uploads(&mut self, bound: Option<u64>, evidence: Evidence) {
        let uploads = self.uploads.get_or_insert((bound, evidence.clone()));
        if bound > uploads.0 {
            *uploads = (bound, evidence);
        }
    }
}

/// Whether this is an exact origin: a scheme and a host, nothing behind it.
fn is_origin(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte)))
}

/// The method of a word such as `get`; nothing for words that are no methods.
pub fn method(word: &str) -> Option<&'static str> {
    const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
    METHODS.into_iter().find(|method| method.eq_ignore_ascii_case(word))
}

/// Whether a path of a route is one that can be written into the configuration: it begins with a
/// slash, holds plain characters, and its placeholders are whole segments with names.
pub fn is_plain(path: &str) -> bool {
    let segment = |part: &str| match part.strip_prefix('{') {
        Some(rest) => rest.strip_suffix('}').is_some_and(|name| {
            let name = name.trim_start_matches('*');
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        }),
        None => part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~@+".contains(&byte)),
    };
    let inner = path.split('/').rev().skip(1).all(|part| !part.starts_with("{*"));
    path.starts_with('/') && path.len() <= 200 && path.split('/').skip(1).all(segment) && inner && !path.contains("//")
}

/// Joins the path of a mount and the path of a route below it.
pub fn under(prefix: &str, path: &str) -> String {
    let prefix = prefix.trim_end_matches('/');
    match path {
        "" if prefix.is_empty() => "/".into(),
        "" => prefix.into(),
        path => format!("{prefix}/{}", path.trim_start_matches('/')),
    }
}
