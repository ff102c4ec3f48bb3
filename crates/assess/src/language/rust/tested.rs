//! What a test asserts.

use tree_sitter::Node;

use super::extract::Reader;
use crate::{
    fact::{Fact, Kind},
    language::flow::lines,
};

impl<'t> Reader<'t> {
    /// A test is known when its calls are.
    pub fn finished(&mut self, node: Node<'t>) {
        let Some(within) = self.within.last().cloned() else { return };
        let (Some(def), false) = (within.def, within.markers.is_empty()) else { return };
        let calls = self.out.facts.get(def..).unwrap_or_default();
        let fails = |name: &str| {
            let last = name.rsplit('.').next().unwrap_or(name);
            last.starts_with("assert") || last.starts_with("prop_assert") || matches!(name, "panic" | "unreachable")
        };
        let own = |fact: &&Fact| {
            let last = fact.name.rsplit('.').next().unwrap_or_default();
            ["assert", "expect_", "check", "verify", "ensure", "must"].iter().any(|word| last.starts_with(word)) && last != "expect"
        };
        let asserts = calls.iter().filter(|fact| fact.kind == Kind::Call).filter(|fact| fails(&fact.name) || own(fact)).count();
        let constants =
            calls.iter().filter(|fact| fact.kind == Kind::Call && fact.name == "assert" && fact.get("0") == Some("true")).count();
        let mut others =
            calls.iter().filter(|fact| fact.kind == Kind::Call && (fact.name.ends_with(".unwrap") || fact.name.ends_with(".expect")));
        let panics = within.markers.iter().any(|marker| marker == "should_panic");
        let result = node.child_by_field_name("return_type").is_some();
        let trivial = asserts == constants && others.next().is_none() && !panics && !result;
        let (line, end) = lines(node);
        let mut fact =
            Fact::new(Kind::Test, within.name.rsplit('.').next().unwrap_or_default(), line, end).with("asserts", asserts.to_string());
        fact = fact.with("trivial", if trivial { "yes" } else { "no" });
        for marker in &within.markers {
            if marker == "ignore" {
                fact = fact.with("skipped", "yes");
            } else if marker != "test" {
                fact = fact.with("marker", marker);
            }
        }
        self.push(fact);
    }
}
