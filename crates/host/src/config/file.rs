//! What the file says.

use std::{ops::Range, path::Path};

use toml::de::DeTable;

use super::{
    fault::{Excerpt, Fault, Place, line_and_column},
    load::{Found, Said},
    nearest::nearest,
    node::{Content, Named, Node},
    schema::{KeyDoc, Schema, SectionDoc, Written, within},
    secret::Secret,
    setting::Wrong,
    sources::{FILE_BYTES, too_large},
};

/// Reads the file. Answers nothing when its syntax is broken, since what stands where is not known
/// then.
pub(super) fn read(schema: &Schema, path: &Path, text: &str, faults: &mut Vec<Fault>) -> Option<Vec<Found>> {
    if text.len() as u64 > FILE_BYTES {
        faults.push(too_large(Place::File { path: path.into() }));
        return None;
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        syntax(schema, path, text, errors, faults);
        return None;
    }
    let mut walk = Walk { schema, values: Vec::new(), wrong: Vec::new(), hidden: Vec::new() };
    walk.table("", &Node::of_file(table.get_ref()));
    let Walk { values, mut wrong, hidden, .. } = walk;
    wrong.sort_by_key(|(span, _, _)| span.start);
    cut(&mut wrong);
    let locate = |span: &Range<usize>| {
        let (line, column) = line_and_column(text, span.start);
        (Place::Line { path: path.into(), line, column }, Some(Excerpt::of(text, span, &hidden)))
    };
    faults.extend(wrong.into_iter().map(|(span, message, help)| {
        let (place, excerpt) = locate(&span);
        Fault { excerpt, ..Fault::new(place, message, help) }
    }));
    let found = values.into_iter().map(|(name, span, said)| {
        let (place, excerpt) = locate(&span);
        Found { name, said, place, excerpt }
    });
    Some(found.collect())
}

struct Walk<'s> {
    schema: &'s Schema,
    values: Vec<(String, Range<usize>, Said)>,
    wrong: Vec<(Range<usize>, String, Option<String>)>,
    /// Bytes that no excerpt may show: secrets, and whatever may be one behind a mistyped name.
    hidden: Vec<Range<usize>>,
}

impl Walk<'_> {
    fn table(&mut self, path: &str, table: &[Named]) {
        let schema = self.schema;
        let section = schema.named(path);
        for entry in table {
            let word = entry.name.as_str();
            let full = if path.is_empty() { word.to_string() } else { format!("{path}.{word}") };
            let key = section.and_then(|it| it.keys.iter().find(|key| key.name == word).map(|key| (it, key)));
            let file = section.and_then(|it| it.keys.iter().find(|key| key.file_key().as_deref() == Some(word)).map(|key| (it, key)));
            if let Some((section, key)) = key {
                self.value(section, key, entry);
            } else if let Some((section, key)) = file {
                self.secret_file(section, key, entry);
            } else if schema.leads_to_section(&full) {
                self.section(&full, entry);
            } else {
                self.unknown(path, entry);
            }
        }
    }

    fn section(&mut self, full: &str, Named { span, value, .. }: &Named) {
        match value.content() {
            Content::Table(table) => self.table(full, table),
            Content::List(_) => {
                self.hide(value);
                let help = format!("write [{full}] once, in single brackets");
                self.wrong.push((span.clone(), format!("[{full}] is a section, not a list"), Some(help)));
            }
            _ => {
                self.hide(value);
                let help = format!("write its keys below a line [{full}]");
                self.wrong.push((span.clone(), format!("[{full}] is a section, not a value"), Some(help)));
            }
        }
    }

    fn value(&mut self, section: &SectionDoc, key: &KeyDoc, Named { span, value, .. }: &Named) {
        let full = section.full(key.name);
        let written = match value.text() {
            Some(text) if key.secret && !text.is_empty() => Written::Hidden(Secret::new(text)),
            _ => Written::Node(value.clone()),
        };
        if key.secret {
            self.hide(value);
        }
        let mut wrong: Vec<Wrong> = Vec::new();
        let said = match (key.check)(&written, &mut wrong) {
            Some(shown) => Said::Value(written, shown),
            None => Said::Wrong,
        };
        for it in wrong {
            self.wrong.push((it.span.unwrap_or(value.span()), format!("`{full}`: {}", it.message), it.help));
        }
        self.put(full, span, said);
    }

    fn secret_file(&mut self, section: &SectionDoc, key: &KeyDoc, Named { span, value, .. }: &Named) {
        let full = section.full(key.name);
        let said = match value.text() {
            Some(path) if !path.is_empty() => Said::SecretIn(path.into()),
            _ => {
                self.wrong.push((value.span(), format!("`{full}_file`: expected the path of a file"), None));
                Said::Wrong
            }
        };
        self.put(full, span, said);
    }

    fn put(&mut self, full: String, span: &Range<usize>, said: Said) {
        if self.values.iter().any(|(other, ..)| *other == full) {
            let message = format!("`{full}` is given twice, as a value and as a file");
            self.wrong.push((span.clone(), message, Some("keep one of the two".into())));
        }
        self.values.push((full, span.clone(), said));
    }

    /// A name that nothing knows. Its value is shown only if it is clearly no secret.
    fn unknown(&mut self, path: &str, Named { name: word, span, value }: &Named) {
        let section = self.schema.named(path);
        let here: Vec<&KeyDoc> = section.iter().flat_map(|section| &section.keys).collect();
        let files: Vec<String> = here.iter().filter_map(|key| key.file_key()).collect();
        let names = || here.iter().map(|key| key.name).chain(files.iter().map(String::as_str));
        let below = self.schema.below(path);
        let is_table = value.table().is_some();
        let (what, near) = match is_table {
            true => ("section", nearest(word, below.iter().copied().chain(names()))),
            false => ("key", nearest(word, names().chain(below.iter().copied()))),
        };
        let shown = near.is_some_and(|near| here.iter().any(|key| key.name == near && !key.secret));
        if is_table || !shown || sounds_secret(word) {
            self.hide(value);
        }
        let help = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => self.elsewhere(word).unwrap_or_else(|| known(names().chain(below.iter().copied()))),
        };
        let message = match is_table {
            true => format!("unknown {what} [{}]", if path.is_empty() { word.into() } else { format!("{path}.{word}") }),
            false => format!("unknown {what} `{word}` {}", within(path)),
        };
        self.wrong.push((span.clone(), message, Some(help)));
    }

    /// Hides every value in it: a table may be spread over lines, only its values are one piece.
    fn hide(&mut self, value: &Node) {
        match value.table() {
            Some(table) => table.iter().for_each(|it| self.hide(&it.value)),
            None => self.hidden.push(value.span()),
        }
    }

    /// The section in which a key of this name stands, or that ends with it.
    fn elsewhere(&self, word: &str) -> Option<String> {
        let nested = self.schema.sections().iter().find(|it| it.name.rsplit('.').next() == Some(word));
        if let Some(section) = nested {
            return Some(format!("did you mean [{}]?", section.name));
        }
        let (section, _) = self.schema.keys().find(|(_, key)| key.name == word || key.file_key().as_deref() == Some(word))?;
        Some(format!("`{word}` belongs {}", within(&section.name)))
    }
}

