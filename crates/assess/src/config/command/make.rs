//! Makefiles and justfiles: recipes by target.

use super::{
    super::{sheet::Sheet, shell},
    fact, yes,
};

/// The recipes of a Makefile.
pub fn make(sheet: &mut Sheet, text: &str) {
    let mut target = String::new();
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
            recipe_line(sheet, &script, number, last, &target, "make");
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
        sheet.push(
            fact(&command.name, command.line, command.end.min(last).max(command.line), target, of)
                .with("run", command.run)
                .with("tolerated", yes(tolerated)),
        );
    }
}
