//! Adding keys to a file somebody wrote, without touching what is there.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::proposal::{Entry, places};

/// The file with what was missing.
pub struct Merged {
    /// All of it.
    pub text: String,
    /// Full keys that the file has already; they stay as they are.
    pub kept: Vec<String>,
    /// Lines that cannot be added: the file writes their table in a form that takes no more.
    pub blocked: Vec<String>,
}

/// What stands in a file.
struct Written {
    /// Bytes of every value.
    leaves: Vec<Range<usize>>,
    /// Full keys.
    keys: Vec<String>,
}

/// Adds the entries that are missing. `head` goes above a file that is made anew.
///
/// # Errors
/// When the existing file is no TOML.
pub fn merge(existing: Option<&str>, head: &str, entries: &[Entry]) -> Result<Merged, String> {
    let old = existing.unwrap_or("");
    let (mark, body) = old.strip_prefix('\u{feff}').map_or(("", old), |body| ("\u{feff}", body));
    let written = read(body)?;
    let newline = if body.contains("\r\n") { "\r\n" } else { "\n" };
    let mut merged = Merged { text: body.to_owned(), kept: Vec::new(), blocked: Vec::new() };
    let mut sections: Vec<&'static str> = Vec::new();
    for entry in entries {
        if !sections.contains(&entry.section) {
            sections.push(entry.section);
        }
    }
    if existing.is_none() {
        merged.text.push_str(head);
    }
    for section in sections {
        let mut missing = Vec::new();
        for entry in entries.iter().filter(|entry| entry.section == section) {
            let full = format!("{section}.{}", entry.key);
            // Rules of access, and what pages of other origins may do, are one thing each: whoever
            // wrote a part of it decided about the rest too.
            let whole = matches!(section, "routes.rules" | "cors")
                && written.keys.iter().any(|key| key.starts_with(&format!("{section}.")) || (key == section && section == "routes.rules"));
            if whole || written.keys.iter().any(|key| *key == full || key.starts_with(&format!("{full}."))) {
                if !entry.offered {
                    merged.kept.push(full);
                }
            } else {
                missing.push(entry);
            }
        }
        let real = missing.iter().any(|entry| !entry.offered);
        // What is only offered does not come back each time.
        if missing.is_empty() || (existing.is_some() && !real) {
            continue;
        }
        let next = insert(&merged.text, section, &missing, newline);
        match next.filter(|next| same(&written, body, next)) {
            Some(next) => merged.text = next,
            None => merged.blocked.extend(missing.iter().map(|entry| format!("[{section}] {} = {}", entry.key, entry.value))),
        }
    }
    merged.text.insert_str(0, mark);
    Ok(merged)
}

fn read(text: &str) -> Result<Written, String> {
    let table = DeTable::parse(text).map_err(|error| error.message().to_owned())?;
    let mut written = Written { leaves: Vec::new(), keys: Vec::new() };
    walk(text, "", table.get_ref(), &mut written);
    Ok(written)
}

fn walk(text: &str, path: &str, table: &DeTable<'_>, written: &mut Written) {
    for (key, value) in table {
        let full = if path.is_empty() { key.get_ref().to_string() } else { format!("{path}.{}", key.get_ref()) };
        written.keys.push(full.clone());
        let span = value.span();
        let opens = text.get(span.start..).unwrap_or("");
        match value.get_ref() {
            DeValue::Table(inner) => {
                if opens.starts_with('{') {
                    written.leaves.push(span);
                }
                walk(text, &full, inner, written);
            }
            DeValue::Array(items)
                if opens.starts_with("[[")
                    && items.iter().all(|item| matches!(item.get_ref(), DeValue::Table(_)))
                    && !opens[2..].trim_start().starts_with(['"', '\'', '[']) =>
            {
                for item in items {
                    if let DeValue::Table(inner) = item.get_ref() {
                        walk(text, &full, inner, written);
                    }
                }
            }
            _ => written.leaves.push(span),
        }
    }
}

/// Heads of tables: where the line begins, where it ends, what it names.
fn heads(text: &str, leaves: &[Range<usize>]) -> Vec<(usize, usize, String)> {
    let mut found = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let inside = leaves.iter().any(|leaf| leaf.start < start && start < leaf.end);
        if let Some(rest) = line.trim_start().strip_prefix('[').filter(|_| !inside) {
            let name = rest.split(']').next().unwrap_or("").trim();
            let name: String = name.split('.').map(str::trim).collect::<Vec<_>>().join(".");
            found.push((start, start + line.len(), name));
        }
        start += line.len();
    }
    found
}

fn insert(text: &str, section: &str, missing: &[&Entry], newline: &str) -> Option<String> {
    let leaves = read(text).ok()?.leaves;
    let heads = heads(text, &leaves);
    let lines = lines(missing, newline);
    let Some(at) = heads.iter().position(|(.., name)| name == section) else {
        let gap = if text.is_empty() || text.ends_with("\n\n") || text.ends_with("\r\n\r\n") { "" } else { newline };
        let ends = if text.is_empty() || text.ends_with('\n') { "" } else { newline };
        return Some(format!("{text}{ends}{gap}[{section}]{newline}{lines}"));
    };
    let (_, begin, _) = heads[at];
    let end = heads.get(at + 1).map_or(text.len(), |(start, ..)| *start);
    let last = leaves.iter().filter(|leaf| leaf.start >= begin && leaf.end <= end).map(|leaf| leaf.end).max().unwrap_or(begin);
    let place = if last == begin { begin } else { text[last..].find('\n').map_or(text.len(), |offset| last + offset + 1) };
    let ends = if text[..place].ends_with('\n') { "" } else { newline };
    Some(format!("{}{ends}{lines}{}", &text[..place], &text[place..]))
}

