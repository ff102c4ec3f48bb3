//! Parsing with a bound: what is no program can make a parser try for minutes.

use std::{ops::ControlFlow, sync::OnceLock};

use rayon::{ThreadPool, ThreadPoolBuilder};

use tree_sitter::{ParseOptions, ParseState, Parser, Tree};

/// The stack of a thread that parses. The parser lets go of its own stack one call within another, about a hundred bytes for each
/// token that is still open, and a file of a megabyte can leave that many open. Only what is used of it is ever memory.
const STACK: usize = 512 << 20;

/// Does something on threads that survive any text of the allowed length. What it does side by side stays on them.
pub fn deep<T: Send>(what: impl FnOnce() -> T + Send) -> T {
    static POOL: OnceLock<Option<ThreadPool>> = OnceLock::new();
    match POOL.get_or_init(|| ThreadPoolBuilder::new().stack_size(STACK).build().ok()) {
        Some(pool) => pool.install(what),
        None => what(),
    }
}

/// How many operators may follow each other without anything between them to work on.
const OPERATORS: usize = 1_000;

/// Whether operators follow each other as in no program. On its way back from such an error the parser
/// copies what it passed over once for each token: `* / ` six thousand times behind an open
/// parenthesis took nine gigabytes. A line drawn of one character is none of these.
fn is_soup(text: &str) -> bool {
    let mut counts = [0_usize; 128];
    let mut run = 0;
    for byte in text.bytes() {
        match byte {
            b'*' | b'/' | b'%' | b'+' | b'-' | b'&' | b'|' | b'^' | b'~' | b'<' | b'>' | b'=' | b'!' | b'?' | b':' | b';' | b'.' | b'@' => {
                run += 1;
                counts[usize::from(byte)] += 1;
                if run > OPERATORS && counts.iter().all(|count| count * 10 < run * 9) {
                    return true;
                }
            }
            _ if byte.is_ascii_whitespace() => {}
            _ if run > 0 => {
                run = 0;
                counts = [0; 128];
            }
            _ => {}
        }
    }
    false
}

/// Parses a text; nothing where operators stand as in no program, or where it takes too many steps, about six times those of a program of that length. Steps are counted, not seconds, so that the same text is read the same
/// way on every machine.
pub(crate) fn parse(parser: &mut Parser, text: &str) -> Option<Tree> {
    if is_soup(text) {
        return None;
    }
    let (mut steps, most) = (0_usize, 1_000 + text.len() / 20);
    let mut watch = |_: &ParseState| {
        steps += 1;
        if steps > most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let bytes = text.as_bytes();
    let options = ParseOptions::new().progress_callback(&mut watch);
    parser.parse_with_options(&mut |at, _| bytes.get(at..).unwrap_or(&[]), None, Some(options))
}

#[cfg(test)]
mod tests {
    use tree_sitter::Parser;

    #[test]
    fn a_soup_of_operators_is_no_program_and_a_drawn_line_is_no_soup() {
        assert!(super::is_soup(&format!("def f(\n{}", "* / ".repeat(600))));
        assert!(!super::is_soup(&format!("def f(\n{}", "*a / ".repeat(600))));
        assert!(!super::is_soup(&format!("/{}/\n", "*".repeat(5_000))));
        assert!(!super::is_soup(&"// ======= -------\nlet x = a + b;\n".repeat(500)));
    }

    #[test]
    fn long_programs_are_parsed_and_what_makes_the_parser_try_for_ever_is_given_up() {
        let mut parser = Parser::new();
        parser.set_language(&tree_sitter_python::LANGUAGE.into()).unwrap();
        let dense = "x = {'a': [f(1, *b), -c ** 2 if d else {e: g for e in h}], (i, j): k[1:2].l(m=n)}\n".repeat(4_000);
        let tree = super::parse(&mut parser, &dense).expect("a program of 300 kB");
        assert!(!tree.root_node().has_error());
        // Where it gives up, it lets go of everything that is open: more than fits on a usual stack.
        super::deep(move || {
            parser.reset();
            assert!(super::parse(&mut parser, &"c/*".repeat(300_000)).is_none());
        });
    }
}
