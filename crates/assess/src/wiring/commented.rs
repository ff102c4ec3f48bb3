//! How many definitions say in a comment or a docstring what they are for: counted, since no rule needs to name them.

use crate::{
    fact::{Fact, FileId, FileInfo, Kind},
    source::File,
};

/// From how many definitions on a share means something.
const ENOUGH: usize = 10;

/// One fact: `comments.share`, in percent of the definitions that others may call.
pub(super) fn count(files: &[FileInfo], all: &[Fact], texts: &[&File]) -> Option<Fact> {
    let (mut total, mut said, mut first): (usize, usize, Option<(FileId, u32)>) = (0, 0, None);
    let mut open: Option<(FileId, Vec<&str>)> = None;
    for fact in all.iter().filter(|fact| fact.kind == Kind::Def && fact.line > 0) {
        let number = fact.file.0 as usize;
        let (Some(info), Some(file)) = (files.get(number), texts.get(number)) else { continue };
        let last = fact.name.rsplit('.').next().unwrap_or_default();
        let hidden = last.starts_with('_') || last == "main" || last.contains(' ') || fact.get("kind") == Some("impl");
        if info.test || info.path != file.path || hidden || !matches!(fact.get("kind"), Some("function" | "method" | "class")) {
            continue;
        }
        if open.as_ref().is_none_or(|(of, _)| *of != fact.file) {
            open = Some((fact.file, std::str::from_utf8(&file.bytes).unwrap_or_default().lines().collect()));
        }
        let Some((_, lines)) = &open else { continue };
        total += 1;
        let at = fact.line as usize - 1;
        let told = if info.language == "python" { docstring(lines, at) } else { comment(lines, at) };
        said += usize::from(told);
        first = first.or(Some((fact.file, fact.line)));
    }
    let (file, line) = first.filter(|_| total >= ENOUGH)?;
    let fact = Fact::new(Kind::Value, "comments.share", line, line).with("value", (said * 100 / total).to_string());
    let mut fact = fact.with("documented", said.to_string()).with("definitions", total.to_string());
    fact.file = file;
    Some(fact)
}

/// Whether the first statement of a definition in Python is a text.
fn docstring(lines: &[&str], at: usize) -> bool {
    let head = lines.iter().skip(at).take(30).position(|line| line.trim_end().ends_with(':') && !line.trim_start().starts_with('@'));
    let body = head.and_then(|head| lines.iter().skip(at + head + 1).find(|line| !line.trim().is_empty()));
    body.is_some_and(|line| ["\"\"\"", "'''", "r\"\"\""].iter().any(|mark| line.trim_start().starts_with(mark)))
}

/// Whether a comment ends right above a definition, decorators and attributes between them.
fn comment(lines: &[&str], at: usize) -> bool {
    let above = lines.iter().take(at).rev().take(12).map(|line| line.trim()).find(|line| !line.starts_with(['@', '#']));
    above.is_some_and(|line| line.starts_with("//") || line.ends_with("*/"))
}

#[cfg(test)]
mod tests {
    use crate::{fact::Kind, wiring::tests::facts_of};

    #[test]
    fn the_share_of_definitions_that_say_what_they_are_for_is_counted() {
        let python: String = (0..6).map(|n| format!("def a{n}(\n    x,\n):\n    \"\"\"Doubles.\"\"\"\n    return x\n")).collect();
        let go: String = (0..6).map(|n| format!("func A{n}() {{}}\n")).collect();
        let go = format!("package a\n\n// A tells.\nfunc A() {{}}\n\n{go}");
        let facts = facts_of(&[("app.py", &python), ("a.go", &go)]);
        let share = facts.of(Kind::Value).find(|fact| fact.name == "comments.share").expect("the share");
        assert_eq!((share.get("value"), share.get("documented"), share.get("definitions")), (Some("53"), Some("7"), Some("13")));
        assert!(facts_of(&[("app.py", "def a():\n    return 1\n")]).of(Kind::Value).all(|fact| fact.name != "comments.share"));
    }
}
