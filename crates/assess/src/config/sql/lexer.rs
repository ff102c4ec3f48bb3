//! SQL cut into statements and words. All dialects at once: quotes of every sort, dollar quotes, three sorts of comments.

/// One word, string or sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// As written, without the quotes of a name.
    pub text: String,
    /// In lower case, for keywords; empty for a string or a quoted name.
    pub word: String,
    /// The line, from 1.
    pub line: u32,
    /// Brackets open around it.
    pub depth: u32,
}

/// Longer statements are cut: rows of a dump.
const LONGEST: usize = 20_000;
/// More statements are not read.
const MOST: usize = 50_000;

/// The statements of a text, each as its tokens.
pub fn statements(text: &str, first: u32) -> Vec<Vec<Token>> {
    let bytes = text.as_bytes();
    let (mut all, mut tokens, mut line, mut depth, mut at) = (Vec::new(), Vec::<Token>::new(), first, 0u32, 0usize);
    while let Some(byte) = bytes.get(at).copied() {
        let start = at;
        match byte {
            b'\n' => line += 1,
            byte if byte.is_ascii_whitespace() => {}
            b'-' if bytes.get(at + 1) == Some(&b'-') => at = until(bytes, at, b"\n").saturating_sub(1),
            b'#' if tokens.is_empty() => at = until(bytes, at, b"\n").saturating_sub(1),
            b'/' if bytes.get(at + 1) == Some(&b'*') => {
                at = until(bytes, at + 2, b"*/") + 1;
                line += breaks(bytes, start, at);
            }
            b'\'' | b'"' | b'`' | b'[' if byte != b'[' || named(&tokens) => {
                let close = if byte == b'[' { b']' } else { byte };
                let mut end = at + 1;
                while let Some(next) = bytes.get(end) {
                    if *next == close && bytes.get(end + 1) == Some(&close) && close != b']' {
                        end += 1;
                    } else if *next == close {
                        break;
                    } else if *next == b'\\'
                        && byte == b'\''
                        && bytes.get(end + 1) == Some(&b'\'')
                        && bytes.get(end + 2).is_some_and(|after| !matches!(after, b',' | b')' | b';' | b'\n'))
                    {
                        end += 1; // MySQL's way to write a quote
                    }
                    end += 1;
                }
                let inner = text.get(at + 1..end.min(bytes.len())).unwrap_or_default();
                push(
                    &mut tokens,
                    if byte == b'\'' { format!("'{}'", cut(inner)) } else { cut(inner).to_owned() },
                    String::new(),
                    line,
                    depth,
                );
                at = end;
                line += breaks(bytes, start, at);
            }
            b'$' if dollar(bytes, at).is_some() => {
                let tag = dollar(bytes, at).unwrap_or(at);
                let mark = bytes.get(at..=tag).unwrap_or_default().to_vec();
                let end = until(bytes, tag + 1, &mark);
                let inner = text.get(tag + 1..end.min(bytes.len())).unwrap_or_default();
                push(&mut tokens, format!("'{}'", cut(inner)), String::new(), line, depth);
                at = end + mark.len() - 1;
                line += breaks(bytes, start, at);
            }
            b';' if depth == 0 => {
                if !tokens.is_empty() {
                    all.push(std::mem::take(&mut tokens));
                }
                if all.len() >= MOST {
                    return all;
                }
            }
            b'(' => {
                push(&mut tokens, "(".to_owned(), "(".to_owned(), line, depth);
                depth += 1;
            }
            b')' => {
                depth = depth.saturating_sub(1);
                push(&mut tokens, ")".to_owned(), ")".to_owned(), line, depth);
            }
            byte if byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80 => {
                while bytes.get(at + 1).is_some_and(|next| next.is_ascii_alphanumeric() || matches!(next, b'_' | b'$') || *next >= 0x80) {
                    at += 1;
                }
                let word = cut(text.get(start..=at).unwrap_or_default());
                push(&mut tokens, word.to_owned(), word.to_ascii_lowercase(), line, depth);
            }
            byte => {
                // Signs, of which `;` within brackets ends what was never closed.
                if byte == b';' {
                    depth = 0;
                    if !tokens.is_empty() {
                        all.push(std::mem::take(&mut tokens));
                    }
                } else {
                    push(&mut tokens, char::from(byte).to_string(), char::from(byte).to_string(), line, depth);
                }
            }
        }
        at += 1;
    }
    if !tokens.is_empty() {
        all.push(tokens);
    }
    all
}

fn push(tokens: &mut Vec<Token>, text: String, word: String, line: u32, depth: u32) {
    if tokens.len() < LONGEST {
        tokens.push(Token { text, word, line, depth });
    }
}

/// Whether a square bracket here quotes a name, as SQL Server does, and does not make a type a list.
fn named(tokens: &[Token]) -> bool {
    tokens.last().is_none_or(|last| {
        matches!(
            last.word.as_str(),
            "table" | "." | "(" | "," | "on" | "references" | "into" | "exists" | "constraint" | "index" | "column"
        )
    })
}

/// The first position from `at` where this stands; the end where it does not.
fn until(bytes: &[u8], at: usize, mark: &[u8]) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    let found = match mark {
        [one] => rest.iter().position(|byte| byte == one),
        _ => rest.windows(mark.len()).position(|window| window == mark),
    };
    found.map_or(bytes.len(), |found| at + found)
}

fn breaks(bytes: &[u8], from: usize, to: usize) -> u32 {
    let part = bytes.get(from..to.min(bytes.len())).unwrap_or_default();
    u32::try_from(part.iter().filter(|byte| **byte == b'\n').count()).unwrap_or(0)
}

/// The end of a dollar quote's opening mark.
fn dollar(bytes: &[u8], at: usize) -> Option<usize> {
    let mut end = at + 1;
    while bytes.get(end).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_') {
        end += 1;
    }
    (bytes.get(end) == Some(&b'$') && end - at <= 64).then_some(end)
}

fn cut(text: &str) -> &str {
    let end = text.char_indices().nth(200).map_or(text.len(), |(at, _)| at);
    text.get(..end).unwrap_or_default()
}
