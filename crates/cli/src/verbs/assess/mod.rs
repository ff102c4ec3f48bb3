//! `plimsoll assess`
//!
//! Exit codes: 0 done, 1 what was asked for with `--fail-on` is there, 2 usage, 3 something was left
//! out that could have mattered, or the repository could not be read.

mod eval;
mod facts;
mod interrupt;
mod live;
mod progress;
mod rules;
mod show;
mod subject;

use plimsoll::Code;
use plimsoll_assess::{
    detect::{Assessment, Detectors},
    fact::Facts,
    report::{self, Condition, Header, Inspection, Report, Template},
    source::Tree,
    waiver::Waivers,
};
use plimsoll_core::Clock;

use self::{progress::Progress, rules::Catalogue, subject::Memory};
use super::{Ended, Outcome};
use crate::{
    arguments::{Assess, AssessWhat, Global},
    output,
};

/// Reads a repository and reports.
pub fn run(global: &Global, options: &Assess) -> Outcome {
    interrupt::listen();
    match &options.what {
        Some(AssessWhat::Facts(asked)) => return facts::run(global, asked),
        Some(AssessWhat::Eval(asked)) => return eval::run(global, asked),
        None => {}
    }
    show::check(global, options)?;
    let fail_on = Condition::list(&options.fail_on).map_err(usage)?;
    let template = options.template.as_deref().map(shape).transpose()?;
    let earlier = options.baseline.as_deref().map(show::earlier).transpose()?;
    let catalogue = Catalogue::of(&options.rules)?;
    let explained = options.explain.as_deref().map(|name| catalogue.page(name)).transpose()?;

    let probed = live::report(options)?;
    let began = Clock::system().now();
    let progress = Progress::new();
    let tree = subject::tree(&options.subject, &progress)?;
    let memory = Memory::open(options.subject.no_cache, &options.subject.place);
    let (facts, assessment) = assess(&catalogue, &tree, &memory, &progress);
    memory.keep();
    progress.end();

    let pages = catalogue.pages();
    let waivers = Waivers::of(&tree, &|name| pages.iter().any(|page| page.id == name)).map_err(usage)?;
    let place = subject::named(&options.subject.place);
    let report: Report = report::assessed(Inspection {
        pages: &pages,
        assessment: &assessment,
        live: probed.as_ref(),
        waivers: &waivers,
        baseline: earlier.as_ref().map(|report| (report, options.new_only)),
        fail_on: &fail_on,
        header: Header::of_repository(env!("CARGO_PKG_VERSION"), plimsoll_practices::VERSION, &place, tree.commit.as_deref(), began),
    });
    if let Some(page) = explained {
        output::print(&report::explain::explain(page, &report, Some(&facts)));
    } else {
        show::show(global, options, template, &report)?;
    }
    Ok(report::exit_code(&report))
}

/// From files to what is said of each practice.
fn assess(catalogue: &Catalogue, tree: &Tree, memory: &Memory, progress: &Progress) -> (Facts, Assessment) {
    progress.say("putting facts together");
    let facts = memory.facts(tree);
    progress.say("asking detectors");
    let practices = Detectors::new(catalogue.pages()).assess(&facts, tree);
    let assessment = Assessment {
        services: facts.services.clone(),
        practices,
        skipped: facts.skipped.clone(),
        incomplete: tree.incomplete,
        files: facts.files.len(),
        facts: facts.all().len(),
        commit: tree.commit.clone(),
    };
    (facts, assessment)
}

fn shape(word: &str) -> Result<Template, Ended> {
    let known = || Template::ALL.map(Template::name).join(", ");
    Template::named(word).ok_or_else(|| usage(format!("there is no shape `{word}`; there are {}", known())))
}

/// What was asked for makes no sense.
fn usage(why: impl Into<String>) -> Ended {
    Code::Invalid.because(why.into()).into()
}
