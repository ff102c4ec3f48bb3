//! Which tests ask the service over its interface, by a client or by what the framework has for it, and which refusals they expect.

use std::collections::BTreeMap;

use crate::{
    fact::{Fact, FileInfo, Kind},
    source::File,
};

/// Last words of calls that hand a request to a service.
const VERBS: &[&str] = &["get", "post", "put", "patch", "delete", "head", "options", "request", "del"];
/// Last words, and parts of names, that hand over a request whatever their arguments are.
const HANDED: &[&str] = &["oneshot", "call_service", "servehttp", "getforentity", "postforentity", "getforobject", "inject"];
const CLIENTS: &[&str] =
    &["mockmvc", "webtestclient", "testresttemplate", "restassured", "supertest", "testclient", "test_client", "httptest.newrequest"];

/// Statuses by which a service turns callers away, and the words for them.
const REFUSALS: &[(&str, &[&str])] = &[
    ("401", &["401", "unauthorized"]),
    ("403", &["403", "forbidden"]),
    ("413", &["413", "payload_too_large", "payloadtoolarge", "requestentitytoolarge"]),
    ("429", &["429", "too_many_requests", "toomanyrequests"]),
];

/// Says of each such test `over` http, and `expects` each refusal that a line of it asserts.
pub(super) fn mark(files: &[FileInfo], all: &mut [Fact], texts: &[&File]) {
    over(files, all);
    let mut tests: BTreeMap<&str, Vec<&mut Fact>> = BTreeMap::new();
    for test in all.iter_mut().filter(|fact| fact.kind == Kind::Test) {
        let Some(info) = files.get(test.file.0 as usize) else { continue };
        tests.entry(&info.path).or_default().push(test);
    }
    for file in texts {
        let Some(tests) = tests.get_mut(file.path.as_str()) else { continue };
        let text = crate::source::text(&file.bytes);
        let found: Vec<(u32, usize)> =
            (1_u32..).zip(text.lines()).flat_map(|(line, text)| refusals(text).map(move |which| (line, which))).collect();
        for test in tests {
            let first = found.partition_point(|(line, _)| *line < test.line);
            let inside = found.get(first..).unwrap_or_default().iter().take_while(|(line, _)| *line <= test.end);
            let expected: std::collections::BTreeSet<usize> = inside.map(|(_, which)| *which).collect();
            let words = expected.iter().filter_map(|which| REFUSALS.get(*which));
            test.attrs.extend(words.map(|(status, _)| ("expects".to_owned(), (*status).to_owned())));
        }
    }
}

/// The refusals that a line asserts.
fn refusals(line: &str) -> impl Iterator<Item = usize> {
    let lower = if line.len() < 400 { line.to_lowercase() } else { String::new() };
    let asserts = ["assert", "expect", "status", "should", "code"].iter().any(|word| lower.contains(word));
    let alone = |text: &str, word: &str| {
        let plain = |other: Option<char>| other.is_none_or(|letter| !letter.is_ascii_alphanumeric());
        text.match_indices(word).any(|(at, _)| {
            let (before, after) = (text.get(..at).unwrap_or_default(), text.get(at + word.len()..).unwrap_or_default());
            !word.starts_with('4') || plain(before.chars().next_back()) && plain(after.chars().next())
        })
    };
    let all = if asserts { REFUSALS } else { &[] };
    all.iter()
        .enumerate()
        .filter(move |(_, (_, words))| words.iter().any(|word| alone(&lower, word)))
        .map(|(which, _)| which)
        .collect::<Vec<_>>()
        .into_iter()
}

fn over(files: &[FileInfo], all: &mut [Fact]) {
    let mut asked: Vec<Vec<u32>> = vec![Vec::new(); files.len()];
    for fact in all.iter().filter(|fact| fact.kind == Kind::Call && asks(fact)) {
        if let Some(lines) = asked.get_mut(fact.file.0 as usize) {
            lines.push(fact.line);
        }
    }
    asked.iter_mut().for_each(|lines| lines.sort_unstable());
    for test in all.iter_mut().filter(|fact| fact.kind == Kind::Test) {
        let Some(lines) = asked.get(test.file.0 as usize) else { continue };
        let first = lines.partition_point(|line| *line < test.line);
        if lines.get(first).is_some_and(|line| *line <= test.end) {
            test.attrs.push(("over".into(), "http".into()));
        }
    }
}

fn asks(fact: &Fact) -> bool {
    let lower = fact.name.to_lowercase();
    let last = lower.rsplit(['.', ':']).next().unwrap_or_default();
    if HANDED.contains(&last) || CLIENTS.iter().any(|client| lower.contains(client)) {
        return true;
    }
    // `client.get("/songs")`, also of a template that begins with a path.
    let path = |text: &str| {
        let text = text.trim_start_matches(['f', '"', '\'', '`']);
        text.starts_with('/') || text.starts_with("http") || text.starts_with("${")
    };
    let named = |word: &str| word.contains("reverse") || word.contains("url");
    VERBS.contains(&last) && lower.contains('.') && fact.get("0").is_some_and(|first| path(first) || named(&first.to_lowercase()))
}
