//! tox and nox.

use super::{
    super::{
        sheet::{self, Sheet},
        shell,
    },
    commands, fact,
};

/// The commands of the environments of a `tox.ini`.
pub fn tox(sheet: &mut Sheet, text: &str) {
    let (mut section, mut within) = (String::new(), false);
    for (number, raw) in (1_u32..).zip(text.lines()) {
        let line = raw.trim();
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            section = name.trim_start_matches("testenv:").to_owned();
            within = false;
        } else if let Some((key, value)) = raw.split_once('=').filter(|_| !raw.starts_with([' ', '\t', '#', ';'])) {
            within = matches!(key.trim(), "commands" | "commands_pre" | "commands_post");
            if within {
                tox_line(sheet, value, number, &section);
            }
        } else if within && !line.starts_with('#') {
            tox_line(sheet, line, number, &section);
        }
    }
}

fn tox_line(sheet: &mut Sheet, line: &str, number: u32, section: &str) {
    let line = line.trim();
    if let Some(rest) = line.strip_prefix("- ").or_else(|| line.strip_prefix('-').filter(|rest| !rest.starts_with('-'))) {
        sheet.push(fact(&shell::name(rest), number, number, section, "tox").with("run", sheet::run(rest)).with("tolerated", "yes"));
    } else {
        commands(sheet, line, number, section, "tox");
    }
}

/// The `session.run` calls of a `noxfile.py`.
pub fn nox(sheet: &mut Sheet, text: &str) {
    let mut target = String::new();
    for (number, raw) in (1_u32..).zip(text.lines()) {
        let line = sheet::cut(raw.trim(), 2_000);
        if let Some(rest) = line.strip_prefix("def ") {
            target = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        }
        let Some((_, arguments)) = line.split_once("session.run(").filter(|_| !line.starts_with('#')) else { continue };
        let words: Vec<&str> = arguments
            .split(',')
            .map(|word| word.trim().trim_end_matches(')'))
            .filter(|word| word.starts_with(['"', '\'', '*']) || !word.contains('='))
            .map(|word| word.trim_matches(['"', '\'']))
            .filter(|word| !word.is_empty())
            .collect();
        commands(sheet, &words.join(" "), number, &target, "nox");
    }
}
