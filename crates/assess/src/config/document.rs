//! Documents: their headings, and how much stands below each.
//!
//! `level` 0 is the document itself, named after its file. `words` and `code` count what stands
//! below a heading with all that it holds; `prose` counts words outside of blocks of code and the remarks in them, `parts`
//! the lines of lists and tables that say of a file or folder what it is for. `tells` names what is spoken of below it.

use crate::fact::{Extract, Fact, Kind};

use super::{
    base, ending,
    sheet::{self, Sheet, yes},
};

/// How many headings are read.
const HEADINGS: usize = 4_000;

struct Section {
    name: String,
    level: u32,
    line: u32,
    end: u32,
    words: usize,
    prose: usize,
    parts: usize,
    code: bool,
    /// Bits of [`TOPICS`].
    about: u32,
}

/// Reads a document.
pub fn read(path: &str, text: &str) -> Option<(&'static str, Extract)> {
    let name = base(path).to_ascii_lowercase();
    let form = match ending(&name) {
        "md" | "markdown" | "mdx" => Form::Markdown,
        "rst" => Form::Underlined,
        "adoc" | "asciidoc" => Form::Equals,
        "txt"
            if !name.contains("requirements")
                && !name.contains("constraints")
                && !name.starts_with("robots")
                && name != "cmakelists.txt" =>
        {
            Form::Markdown
        }
        "" if matches!(
            name.as_str(),
            "readme" | "license" | "contributing" | "changelog" | "security" | "authors" | "notice" | "copying"
        ) =>
        {
            Form::Markdown
        }
        _ => return None,
    };
    let mut sections = vec![Section { name, level: 0, line: 1, end: 1, words: 0, prose: 0, parts: 0, code: false, about: 0 }];
    let mut open = vec![0_usize];
    let mut fence: Option<&str> = None;
    let mut styles: Vec<char> = Vec::new();
    let lines: Vec<&str> = text.lines().collect();
    let mut skip = false;
    for (at, raw) in lines.iter().enumerate() {
        let number = u32::try_from(at + 1).unwrap_or(u32::MAX);
        let line = raw.trim();
        let marks =
            ["```", "~~~", "----"].into_iter().find(|mark| line.starts_with(mark) && (*mark != "----" || matches!(form, Form::Equals)));
        let heading =
            if fence.is_some() || skip { None } else { form.heading(line, lines.get(at + 1).copied().unwrap_or_default(), &mut styles) };
        skip = false;
        match (fence, marks) {
            (Some(open), Some(mark)) if open == mark => fence = None,
            (None, Some(mark)) => {
                fence = Some(mark);
                mark_code(&mut sections, &open);
            }
            _ => {}
        }
        if let Some((title, level, two)) = heading.filter(|_| sections.len() < HEADINGS) {
            skip = two;
            while open.last().and_then(|top| sections.get(*top)).is_some_and(|top| top.level >= level) {
                open.pop();
            }
            open.push(sections.len());
            sections.push(Section {
                name: sheet::value(&title.to_lowercase()),
                level,
                line: number,
                end: number,
                words: 0,
                prose: 0,
                parts: 0,
                code: false,
                about: topics(line),
            });
        } else {
            let literal = matches!(form, Form::Underlined) && (line.starts_with(".. code") || line.ends_with("::"));
            if literal || raw.starts_with("    ") && !line.is_empty() && fence.is_none() && !line.starts_with(['-', '*']) {
                mark_code(&mut sections, &open);
            }
            let words = line.split_whitespace().filter(|word| word.chars().any(char::is_alphanumeric)).count();
            let about = topics(line);
            let (prose, part) = (if fence.is_none() { words } else { remark(line) }, names_part(line, words));
            for top in &open {
                if let Some(section) = sections.get_mut(*top) {
                    section.words += words;
                    section.prose += prose;
                    section.parts += usize::from(part);
                    section.about |= about;
                    if !line.is_empty() {
                        section.end = number;
                    }
                }
            }
        }
    }
    let mut sheet = Sheet::default();
    for section in sections {
        let fact = Fact::new(Kind::Heading, section.name, section.line, section.end).with("level", section.level.to_string());
        let mut fact = fact
            .with("words", section.words.to_string())
            .with("prose", section.prose.to_string())
            .with("parts", section.parts.to_string())
            .with("code", yes(section.code))
            .with("document", sheet::value(base(path)));
        for (number, (topic, _)) in TOPICS.iter().enumerate() {
            if section.about & (1 << number) != 0 {
                fact = fact.with("tells", *topic);
            }
        }
        sheet.push(fact);
    }
    Some(("document", sheet.done()))
}

