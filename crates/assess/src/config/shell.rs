//! Commands of a shell: a script split where a shell splits it.
//!
//! This is no shell. It knows quotes, continuation lines, comments, here-documents and the words
//! between commands; it expands nothing.

use super::sheet;

/// How many commands a script may have.
const COMMANDS: usize = 4_000;
/// How much of one command is kept while reading.
const KEPT: usize = 2_000;

/// One command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Its first words, see [`name`].
    pub name: String,
    /// The whole of it, white space made plain.
    pub run: String,
    /// First line.
    pub line: u32,
    /// Last line.
    pub end: u32,
    /// Whether its failure is ignored: `|| true`, `set +e`.
    pub tolerated: bool,
    /// Whether the next one does not wait for it: `server &`.
    pub beside: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Line,
    And,
    Or,
    Pipe,
    Beside,
}

struct Piece {
    text: String,
    line: u32,
    end: u32,
    next: Next,
}

/// The commands of a script that begins at this line.
pub fn commands(script: &str, first: u32) -> Vec<Command> {
    let (mut found, mut lenient) = (Vec::new(), false);
    let pieces = pieces(script, first);
    for (number, piece) in pieces.iter().enumerate() {
        let Some(text) = bare(&piece.text) else { continue };
        if text.starts_with("set +e") {
            lenient = true;
        } else if text.starts_with("set -") && text.split_whitespace().nth(1).is_some_and(|flags| flags.contains('e')) {
            lenient = false;
        }
        let excuse = number.checked_sub(1).and_then(|before| pieces.get(before)).is_some_and(|before| before.next == Next::Or);
        if excuse && pardons(piece) {
            continue;
        }
        // `a && b || true` excuses a as well, and so does `a | b || true`.
        let chain = pieces.get(number..).unwrap_or_default();
        let last = chain.iter().position(|piece| !matches!(piece.next, Next::And | Next::Pipe)).unwrap_or(0);
        let excused = chain.get(last).is_some_and(|piece| piece.next == Next::Or) && chain.get(last + 1).is_some_and(pardons);
        let run = sheet::run(text);
        found.push(Command {
            name: name(&run),
            run,
            line: piece.line,
            end: piece.end,
            tolerated: excused || lenient,
            beside: piece.next == Next::Beside,
        });
    }
    found
}

/// Whether what stands after `||` makes a failure no failure; `(echo no && exit 1)` does not.
fn pardons(piece: &Piece) -> bool {
    let alone = !piece.text.trim_start().starts_with(['(', '{']) && piece.next != Next::And;
    bare(&piece.text).is_some_and(|text| excuses(text) && (alone || !text.starts_with(['e', 'p']) || text.starts_with("exit")))
}

fn excuses(text: &str) -> bool {
    let mut words = text.split_whitespace();
    match words.next() {
        Some("true" | ":" | "echo" | "printf") => true,
        Some("exit" | "return") => words.next() == Some("0"),
        _ => false,
    }
}

/// A piece without the words of the language around it; nothing where no command is left.
fn bare(text: &str) -> Option<&str> {
    let mut text = text.trim();
    loop {
        let before = text;
        text = text.trim_start_matches(['(', '{', '!', '@', ' ', '\t']).trim_end();
        // The parenthesis of a group, not that of `$(name)`.
        if text.ends_with(')') && text.matches(')').count() > text.matches('(').count() {
            text = &text[..text.len() - 1];
        }
        for word in ["if ", "then ", "else ", "elif ", "while ", "until ", "do ", "time "] {
            text = text.strip_prefix(word).unwrap_or(text).trim_start();
        }
        if text == before {
            break;
        }
    }
    let first = text.split_whitespace().next()?;
    let word =
        matches!(first, "then" | "else" | "do" | "done" | "fi" | "esac" | "for" | "case" | "function" | "in" | "}" | ";;" | "select");
    let function = first.ends_with("()") || text.split_whitespace().nth(1).is_some_and(|second| second.starts_with("()"));
    (!word && !function).then_some(text)
}

#[derive(Default)]
struct Splitter {
    pieces: Vec<Piece>,
    now: String,
    begun: u32,
    line: u32,
}

impl Splitter {
    fn end(&mut self, next: Next) {
        let text = std::mem::take(&mut self.now);
        if !text.trim().is_empty() && self.pieces.len() < COMMANDS {
            self.pieces.push(Piece { text, line: self.begun, end: self.line, next });
        } else if let Some(last) = self.pieces.last_mut()
            && next != Next::Line
            && last.end == self.line
        {
            last.next = next;
        }
    }
    fn add(&mut self, character: char) {
        if self.now.is_empty() {
            if character.is_whitespace() {
                return;
            }
            self.begun = self.line;
        }
        if self.now.len() < KEPT {
            self.now.push(character);
        }
    }
}

