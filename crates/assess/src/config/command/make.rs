//! Makefiles and justfiles: recipes by target, variables filled in.

use std::collections::BTreeMap;

use super::{
    super::{sheet::Sheet, shell},
    fact, yes,
};

/// The recipes of a Makefile.
pub fn make(sheet: &mut Sheet, text: &str) {
    let mut target = String::new();
    let variables = variables(text);
    let mut lines = (1_u32..).zip(text.lines());
    while let Some((number, raw)) = lines.next() {
        if let Some(recipe) = raw.strip_prefix('\t') {
            let (mut script, mut last) = (recipe.to_owned(), number);
            while script.ends_with('\\') && script.len() < 20_000 {
                let Some((next, more)) = lines.next() else { break };
                script.push('\n');
                script.push_str(more);
                last = next;
            }
            recipe_line(sheet, &fill(&script, &variables), number, last, &target, "make");
        } else if let Some((name, before)) = rule(raw) {
            // What a target stands on is run before it.
            for needed in before.split_whitespace().filter(|word| !word.contains(['/', '$', '.', '%', '|', '='])).take(64) {
                let run = crate::config::sheet::run(&format!("make {needed}"));
                let one = fact(&run, number, number, &name, "make").with("run", run.clone()).with("tolerated", "no");
                sheet.push(one.with("needed", "yes"));
            }
            target = name;
        }
    }
}

/// What is given to names outside of recipes. Conditions are not followed: the first value stands, `+=` adds to it.
fn variables(text: &str) -> BTreeMap<String, String> {
    let mut known: BTreeMap<String, String> = BTreeMap::new();
    let mut lines = text.lines();
    while let Some(raw) = lines.next() {
        let Some((left, right)) = raw.split_once('=').filter(|_| !raw.starts_with(['\t', '#'])) else { continue };
        let adds = left.ends_with('+');
        let name = left.trim_end_matches([':', '?', '+', ' ']).trim().trim_start_matches("export ").trim();
        let plain = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'));
        if !plain || known.len() > 500 {
            continue;
        }
        let mut value = right.trim().to_owned();
        while value.ends_with('\\') && value.len() < 4_000 {
            value.pop();
            value.push_str(lines.next().unwrap_or_default().trim());
        }
        match known.get_mut(name) {
            Some(before) if adds && before.len() < 4_000 => {
                before.push(' ');
                before.push_str(&value);
            }
            Some(_) => {}
            None => {
                known.insert(name.to_owned(), value);
            }
        }
    }
    known
}

/// A recipe with the values of its variables; three levels deep, so that a name that stands for itself ends.
fn fill(script: &str, variables: &BTreeMap<String, String>) -> String {
    let mut script = script.to_owned();
    for _ in 0..3 {
        let (mut filled, mut rest, mut any) = (String::new(), script.as_str(), false);
        while let Some((before, after)) = rest.split_once('$') {
            filled.push_str(before);
            let close = match after.chars().next() {
                Some('(') => Some(')'),
                Some('{') => Some('}'),
                _ => None,
            };
            let name = close.and_then(|close| after.get(1..)?.split_once(close));
            let escaped = after.starts_with('$');
            match name.and_then(|(name, rest)| Some((variables.get(name)?, rest))) {
                Some((value, more)) if filled.len() < 8_000 => {
                    filled.push_str(value);
                    (rest, any) = (more, true);
                }
                _ => {
                    // `$$NAME` is the shell's own variable.
                    filled.push_str(if escaped { "$$" } else { "$" });
                    rest = if escaped { after.get(1..).unwrap_or_default() } else { after };
                }
            }
        }
        filled.push_str(rest);
        script = filled;
        if !any {
            break;
        }
    }
    script
}

/// Target and prerequisites of a rule.
fn rule(line: &str) -> Option<(String, String)> {
    let line = line.split('#').next().unwrap_or(line);
    let (names, rest) = line.split_once(':')?;
    let assigns = rest.starts_with(['=', ':']) || names.contains(['=', '$', '?', '+']) && names.contains('=');
    let name = names.split_whitespace().next()?;
    let special = name.starts_with('.') || line.starts_with(' ');
    (!assigns && !special).then(|| (name.to_owned(), rest.trim().to_owned()))
}

/// The recipes of a justfile.
pub fn just(sheet: &mut Sheet, text: &str) {
    let mut target = String::new();
    for (number, raw) in (1_u32..).zip(text.lines()) {
        if raw.starts_with([' ', '\t']) {
            recipe_line(sheet, raw.trim(), number, number, &target, "just");
        } else if let Some((head, _)) = raw.split_once(':').filter(|(_, rest)| !rest.starts_with('=') && !raw.starts_with('#')) {
            target = head.split_whitespace().next().unwrap_or_default().trim_start_matches('@').to_owned();
        }
    }
}

fn recipe_line(sheet: &mut Sheet, script: &str, first: u32, last: u32, target: &str, of: &'static str) {
    // In front of a recipe: a minus ignores failures, the others only change what is shown.
    let marks: String = script.chars().take_while(|c| matches!(c, '@' | '-' | '+' | ' ')).collect();
    let script = script.get(marks.len()..).unwrap_or_default();
    for command in shell::commands(script, first) {
        let tolerated = command.tolerated || marks.contains('-');
        let mut one = fact(&command.name, command.line, command.end.min(last).max(command.line), target, of)
            .with("run", command.run)
            .with("tolerated", yes(tolerated));
        if command.beside {
            one = one.with("beside", "yes");
        }
        sheet.push(one);
    }
}