/// Most faults that are told about one file: somebody who has more has named the wrong file.
const MOST_FAULTS: usize = 200;

/// Leaves the first faults, and one that says how many more there are.
fn cut(wrong: &mut Vec<(Range<usize>, String, Option<String>)>) {
    let more = wrong.len().saturating_sub(MOST_FAULTS);
    if more > 0 {
        wrong.truncate(MOST_FAULTS + 1);
        wrong[MOST_FAULTS].1 = format!("{more} more faults from here on");
        wrong[MOST_FAULTS].2 = Some("check that it is the right file".into());
    }
}

fn known<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    match names.len() {
        0 => "nothing may stand here".into(),
        1..=12 => format!("known here: {}", names.join(", ")),
        more => format!("known here: {} and {} more", names[..12].join(", "), more - 12),
    }
}

/// Whether somebody may have put a secret behind this name.
fn sounds_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["pass", "pwd", "secret", "token", "key", "cred", "dsn", "auth", "private", "url"].iter().any(|word| name.contains(word))
}

fn syntax(schema: &Schema, path: &Path, text: &str, errors: Vec<toml::de::Error>, faults: &mut Vec<Fault>) {
    let mut wrong: Vec<_> =
        errors.into_iter().map(|error| (error.span().unwrap_or(0..0), format!("this is not TOML: {}", error.message()), None)).collect();
    wrong.sort_by_key(|(span, _, _)| span.start);
    // One slip often breaks the rest of its line several times over.
    wrong.dedup_by(|later, earlier| !text.get(earlier.0.start..later.0.start).is_some_and(|between| between.contains('\n')));
    cut(&mut wrong);
    for (span, message, help) in wrong {
        let (line, column) = line_and_column(text, span.start);
        let excerpt = text.lines().nth(line - 1).filter(|it| may_be_shown(schema, it)).map(|_| Excerpt::of(text, &span, &[]));
        let place = Place::Line { path: path.into(), line, column };
        faults.push(Fault { excerpt, ..Fault::new(place, message, help) });
    }
}

/// In broken syntax nobody knows where a secret begins and ends. So a line is shown only if it is
/// the head of a section, or begins with a known key that is not secret and seems to
/// hold nothing else.
fn may_be_shown(schema: &Schema, line: &str) -> bool {
    let line = line.trim();
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if let Some(head) = line.strip_prefix('[') {
        return head.chars().all(|c| is_word(c) || matches!(c, '[' | ']' | ' '));
    }
    let word = line.split(|c| !is_word(c)).next().and_then(|path| path.rsplit('.').next()).unwrap_or_default();
    let mut same = schema.keys().filter(|(_, key)| key.name == word).peekable();
    let rest = line.split_once(word).map_or("", |(_, rest)| rest);
    let is_alone = !rest.contains('{') && rest.matches('=').count() < 2 && !sounds_secret(rest);
    is_alone && same.peek().is_some() && same.all(|(_, key)| !key.secret)
}
