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

/// Parses a text; nothing where it takes too many steps, about six times those of a program of that length. Steps are counted, not seconds, so that the same text is read the same
/// way on every machine.
pub(crate) fn parse(parser: &mut Parser, text: &str) -> Option<Tree> {
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
