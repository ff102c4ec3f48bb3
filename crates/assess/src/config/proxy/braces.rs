//! Directives in braces: nginx and Caddy.

use super::{
    super::sheet::{self, Sheet},
    directive,
};

/// How many blocks may stand in each other; what is deeper is taken as of the last.
const DEPTH: usize = 64;
/// How much of one directive is kept.
const KEPT: usize = 4_000;

/// The directives of nginx: words until a semicolon or a brace.
pub fn nginx(sheet: &mut Sheet, text: &str) {
    let (mut within, mut depth) = (Vec::<String>::new(), 0_usize);
    let (mut now, mut line, mut begun, mut quote) = (String::new(), 1_u32, 1_u32, None);
    let mut chars = text.chars().peekable();
    let mut before = '\n';
    while let Some(character) = chars.next() {
        let previous = std::mem::replace(&mut before, character);
        if character == '\n' {
            line += 1;
        }
        match (quote, character) {
            (_, '\\') => {
                now.push(character);
                if let Some(next) = chars.next() {
                    line += u32::from(next == '\n');
                    now.push(next);
                }
            }
            (Some(open), close) if open == close => {
                quote = None;
                now.push(character);
            }
            (None, '"' | '\'') => {
                quote = Some(character);
                if now.trim().is_empty() {
                    begun = line;
                }
                now.push(character);
            }
            (None, '#') if previous.is_whitespace() || matches!(previous, ';' | '{' | '}') => {
                while chars.peek().is_some_and(|next| *next != '\n') {
                    chars.next();
                }
            }
            (None, ';' | '{') => {
                // `${name}` and `{2}` of an expression are no blocks.
                if character == '{' && (previous == '$' || chars.peek().is_some_and(|next| next.is_ascii_digit())) {
                    now.push(character);
                    continue;
                }
                let whole = sheet::plain(&now, 600);
                now.clear();
                let (name, value) = whole.split_once(' ').unwrap_or((&whole, ""));
                if !name.is_empty() {
                    sheet.push(directive(name, value, &within, "nginx", begun, line));
                }
                if character == '{' {
                    depth += 1;
                    if within.len() < DEPTH {
                        within.push(sheet::cut(&whole, 80).to_owned());
                    }
                }
            }
            (None, '}') => {
                if now.rfind("${").is_some_and(|at| !now[at..].contains('}'))
                    || now.ends_with(|c: char| c.is_ascii_digit() || c == ',') && now.contains('{')
                {
                    now.push(character);
                    continue;
                }
                now.clear();
                depth = depth.saturating_sub(1);
                within.truncate(depth);
            }
            _ => {
                if now.is_empty() {
                    if character.is_whitespace() {
                        continue;
                    }
                    begun = line;
                }
                if now.len() < KEPT {
                    now.push(character);
                }
            }
        }
    }
}

/// The directives of a Caddyfile: one per line, blocks open at a line's end.
pub fn caddy(sheet: &mut Sheet, text: &str) {
    let mut within: Vec<String> = Vec::new();
    let mut depth = 0_usize;
    for (number, raw) in (1_u32..).zip(text.lines()) {
        let line = sheet::cut(raw.trim(), KEPT);
        let line = line.split(" #").next().unwrap_or(line).trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if line == "}" {
            depth = depth.saturating_sub(1);
            within.truncate(depth);
            continue;
        }
        let (head, opens) =
            line.strip_suffix('{').filter(|head| head.is_empty() || head.ends_with(' ')).map_or((line, false), |head| (head.trim(), true));
        let (name, value) = head.split_once(char::is_whitespace).unwrap_or((head, ""));
        let site = opens && depth == 0;
        if site {
            sheet.push(directive("site", head, &within, "caddy", number, number));
        } else if !name.is_empty() {
            sheet.push(directive(name, value, &within, "caddy", number, number));
        }
        if opens {
            depth += 1;
            if within.len() < DEPTH {
                within.push(sheet::value(head));
            }
        }
    }
}
