//! From findings to what is printed, written and kept.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use plimsoll::{Code, Error, config::Config};
use plimsoll_assess::{
    Page, history,
    proof::{self, SigningKey},
    report::{self, Gate, Look, Material, Report},
    run::Found,
};
use plimsoll_core::{Seed, Time};

use super::{Outcome, context, live::Kind};
use crate::{
    arguments::{Form, GateName, Global, Prove, Show, TargetProfile},
    output,
};

impl Form {
    /// The name of its file in a folder of several.
    const fn file(self) -> &'static str {
        match self {
            Form::Text => "report.txt",
            Form::Json => "report.json",
            Form::Markdown => "report.md",
            Form::Html => "report.html",
            Form::Sarif => "report.sarif",
            Form::Junit => "junit.xml",
            Form::Proof => "proof.json",
        }
    }
}

const fn gate(name: GateName) -> Gate {
    match name {
        GateName::Claims => Gate::Claims,
        GateName::Minimum => Gate::Minimum,
        GateName::Recommended => Gate::Recommended,
        GateName::Full => Gate::Full,
    }
}

/// Refuses forms that have nowhere to go, before anything is attacked.
///
/// # Errors
/// [`Code::Invalid`].
pub fn check(options: &Prove) -> Result<(), Error> {
    let show = &options.show;
    if show.formats.len() > 1 && show.out.is_none() {
        return Err(Code::Invalid.because("standard output holds one form; name a folder for several with --out"));
    }
    if show.formats.is_empty() && show.out.is_some() {
        return Err(
            Code::Invalid.because("--out needs to be told what to write: add --format html, json, markdown, sarif, junit, text or proof")
        );
    }
    if options.ablate && !show.formats.is_empty() {
        return Err(Code::Invalid.because("--ablate prints a table, or JSON with --json; it has no other form"));
    }
    Ok(())
}

/// The report on what was found.
pub fn report(config: &Config, options: &Prove, kind: Kind, found: &Found, began: Time) -> Report {
    let pages: Vec<&Page> = plimsoll_practices::all().iter().map(|(_, page)| page).collect();
    report::build(Material {
        pages: &pages,
        findings: &found.practices,
        evidence: &BTreeMap::new(),
        not_here: &context::not_here(options, kind),
        left: &found.left,
        gate: gate(options.show.gate),
        header: context::header(config, options, began),
    })
}

/// Prints the report, writes the forms that were asked for, and keeps the proof if it is of the
/// whole catalogue; the exit code is the gate's.
pub fn show(global: &Global, options: &Prove, report: Report) -> Outcome {
    let show = &options.show;
    // What is kept is the story of this deployment: no part of it, no rehearsal of a fault, nobody else's service.
    let whole = options.only.is_empty() && options.without.is_none() && options.target_profile == TargetProfile::Plimsoll;
    let signed = || -> Result<String, Error> {
        let key = SigningKey::of_folder(&history::folder(&global.data), &Seed::system()).map_err(|trouble| match trouble {
            proof::KeyTrouble::Exposed(_) => Code::Refused.because(trouble.to_string()),
            _ => Code::ProbeFailed.because(trouble.to_string()),
        })?;
        Ok(proof::sign(&report, &key))
    };
    // What was found is printed before anything that can fail on the way to a disk.
    let printed = match (show.out.is_some(), show.formats.first()) {
        _ if global.json => Some(Form::Json),
        (true, _) | (false, None) => Some(Form::Text),
        (false, Some(form)) => Some(*form),
    };
    if let Some(form) = printed {
        let text = if form == Form::Proof { signed()? } else { formed(&report, form, show, true) };
        output::print(&text);
    }
    if let Some(out) = &show.out {
        for form in &show.formats {
            let text = if *form == Form::Proof { signed()? } else { formed(&report, *form, show, false) };
            write(&place(out, *form, show.formats.len()), &text)?;
        }
    }
    if whole {
        let path = history::keep(&history::folder(&global.data), report.header.time, &signed()?, &report::html(&report))
            .map_err(|error| Code::ProbeFailed.because(format!("the proof cannot be kept: {error}")))?;
        output::say(&format!("signed and kept as {}", path.display()));
    }
    Ok(u8::from(!report.gate.passed))
}

/// A report in one form.
fn formed(report: &Report, form: Form, show: &Show, to_terminal: bool) -> String {
    match form {
        Form::Text => {
            let coloured = to_terminal && output::coloured_result();
            report::text(report, Look { verbose: show.verbose, coloured })
        }
        Form::Json | Form::Proof => report::json(report),
        Form::Markdown => report::markdown(report),
        Form::Html => report::html(report),
        Form::Sarif => report::sarif(report),
        Form::Junit => report::junit(report),
    }
}

/// One form goes to the file that was named, several into the folder; a folder that exists, or a
/// path that ends like one, is a folder for one form too.
fn place(out: &Path, form: Form, forms: usize) -> PathBuf {
    let folder = forms > 1 || out.is_dir() || out.as_os_str().to_string_lossy().ends_with(std::path::MAIN_SEPARATOR);
    if folder { out.join(form.file()) } else { out.to_owned() }
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let made = parent.map_or(Ok(()), fs::create_dir_all);
    made.and_then(|()| fs::write(path, text))
        .map_err(|error| Code::ProbeFailed.because(format!("{} cannot be written: {error}", path.display())))
}
