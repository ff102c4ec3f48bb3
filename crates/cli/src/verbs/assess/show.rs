//! The report in its forms.

use std::{fs, path::Path};

use plimsoll::Code;
use plimsoll_assess::report::{self, Report, Template};

use super::{Ended, usage};
use crate::{
    arguments::{Assess, Global, Look},
    output,
};

impl Look {
    /// The name of its file in a folder of several.
    const fn file(self) -> &'static str {
        match self {
            Look::Text => "assessment.txt",
            Look::Json => "assessment.json",
            Look::Markdown => "assessment.md",
            Look::Html => "assessment.html",
            Look::Sarif => "assessment.sarif",
            Look::Junit => "assessment.xml",
            Look::Badge => "readiness.svg",
        }
    }
}

/// Refuses forms that have nowhere to go, before anything is read.
pub fn check(global: &Global, options: &Assess) -> Result<(), Ended> {
    if options.formats.len() > 1 && options.out.is_none() {
        return Err(usage("standard output holds one form; name a folder for several with --out"));
    }
    if options.explain.is_some() && (!options.formats.is_empty() || global.json) {
        return Err(usage("--explain prints text and has no other form"));
    }
    Ok(())
}

/// A report from before.
pub fn earlier(path: &Path) -> Result<Report, Ended> {
    let wrong = |why: String| usage(format!("{}: {why}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let report: Report = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    if report.schema != report::SCHEMA {
        return Err(wrong(format!("this is {}, not {}", report.schema, report::SCHEMA)));
    }
    report::fits_baseline(&report).map_err(wrong)?;
    Ok(report)
}

/// Prints the report and writes the forms that were asked for.
pub fn show(global: &Global, options: &Assess, template: Option<Template>, report: &Report) -> Result<(), Ended> {
    let printed = match (options.out.is_some(), options.formats.first()) {
        _ if global.json => Look::Json,
        (true, _) | (false, None) => Look::Text,
        (false, Some(form)) => *form,
    };
    output::print(&formed(report, printed, options, template, true));
    let Some(out) = &options.out else { return Ok(()) };
    for form in &options.formats {
        let folder = options.formats.len() > 1 || out.is_dir() || out.as_os_str().to_string_lossy().ends_with(std::path::MAIN_SEPARATOR);
        let path = if folder { out.join(form.file()) } else { out.clone() };
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        parent
            .map_or(Ok(()), fs::create_dir_all)
            .and_then(|()| fs::write(&path, formed(report, *form, options, template, false)))
            .map_err(|error| Code::ProbeFailed.because(format!("{} cannot be written: {error}", path.display())))?;
    }
    Ok(())
}

fn formed(report: &Report, form: Look, options: &Assess, template: Option<Template>, to_terminal: bool) -> String {
    match form {
        Look::Text => {
            let coloured = to_terminal && output::coloured_result();
            report::text(report, report::Look { verbose: options.verbose, coloured })
        }
        Look::Json => report::json(report),
        Look::Markdown => template.map_or_else(|| report::markdown(report), |shape| report::markdown_as(report, shape)),
        Look::Html => template.map_or_else(|| report::html(report), |shape| report::html_as(report, shape)),
        Look::Sarif => report::sarif(report),
        Look::Junit => report::junit(report),
        Look::Badge => report::badge(report),
    }
}
