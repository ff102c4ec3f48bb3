//! Logical lines of a Dockerfile: continuation, comments between, here-documents.

/// An instruction with its place.
pub struct Line {
    /// The instruction on one line.
    pub text: String,
    /// First line.
    pub line: u32,
    /// Last line.
    pub end: u32,
    /// The text of its here-documents.
    pub heredoc: String,
}

/// How much of one instruction is kept.
const KEPT: usize = 64_000;

/// The instructions of a file.
pub fn logical(text: &str) -> Vec<Line> {
    let escape = directive(text);
    let (mut found, mut now) = (Vec::new(), None::<Line>);
    let mut lines = (1_u32..).zip(text.lines());
    while let Some((number, raw)) = lines.next() {
        let trimmed = raw.trim();
        if trimmed.starts_with('#') || trimmed.is_empty() {
            // Comments and empty lines do not end a continued instruction.
            continue;
        }
        let (part, goes_on) = trimmed.strip_suffix(escape).map_or((trimmed, false), |part| (part.trim_end(), true));
        let line = now.get_or_insert_with(|| Line { text: String::new(), line: number, end: number, heredoc: String::new() });
        if line.text.len() + part.len() < KEPT {
            if !line.text.is_empty() {
                line.text.push(' ');
            }
            line.text.push_str(part);
        }
        line.end = number;
        if goes_on {
            continue;
        }
        let mut line = match now.take() {
            Some(line) => line,
            None => continue,
        };
        let word = line.text.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
        if matches!(word.as_str(), "run" | "copy" | "add") {
            for delimiter in delimiters(&line.text) {
                for (number, body) in lines.by_ref() {
                    line.end = number;
                    if body.trim() == delimiter {
                        break;
                    }
                    if word == "run" && line.heredoc.len() + body.len() < KEPT {
                        line.heredoc.push_str(body);
                        line.heredoc.push('\n');
                    }
                }
            }
        }
        found.push(line);
    }
    found.extend(now);
    found
}

/// The character that continues lines: a backslash, or what the directive at the top says.
fn directive(text: &str) -> char {
    for line in text.lines().take_while(|line| line.starts_with('#')) {
        let line: String = line.chars().take(80).filter(|c| !c.is_whitespace()).collect();
        if line.eq_ignore_ascii_case("#escape=`") {
            return '`';
        }
    }
    '\\'
}

fn delimiters(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("<<") {
        rest = &rest[at + 2..];
        let word: String =
            rest.trim_start_matches(['-', '~', '"', '\'']).chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let numeric = word.chars().next().is_none_or(|first| first.is_numeric());
        if !numeric && !rest.starts_with(['<', ' ']) && found.len() < 8 {
            found.push(word);
        }
    }
    found
}
