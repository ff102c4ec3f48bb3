//! What a test asserts.

use tree_sitter::Node;

use super::{extract::Reader, names::lines};
use crate::fact::{Fact, Kind};

impl<'t> Reader<'t> {
    /// A test: how many assertions, and whether any can fail.
    pub fn test(&mut self, full: &str, node: Node<'t>, decorators: &[String], before: usize, symbol: u32) {
        let calls: Vec<&Fact> = self.out.facts.iter().skip(before).filter(|fact| fact.kind == Kind::Call).collect();
        let asserting = |fact: &&&Fact| {
            let last = fact.name.rsplit('.').next().unwrap_or_default();
            last.starts_with("assert")
                || matches!(
                    last,
                    "verify"
                        | "expect"
                        | "andExpect"
                        | "andExpectAll"
                        | "expectStatus"
                        | "expectBody"
                        | "fail"
                        | "verifyComplete"
                        | "statusCode"
                        | "verifyNoInteractions"
                        | "verifyNoMoreInteractions"
                        | "check"
                        | "expectNext"
                        | "expectError"
                )
        };
        let asserts: Vec<&&Fact> = calls.iter().filter(asserting).collect();
        let empty = |fact: &&&Fact| {
            let last = fact.name.rsplit('.').next().unwrap_or_default();
            match last {
                "assertTrue" => fact.get("0") == Some("true"),
                "assertFalse" => fact.get("0") == Some("false"),
                "assertEquals" | "assertSame" => fact.get("0").is_some() && fact.get("0") == fact.get("1"),
                _ => false,
            }
        };
        let trivial = !asserts.is_empty() && asserts.iter().all(empty);
        let skipped = decorators.iter().any(|name| name.ends_with(".Disabled") || name.ends_with(".Ignore"));
        let (line, end) = lines(node);
        let yes = |is: bool| if is { "yes" } else { "no" };
        let mut fact = Fact::new(Kind::Test, full, line, end).within(symbol).with("asserts", asserts.len().to_string());
        fact = fact.with("trivial", yes(trivial)).with("skipped", yes(skipped));
        for decorator in decorators {
            fact = fact.with("marker", decorator.clone());
        }
        self.push(fact);
    }
}
