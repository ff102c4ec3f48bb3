//! Waivers in comments: `plimsoll: allow PRACTICE until DATE REASON`.

use super::{Scope, Waiver, Waivers, day};
use crate::{
    report::{Waived, visible},
    source::File,
};

const MARK: &str = "plimsoll: allow ";
/// What begins a comment in the languages and formats that are read.
const OPENERS: [&str; 8] = ["#", "//", "--", "/*", "*", "<!--", ";", "%"];
/// How many comments of one file count; beyond that it is no waiver but a flood.
const MOST: usize = 100;
/// How many lines of comment may follow before the line that is meant.
const BELOW: usize = 20;
/// The longest line that is looked at: a waiver is written by a person.
const LONGEST: usize = 1000;

/// Adds the waivers that stand in a file.
pub(super) fn read(file: &File, known: &dyn Fn(&str) -> bool, waivers: &mut Waivers) {
    // Documents speak about waivers; they hold none.
    if file.path.ends_with(".md") || !contains(&file.bytes, MARK.as_bytes()) {
        return;
    }
    let text = crate::source::text(&file.bytes);
    let lines: Vec<&str> = text.lines().collect();
    let mut met = 0;
    for (place, line) in lines.iter().enumerate() {
        let Some((before, rest)) = line.get(..line.len().min(LONGEST)).and_then(|line| line.split_once(MARK)) else { continue };
        let opener = |text: &str| OPENERS.iter().any(|opener| text.trim_end().ends_with(opener));
        if !opener(before) {
            continue;
        }
        met += 1;
        if met > MOST {
            waivers.complaints.push(format!("{}: more than {MOST} comments that waive; the others waive nothing", visible(&file.path)));
            return;
        }
        let number = u32::try_from(place + 1).unwrap_or(u32::MAX);
        let source = format!("{}:{number}", visible(&file.path));
        match parse(rest, known) {
            Err(why) => waivers.complaints.push(format!("{source}: {why}; it waives nothing")),
            Ok((practice, expires, reason)) => {
                // A comment of its own is about the first line below it that is none.
                let alone = OPENERS.iter().any(|opener| before.trim() == *opener);
                let below = lines
                    .iter()
                    .skip(place + 1)
                    .take(BELOW)
                    .take_while(|line| alone && OPENERS.iter().any(|one| line.trim().starts_with(one)));
                let last = number.saturating_add(u32::try_from(below.count()).unwrap_or(0)).saturating_add(u32::from(alone));
                waivers.all.push(Waiver {
                    practice: practice.to_owned(),
                    says: Waived { reason: visible(reason), owner: None, expires: expires.to_owned(), source, inline: true },
                    scope: Scope::Lines { file: visible(&file.path), first: number, last },
                });
            }
        }
    }
}

fn parse<'a>(rest: &'a str, known: &dyn Fn(&str) -> bool) -> Result<(&'a str, &'a str, &'a str), String> {
    const FORM: &str = "write `plimsoll: allow PRACTICE until 2026-12-31 REASON`";
    let rest = rest.trim_end().trim_end_matches("*/").trim_end_matches("-->").trim();
    let (practice, rest) = rest.split_once(' ').ok_or(FORM)?;
    if !known(practice) {
        return Err(format!("there is no practice `{}`", visible(practice)));
    }
    let rest = rest.trim_start().strip_prefix("until ").ok_or(FORM)?.trim_start();
    let (date, reason) = rest.split_once(' ').unwrap_or((rest, ""));
    let date = day(date).ok_or_else(|| format!("`{}` is not a day such as 2026-12-31", visible(date)))?;
    match reason.trim() {
        "" => Err("a waiver needs a reason".into()),
        reason => Ok((practice, date, reason)),
    }
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|part| part == wanted)
}