/// What a section speaks of, by words that stand for it, in lower case.
const TOPICS: &[(&str, &[&str])] = &[
    ("tls", &["https", " tls", "ssl", "certificate", "certbot", "let's encrypt", "letsencrypt", "acme"]),
    ("secret", &["secret", "password", "credential", "api key", "api_key", "private key", "openssl rand"]),
    ("backup", &["backup", "back up", "pg_dump", "mysqldump", "snapshot"]),
    ("restore", &["restore", "recover"]),
    ("update", &["upgrade", "updating", "update to", "to update", "new version"]),
    ("rollback", &["rollback", "roll back", "rolled back", "revert", "downgrade"]),
    ("migration", &["migrate", "migration"]),
    ("proxy", &["nginx", "reverse proxy", "traefik", "caddy", "haproxy", "ingress", "load balancer"]),
    (
        "orchestrator",
        &["kubernetes", "kubectl", "helm", "systemd", "podman", "docker swarm", "nomad", "ecs", "cloud run", "heroku", "fly.io", "ansible"],
    ),
    ("compose", &["docker compose", "docker-compose"]),
    ("health", &["health", "liveness", "readiness"]),
    ("monitoring", &["prometheus", "grafana", "alert", "metrics", "sentry", "monitoring"]),
    ("local", &["localhost", "127.0.0.1", "locally", "development server", "on your machine"]),
];

/// The topics of one line.
fn topics(line: &str) -> u32 {
    if line.is_empty() {
        return 0;
    }
    // An address is no word about encryption.
    let lower = line.to_lowercase().replace("https://", "");
    let named = TOPICS.iter().enumerate().filter(|(_, (_, words))| words.iter().any(|word| lower.contains(word)));
    named.fold(0, |bits, (number, _)| bits | 1 << number)
}

fn mark_code(sections: &mut [Section], open: &[usize]) {
    for top in open {
        if let Some(section) = sections.get_mut(*top) {
            section.code = true;
        }
    }
}

/// Words of a remark in a block of code: `src/   # what is served`.
fn remark(line: &str) -> usize {
    let said =
        ["# ", "// ", "<- ", "\u{2190} "].iter().find_map(|mark| line.split_once(mark)).filter(|(before, _)| !before.trim().is_empty());
    said.map_or(0, |(_, said)| said.split_whitespace().filter(|word| word.chars().any(char::is_alphabetic)).count())
}

/// Whether a line of a list or table says of a file or folder what it is for.
fn names_part(line: &str, words: usize) -> bool {
    let Some(rest) = line.strip_prefix(['-', '*', '|']).filter(|_| words >= 4) else { return false };
    let rest = rest.trim_start().trim_start_matches("**");
    let Some(first) = rest.strip_prefix("[`").or_else(|| rest.strip_prefix('`')).and_then(|rest| rest.split('`').next()) else {
        return false;
    };
    let linked = rest.starts_with("[`") && rest.contains("](/") || rest.starts_with("[`") && rest.contains("](./");
    let path = first.contains('/') || [".py", ".ts", ".js", ".go", ".rs", ".java"].iter().any(|end| first.ends_with(end));
    (linked || path) && !first.starts_with('/') && !first.contains(' ') && !first.contains("://")
}

#[derive(Clone, Copy)]
enum Form {
    Markdown,
    Underlined,
    Equals,
}

impl Form {
    /// Title, level, and whether the next line belongs to it.
    fn heading(self, line: &str, next: &str, styles: &mut Vec<char>) -> Option<(String, u32, bool)> {
        let next = next.trim_end();
        let mark = next.chars().next().unwrap_or(' ');
        let drawn = next.len() >= 3 && next.len() < 400 && next.chars().all(|c| c == mark);
        match self {
            Form::Markdown => {
                let level = line.bytes().take_while(|byte| *byte == b'#').count();
                let rest = line.get(level..).unwrap_or_default();
                if (1..=6).contains(&level) && rest.starts_with([' ', '\t']) {
                    return Some((plain(rest), u32::try_from(level).unwrap_or(6), false));
                }
                let text = !line.is_empty()
                    && line.len() < 200
                    && line.chars().next().is_some_and(|c| c.is_alphanumeric() || c == '`' || c == '*')
                    && !line.contains('|');
                (drawn && text && matches!(mark, '=' | '-')).then(|| (plain(line), if mark == '=' { 1 } else { 2 }, true))
            }
            Form::Underlined => {
                let text = line.chars().next().is_some_and(char::is_alphanumeric) && line.len() < 400;
                if !(drawn && text && mark.is_ascii_punctuation() && next.len() + 1 >= line.chars().count()) {
                    return None;
                }
                let level = styles.iter().position(|style| *style == mark).unwrap_or_else(|| {
                    styles.push(mark);
                    styles.len() - 1
                });
                Some((plain(line), u32::try_from(level + 1).unwrap_or(6), true))
            }
            Form::Equals => {
                let level = line.bytes().take_while(|byte| *byte == b'=').count();
                let rest = line.get(level..).unwrap_or_default();
                ((1..=6).contains(&level) && rest.starts_with(' ')).then(|| (plain(rest), u32::try_from(level).unwrap_or(6), false))
            }
        }
    }
}

/// A title without its marks.
fn plain(title: &str) -> String {
    let title = title.trim().trim_end_matches('#').trim();
    title.chars().take(200).filter(|c| !matches!(c, '*' | '`')).collect::<String>().trim().to_owned()
}
