//! Every reader of foreign text, fed with text that was bent out of shape.
//!
//! Each entry begins with small texts of its own sort, which are cut, doubled, nested, spliced and
//! sprinkled with what the sort's readers look for. A reader must not panic and must not take long,
//! and what it says must fit its text: lines that are there, definitions that are there. The run in
//! the suite is short and repeats itself; `PLIMSOLL_FUZZ_SECONDS=600` makes one of ten minutes for
//! each entry, and `PLIMSOLL_FUZZ_SEED` begins elsewhere, `PLIMSOLL_FUZZ_ONLY=app/main.py` feeds one entry. A failure prints the text that caused it.

mod seeds;
mod twist;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::LazyLock,
    time::{Duration, Instant},
};

use plimsoll_assess::{Page, config, detect::Pattern, eval, fact::Extract, language, source::Location};

use self::{seeds::Entry, twist::Twister};

/// How long one text of at most [`LONGEST`] bytes may be worked on in a build that is not optimised.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest text.
const LONGEST: usize = 64 << 10;
/// How many texts an entry gets in the suite.
const SHORT: usize = 60;

fn number(name: &str) -> Option<u64> {
    std::env::var_os(name)?.to_str()?.parse().ok()
}

/// Feeds one entry; how many texts it got.
fn feed(entry: &Entry, seed: u64) -> usize {
    let until = number("PLIMSOLL_FUZZ_SECONDS").map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let mut twister = Twister::new(seed, entry, LONGEST);
    let mut count = 0;
    while until.map_or(count < SHORT, |until| Instant::now() < until) {
        // The seeds themselves come first.
        let text = entry.seeds.get(count).map_or_else(|| twister.next(), |text| (*text).to_owned());
        let (said, took) = timed(entry.path, &text);
        let told = match said {
            Err(_) => Some("panicked".to_owned()),
            Ok(Err(why)) => Some(why),
            Ok(Ok(())) if took > PATIENCE => Some(format!("took {took:?}")),
            Ok(Ok(())) => None,
        };
        if let Some(why) = told {
            let place = std::env::temp_dir().join(format!("plimsoll-fuzz-{}-{count}", entry.path.replace('/', "-")));
            let kept = std::fs::write(&place, &text).map_or_else(|error| error.to_string(), |()| place.display().to_string());
            let start: String = text.chars().take(2_000).collect();
            panic!("{}: text {count} of seed {seed} {why} (kept as {kept}):\n{start:?}", entry.path);
        }
        count += 1;
    }
    count
}

/// What the reader of the path says of a text, where it says anything, and how long it worked.
fn timed(path: &str, text: &str) -> (std::thread::Result<Result<(), String>>, Duration) {
    language::deep(|| {
        let before = worked();
        let said = catch_unwind(AssertUnwindSafe(|| ask(path, text)));
        (said, worked().saturating_sub(before))
    })
}

/// How long this thread has worked; where the system does not tell, how long it has been there.
/// Beside busier programs any text can take seconds of the clock.
fn worked() -> Duration {
    static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let spent = told.and_then(|told| told.split(' ').next()?.parse().ok());
    spent.map_or_else(|| BEGAN.elapsed(), Duration::from_nanos)
}

/// Gives the text to the reader of the path; what is wrong with the answer.
fn ask(path: &str, text: &str) -> Result<(), String> {
    match path {
        "pattern" => drop(Pattern::parse(text)),
        "page" => drop(Page::parse(text)),
        "table" => drop(eval::truths(text)),
        "address" => drop(Location::parse(text)),
        _ => {
            if let Some(language) = language::of(path) {
                fits(text, &language.extract(path, text), true)?;
            }
            if let Some((_, extract)) = config::extract(path, text) {
                fits(text, &extract, false)?;
            }
        }
    }
    Ok(())
}

/// Whether an extract is about this text.
fn fits(text: &str, extract: &Extract, code: bool) -> Result<(), String> {
    // A text that ends with a line feed has an empty line behind it, where some readers let a block end.
    let lines = u32::try_from(text.split('\n').count()).unwrap_or(u32::MAX).saturating_add(1);
    let within = |what: &str, line: u32, end: u32| {
        if line == 0 || end < line || end > lines {
            return Err(format!("says that {what} stands in lines {line} to {end} of {lines}"));
        }
        Ok(())
    };
    for fact in &extract.facts {
        within(&format!("{} {}", fact.kind.name(), fact.name), fact.line, fact.end)?;
        if code && fact.symbol as usize >= extract.symbols.len() {
            return Err(format!("puts {} {} into definition {} of {}", fact.kind.name(), fact.name, fact.symbol, extract.symbols.len()));
        }
        if let Some((name, value)) = fact.attrs.iter().find(|(_, value)| value.len() > 64 << 10) {
            return Err(format!("gives {} a {name} of {} bytes", fact.name, value.len()));
        }
    }
    for symbol in &extract.symbols {
        within(&format!("the definition {}", symbol.name), symbol.line.max(1), symbol.end.max(symbol.line).max(1))?;
        if symbol.parent as usize >= extract.symbols.len() {
            return Err(format!("puts the definition {} into one that is not there", symbol.name));
        }
    }
    for mention in &extract.uses {
        within(&format!("a mention of {}", mention.path), mention.line, mention.line)?;
    }
    Ok(())
}

fn all(wanted: impl Fn(&str) -> bool) {
    let seed = number("PLIMSOLL_FUZZ_SEED").unwrap_or(1);
    let only = std::env::var_os("PLIMSOLL_FUZZ_ONLY").and_then(|name| name.into_string().ok());
    let asked = |path: &str| only.as_ref().is_none_or(|only| path == only);
    for entry in seeds::ENTRIES.iter().filter(|entry| wanted(entry.path) && asked(entry.path)) {
        let began = Instant::now();
        let count = feed(entry, seed);
        println!("{}: {count} texts in {:?}", entry.path, began.elapsed());
    }
}

fn is_code(path: &str) -> bool {
    language::of(path).is_some()
}

#[test]
fn every_language_survives_what_is_no_program() {
    all(is_code);
}

#[test]
fn every_configuration_survives_what_is_none() {
    all(|path| !is_code(path) && path.contains(['.', '/', 'f']) && !seeds::OURS.contains(&path));
}

#[test]
fn patterns_pages_tables_and_addresses_survive_anything() {
    all(|path| seeds::OURS.contains(&path));
}

/// Nests each sort's brackets far deeper than anybody writes.
#[test]
fn ten_thousand_brackets_in_each_other_break_nothing() {
    for entry in seeds::ENTRIES {
        for (open, close) in
            [("(", ")"), ("[", "]"), ("{", "}"), ("{{", "}}"), ("<", ">"), ("- ", ""), (" a:\n", ""), ("if a:\n ", ""), ("!", "")]
        {
            for text in [
                open.repeat(10_000) + &close.repeat(10_000),
                format!("x = {}1", open.repeat(10_000)),
                format!("{}{}", entry.seeds[0], open.repeat(10_000)),
            ] {
                let (said, took) = timed(entry.path, &text);
                assert!(matches!(said, Ok(Ok(()))), "{} {open:?}: {said:?}", entry.path);
                assert!(took < PATIENCE * 2, "{} {open:?}: {took:?}", entry.path);
            }
        }
    }
}
