//! Tests: which functions are some, and how many of their calls can fail.

use crate::fact::{Fact, Kind};

/// The fact of a test function whose calls these are.
pub(super) fn test(name: &str, takes: &str, calls: &[Fact], line: u32, end: u32) -> Option<Fact> {
    let marker = match (name, takes) {
        (_, "testing.T") if name.starts_with("Test") => None,
        // A suite's method takes nothing.
        (_, "") if name.starts_with("Test") => Some("suite"),
        (_, "testing.B") if name.starts_with("Benchmark") => Some("benchmark"),
        (_, "testing.F") if name.starts_with("Fuzz") => Some("fuzz"),
        _ => return None,
    };
    let asserts = calls.iter().filter(|call| call.kind == Kind::Call && can_fail(call)).count();
    let real = calls.iter().filter(|call| call.kind == Kind::Call && can_fail(call) && !constant(call)).count();
    let mut fact = Fact::new(Kind::Test, name, line, end).with("asserts", asserts.to_string());
    fact = fact.with("trivial", if real == 0 { "yes" } else { "no" });
    if let Some(marker) = marker {
        fact = fact.with("marker", marker);
    }
    if calls.iter().any(|call| call.name == "testing.T.Parallel") {
        fact = fact.with("marker", "parallel");
    }
    // A skip behind a condition (`testing.Short()`) is no skip.
    let skipped = calls.iter().find(|call| call.name.starts_with("testing.T.Skip"));
    if skipped.is_some_and(|call| call.line <= line + 1) {
        fact = fact.with("skipped", "yes");
    }
    for marker in ["testcontainers", "dockertest", "httptest"] {
        if calls.iter().any(|call| call.name.contains(marker)) {
            fact = fact.with("marker", marker);
        }
    }
    Some(fact)
}

fn can_fail(call: &Fact) -> bool {
    let name = call.name.as_str();
    let last = name.rsplit('.').next().unwrap_or(name);
    if let Some(method) =
        name.strip_prefix("testing.T.").or_else(|| name.strip_prefix("testing.F.")).or_else(|| name.strip_prefix("testing.B."))
    {
        return ["Error", "Errorf", "Fatal", "Fatalf", "Fail", "FailNow"].contains(&method);
    }
    if name.contains("testify/assert.") || name.contains("testify/require.") || name.contains("testify/suite.") {
        return !matches!(last, "New" | "Run" | "Require" | "Assert" | "T" | "SetT");
    }
    if ["gotest.tools", "quicktest", "matryer/is", "go-cmp/cmp.", "gomega."].iter().any(|library| name.contains(library)) {
        return matches!(
            last,
            "Equal" | "Assert" | "Check" | "DeepEqual" | "NoErr" | "True" | "To" | "Should" | "NilError" | "ErrorContains" | "Expect"
        );
    }
    // A helper of its own that is handed the test.
    let lower = last.to_ascii_lowercase();
    let handed = call.get("0.type").is_some_and(|of| of.starts_with("testing."))
        || call.get("receiver").is_some_and(|on| on == "s" || on == "suite");
    handed
        && ["assert", "require", "expect", "check", "must", "want", "verify", "equal", "noerror", "true", "nil"]
            .iter()
            .any(|word| lower.contains(word))
}

/// Whether an assertion is about constants alone: `assert.True(t, true)`.
fn constant(call: &Fact) -> bool {
    if !call.name.contains("testify") {
        return false;
    }
    let given: Vec<&str> =
        call.attrs.iter().filter(|(key, _)| key != "0" && key.bytes().all(|b| b.is_ascii_digit())).map(|(_, v)| v.as_str()).collect();
    let literal = |text: &&str| matches!(*text, "true" | "false" | "nil") || text.parse::<f64>().is_ok();
    !given.is_empty() && given.iter().all(literal)
}