fn lines(missing: &[&Entry], newline: &str) -> String {
    let mut out = String::new();
    for entry in missing {
        let seen = if entry.evidence.is_empty() { String::new() } else { format!(" ({})", places(&entry.evidence)) };
        let mark = if entry.offered { "# " } else { "" };
        out.push_str(&format!("# {}{seen}{newline}{mark}{} = {}{newline}", super::clean(&entry.reason), entry.key, entry.value));
    }
    out
}

/// Whether every value of the old file is a value of the new one, under the same key and with the
/// same text, in the same order.
fn same(old: &Written, before: &str, after: &str) -> bool {
    let Ok(new) = read(after) else { return false };
    let texts =
        |written: &Written, text: &str| -> Vec<String> { written.leaves.iter().map(|leaf| text[leaf.clone()].to_owned()).collect() };
    let (mut had, mut has) = (texts(old, before), texts(&new, after));
    had.sort();
    has.sort();
    let mut left = has.into_iter();
    old.keys.iter().all(|key| new.keys.contains(key))
        && had.iter().all(|value| left.any(|other| other == *value))
        && is_subsequence(before, after)
}

/// Whether the lines of the one are lines of the other, in the same order.
fn is_subsequence(before: &str, after: &str) -> bool {
    let mut lines = after.lines();
    before.lines().all(|line| lines.any(|other| other == line))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(section: &'static str, key: &str, value: &str) -> Entry {
        Entry { section, key: key.into(), value: value.into(), reason: "why".into(), evidence: Vec::new(), offered: false }
    }

    #[test]
    fn what_the_owner_wrote_stays_byte_for_byte() {
        let old = "# mine\n[server] # here\nlisten   = \"127.0.0.1:1\" # first\nhosts = [\n  \"a\", # one\n]\n\n# about cors\n[cors]\n\n[tls]\noff = '''\n[cors]\nnot a head'''\n";
        let entries = [
            entry("server", "listen", "\"x\""),
            entry("server", "uri_limit", "\"8KiB\""),
            entry("cors", "origins", "[]"),
            entry("routes", "default", "\"deny\""),
        ];
        let merged = merge(Some(old), "# head\n", &entries).unwrap();
        assert_eq!(
            merged.text,
            "# mine\n[server] # here\nlisten   = \"127.0.0.1:1\" # first\nhosts = [\n  \"a\", # one\n]\n# why\nuri_limit = \"8KiB\"\n\n# about cors\n[cors]\n# why\norigins = []\n\n[tls]\noff = '''\n[cors]\nnot a head'''\n\n[routes]\n# why\ndefault = \"deny\"\n"
        );
        assert_eq!((merged.kept, merged.blocked.len()), (vec!["server.listen".to_owned()], 0));
    }

    #[test]
    fn a_table_that_takes_no_more_is_left_alone() {
        for old in ["service = { name = \"a\" }\n", "service.name = \"a\"\n"] {
            let merged = merge(Some(old), "", &[entry("service", "yields", "[]")]).unwrap();
            assert_eq!((merged.text.as_str(), merged.blocked.as_slice()), (old, &["[service] yields = []".to_owned()][..]));
        }
    }

    #[test]
    fn rules_of_access_are_never_added_to_rules_that_are_there() {
        for old in ["[routes.rules]\n\"/a\" = \"deny\"\n", "[routes]\nrules = {}\n", "[routes]\nrules.\"/a\" = \"deny\"\n"] {
            let merged = merge(Some(old), "", &[entry("routes.rules", "\"GET /b\"", "\"public: b\"")]).unwrap();
            assert_eq!((merged.text.as_str(), merged.kept.len()), (old, 1), "{old}");
        }
    }

    #[test]
    fn cookies_are_not_let_through_to_origins_that_somebody_else_listed() {
        let old = "[cors]\norigins = [\"https://a.example.org\"]\n";
        let merged = merge(Some(old), "", &[entry("cors", "credentials", "true")]).unwrap();
        assert_eq!((merged.text.as_str(), merged.kept), (old, vec!["cors.credentials".to_owned()]));
    }

    #[test]
    fn line_endings_and_a_missing_last_one_are_kept() {
        let merged = merge(
            Some("\u{feff}[tls]\r\nrequired = true"),
            "",
            &[entry("tls", "public_port", "1"), entry("routes", "default", "\"deny\"")],
        )
        .unwrap();
        assert_eq!(
            merged.text,
            "\u{feff}[tls]\r\nrequired = true\r\n# why\r\npublic_port = 1\r\n\r\n[routes]\r\n# why\r\ndefault = \"deny\"\r\n"
        );
    }

    #[test]
    fn a_second_time_nothing_is_missing() {
        let mut offered = entry("service", "body_limit", "1");
        offered.offered = true;
        let entries = [entry("service", "name", "\"a\""), offered, entry("routes.rules", "\"/b\"", "\"deny\"")];
        let once = merge(None, "# head\n\n", &entries).unwrap().text;
        assert_eq!(once, "# head\n\n[service]\n# why\nname = \"a\"\n# why\n# body_limit = 1\n\n[routes.rules]\n# why\n\"/b\" = \"deny\"\n");
        assert_eq!(merge(Some(&once), "# head\n\n", &entries).unwrap().text, once);
    }
}