fn pieces(script: &str, first: u32) -> Vec<Piece> {
    let mut split = Splitter { begun: first, line: first, ..Splitter::default() };
    let mut chars = script.chars().peekable();
    let (mut quote, mut heredocs, mut before) = (None::<char>, Vec::<String>::new(), '\n');
    while let Some(character) = chars.next() {
        let previous = std::mem::replace(&mut before, character);
        match (quote, character) {
            (_, '\\') if quote != Some('\'') => match chars.next() {
                Some('\n') => {
                    split.line += 1;
                    split.add(' ');
                }
                Some('\r') if chars.peek() == Some(&'\n') => {
                    chars.next();
                    split.line += 1;
                    split.add(' ');
                }
                Some(other) => {
                    split.add('\\');
                    split.add(other);
                }
                None => {}
            },
            (Some(open), close) if open == close => {
                quote = None;
                split.add(character);
            }
            (Some(_), '\n') => {
                split.line += 1;
                split.add(' ');
            }
            (Some(_), _) => split.add(character),
            (None, '\'' | '"' | '`') => {
                quote = Some(character);
                split.add(character);
            }
            (None, '#') if previous.is_whitespace() || previous == ';' => {
                while chars.peek().is_some_and(|next| *next != '\n') {
                    chars.next();
                }
            }
            (None, '\n') => {
                split.end(Next::Line);
                split.line += 1;
                for delimiter in std::mem::take(&mut heredocs) {
                    let mut body = String::new();
                    for next in chars.by_ref() {
                        if next != '\n' {
                            if body.len() < KEPT {
                                body.push(next);
                            }
                            continue;
                        }
                        split.line += 1;
                        if body.trim() == delimiter {
                            break;
                        }
                        body.clear();
                    }
                }
            }
            (None, '<') if chars.peek() == Some(&'<') => {
                chars.next();
                split.add('<');
                split.add('<');
                if chars.peek() == Some(&'<') {
                    chars.next();
                    split.add('<');
                    continue;
                }
                let mut word = String::new();
                while let Some(next) = chars.next_if(|next| {
                    matches!(next, '-' | '~' | ' ' | '\'' | '"') && word.is_empty()
                        || next.is_alphanumeric()
                        || matches!(next, '_' | '\'' | '"')
                }) {
                    split.add(next);
                    if next.is_alphanumeric() || next == '_' {
                        word.push(next);
                    }
                }
                if word.chars().next().is_some_and(|first| !first.is_numeric()) {
                    heredocs.push(word);
                }
            }
            (None, ';') => split.end(Next::Line),
            (None, '&') if chars.peek() == Some(&'&') => {
                chars.next();
                split.end(Next::And);
            }
            (None, '|') if chars.peek() == Some(&'|') => {
                chars.next();
                split.end(Next::Or);
            }
            (None, '|') if previous != '>' => split.end(Next::Pipe),
            (None, '&') if !matches!(previous, '>' | '<') && chars.peek().is_none_or(|next| *next != '>') => split.end(Next::Beside),
            (None, _) => split.add(character),
        }
    }
    split.end(Next::Line);
    split.pieces
}

/// Words that only start another command.
const STARTERS: &[&[&str]] = &[
    &["sudo"],
    &["exec"],
    &["time"],
    &["nohup"],
    &["env"],
    &["command"],
    &["poetry", "run"],
    &["uv", "run"],
    &["pipenv", "run"],
    &["pdm", "run"],
    &["rye", "run"],
    &["hatch", "run"],
    &["bundle", "exec"],
    &["pnpm", "exec"],
    &["pnpm", "dlx"],
    &["yarn", "dlx"],
    &["npm", "exec"],
    &["npx"],
    &["bunx"],
    &["uvx"],
    &["pipx", "run"],
    &["python", "-m"],
    &["python3", "-m"],
    &["dotenv", "--"],
    &["cross-env"],
];

/// Options whose next word is theirs.
const TAKES: &[&str] = &[
    "-n",
    "-C",
    "-f",
    "-p",
    "-w",
    "-c",
    "--namespace",
    "--context",
    "--project",
    "--workspace",
    "--prefix",
    "--filter",
    "--cwd",
    "--file",
    "--port",
    "--host",
];

/// The name of a command: the program and its subcommands, without assignments, starters such as `poetry run`, options
/// and paths. `FOO=1 poetry run pytest -q tests` is `pytest tests`; no more than three words.
pub fn name(run: &str) -> String {
    let mut words: Vec<&str> = run.split_whitespace().take(24).collect();
    loop {
        let before = words.len();
        let assigns = |word: &str| {
            word.split_once('=').is_some_and(|(name, _)| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_'))
        };
        if words.len() > 1 && words.first().is_some_and(|word| assigns(word)) {
            words.remove(0);
        }
        for starter in STARTERS {
            if words.len() > starter.len() && words.starts_with(starter) {
                words.drain(..starter.len());
                while words.len() > 1 && words.first().is_some_and(|word| word.starts_with('-')) {
                    words.remove(0);
                }
            }
        }
        if words.len() == before {
            break;
        }
    }
    let (mut named, mut option, mut takes) = (Vec::new(), false, false);
    for (number, word) in words.iter().enumerate() {
        if named.len() == 3 || word.starts_with(['>', '<', '$']) && number > 0 {
            break;
        }
        if word.starts_with('-') {
            (option, takes) = (true, TAKES.contains(word));
            continue;
        }
        // What an option names is no part of the name.
        if std::mem::take(&mut option) && (takes || word.contains(['.', '/', ':']) && *word != ".") {
            continue;
        }
        if number == 0
            && let Some((variable, _)) = word.split_once('=').filter(|_| words.len() == 1)
        {
            named.push(variable);
            break;
        }
        if number > 0 && word.contains(['/', '=', '*', '{', '(', '"', '\'']) {
            break;
        }
        named.push(if number == 0 { super::base(word.trim_matches(['"', '\''])) } else { word });
    }
    sheet::cut(&named.join(" "), 80).to_owned()
}
