//! From facts to what is said of each practice.

use std::{
    cell::RefCell,
    collections::{BTreeSet, HashMap},
    rc::Rc,
};

use super::{
    Assessed, Confidence, Detect, Fault, Partial, Pattern, Per, Same, Sight, Signal, Wanted,
    applies::Applicable,
    sight::Sights,
    units::{Unit, units},
};
use crate::{
    Applies, Page, Status,
    fact::{Fact, Facts, Kind, Reach},
    source::Tree,
};

/// How many places are shown as evidence of one practice.
const SHOWN: usize = 12;
/// How many gaps are told. A baseline compares gaps, so they are cut only where nobody would read on.
const TOLD: usize = 2_000;

/// The detectors of a catalogue.
pub struct Detectors<'p> {
    pages: Vec<&'p Page>,
}

impl<'p> Detectors<'p> {
    /// The detectors of these pages, in this order. A page without one is left out.
    pub fn new(pages: impl IntoIterator<Item = &'p Page>) -> Detectors<'p> {
        Detectors { pages: pages.into_iter().filter(|page| page.detect.is_some()).collect() }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.pages.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.pages.is_empty()
    }

    /// Asks all of them. `tree` is where the facts come from: lines of it are shown.
    pub fn assess(&self, facts: &Facts, tree: &Tree) -> Vec<Assessed> {
        use rayon::prelude::*;
        let (sights, applicable) = (Sights::new(facts, tree), Applicable::new(facts));
        let ask = |page: &&Page| {
            page.detect
                .as_ref()
                .map(|detect| Question { page, detect, facts, sights: &sights, found: RefCell::default() }.answer(&applicable))
        };
        self.pages.par_iter().filter_map(ask).collect()
    }
}

/// What a signal and a fault have in common: facts that have to be there, and where.
struct Asked<'d> {
    all: &'d [Pattern],
    any: &'d [Pattern],
    none: &'d [Pattern],
    same: Option<Same>,
    reach: Wanted,
    least: Option<usize>,
}

impl<'d> Asked<'d> {
    fn of_signal(signal: &'d Signal) -> Asked<'d> {
        Asked { all: &signal.all, any: &signal.any, none: &signal.none, same: signal.same, reach: signal.reach, least: signal.least }
    }
    /// What nothing runs does no harm, unless the fault says otherwise.
    fn of_fault(fault: &'d Fault) -> Asked<'d> {
        let reach = if fault.reach == Wanted::Any { Wanted::Any } else { Wanted::Only };
        Asked { all: &fault.all, any: &fault.any, none: &fault.none, same: fault.same, reach, least: None }
    }
}

struct Question<'a> {
    page: &'a Page,
    detect: &'a Detect,
    facts: &'a Facts,
    sights: &'a Sights<'a>,
    /// What each pattern of the page finds; units and signals share it.
    found: RefCell<HashMap<*const Pattern, Rc<Vec<&'a Fact>>>>,
}

/// What is said of one unit.
#[derive(Clone)]
struct Found<'f> {
    status: Status,
    partial: Option<Partial>,
    share: Option<(usize, usize)>,
    why: String,
    evidence: Vec<(&'f Fact, String)>,
    gaps: Vec<(&'f Fact, String)>,
    by: Vec<String>,
    confidence: Confidence,
}

impl Found<'_> {
    /// What it is worth in thousandths, to find the strongest.
    fn worth(&self) -> u32 {
        match (self.status, self.partial) {
            (Status::Implemented, _) => 1000,
            (Status::Partial, Some(Partial::Coverage)) => {
                self.share.map_or(450, |(n, m)| u32::try_from(n * 900 / m.max(1)).unwrap_or(450)).max(1)
            }
            (Status::Partial, Some(Partial::Weak | Partial::OneService) | None) => 500,
            (Status::Partial, Some(Partial::OffByDefault)) => 400,
            (Status::Partial, Some(Partial::Unwired | Partial::Broken | Partial::DocsOnly)) => 100,
            (Status::NotApplicable | Status::Unknown | Status::Missing, _) => 0,
        }
    }
}

/// Whether a service runs it, as far as anybody can tell.
fn runs(fact: &Fact) -> bool {
    !matches!(fact.reach, Reach::Off | Reach::Unreached)
}

impl<'a> Question<'a> {
    /// All facts that match a pattern of this page.
    fn find(&self, pattern: &Pattern) -> Rc<Vec<&'a Fact>> {
        let key: *const Pattern = pattern;
        if let Some(found) = self.found.borrow().get(&key) {
            return found.clone();
        }
        let found = Rc::new(pattern.find(self.facts));
        self.found.borrow_mut().insert(key, found.clone());
        found
    }

    fn answer(&self, applicable: &Applicable) -> Assessed {
        let nothing = |status, why: String| Assessed {
            practice: self.page.id.clone(),
            status,
            partial: None,
            share: None,
            why,
            evidence: Vec::new(),
            gaps: Vec::new(),
            searched: Vec::new(),
            anchor: None,
            confidence: Confidence::High,
            by: Vec::new(),
            services: Vec::new(),
            fix: None,
        };
        if let Some(why) = applicable.refuses(self.page.applies) {
            return nothing(Status::NotApplicable, why);
        }
        let wanted = &self.detect.only_if;
        if !wanted.is_empty()
            && !wanted.iter().any(|pattern| self.find(pattern).iter().any(|fact| fact.reach != Reach::Test || fact.kind == Kind::Test))
        {
            return nothing(Status::NotApplicable, self.detect.unless.clone().unwrap_or_else(|| "it has no meaning here".into()));
        }
        let units = units(self.facts, self.detect.per);
        let mut found: Vec<(String, Found<'a>)> = units.iter().map(|unit| (unit.name.clone(), self.unit(unit))).collect();
        let services = if found.len() > 1 { found.iter().map(|(name, found)| (name.clone(), found.status)).collect() } else { Vec::new() };
        let whole = if found.len() > 1 { together(&found) } else { found.remove(0).1 };
        self.assessed(whole, services)
    }

    fn assessed(&self, found: Found<'a>, services: Vec<(String, Status)>) -> Assessed {
        let met = found.status == Status::Implemented;
        let absent = found.evidence.is_empty();
        let (searched, anchor) = if met && !absent { (Vec::new(), None) } else { self.absence() };
        Assessed {
            practice: self.page.id.clone(),
            status: found.status,
            partial: found.partial,
            share: found.share,
            why: found.why,
            evidence: self.sights.first(&found.evidence, SHOWN),
            gaps: self.sights.first(&found.gaps, TOLD),
            searched,
            anchor,
            confidence: found.confidence,
            by: found.by,
            services,
            fix: if met { None } else { self.fix() },
        }
    }

    /// What was looked at, with numbers, and the first place where the practice would have to be.
    fn absence(&self) -> (Vec<String>, Option<Sight>) {
        let asked = self.detect.signals.iter().flat_map(|signal| signal.all.iter().chain(&signal.any));
        let kinds: BTreeSet<Kind> = asked.flat_map(Pattern::kinds).collect();
        let searched = kinds.iter().map(|kind| kind.counted(self.facts.of(*kind).count())).collect();
        let anchors = self.detect.look.iter().find_map(|pattern| pattern.find(self.facts).into_iter().find(|fact| runs(fact)));
        let anchor = anchors.or_else(|| self.facts.of(Kind::App).find(|fact| runs(fact)));
        (searched, anchor.map(|fact| self.sights.of(fact, "it would have to be here")))
    }

    fn fix(&self) -> Option<String> {
        let frameworks = self.facts.services.iter().flat_map(|service| service.framework.iter().chain([&service.language]));
        frameworks.into_iter().find_map(|name| self.detect.fix.get(name)).or_else(|| self.detect.fix.get("any")).cloned()
    }

    fn unit(&self, unit: &Unit) -> Found<'a> {
        let wanted = &self.detect.only_if;
        let here = |pattern: &Pattern| self.find(pattern).iter().any(|fact| unit.holds(self.facts, fact));
        if !wanted.is_empty() && !wanted.iter().any(here) {
            let why = self.detect.unless.clone().unwrap_or_else(|| "it has no meaning here".into());
            return Found { status: Status::NotApplicable, why, confidence: Confidence::High, ..self.absent(unit) };
        }
        let mut best: Option<Found<'a>> = None;
        for signal in &self.detect.signals {
            if let Some(found) = self.signal(signal, unit)
                && best.as_ref().is_none_or(|best| found.worth() > best.worth())
            {
                best = Some(found);
            }
        }
        let mut found = best.unwrap_or_else(|| self.absent(unit));
        for fault in &self.detect.faults {
            self.lower(&mut found, fault, unit);
        }
        found
    }

    fn absent(&self, unit: &Unit) -> Found<'a> {
        let about_callers = self.detect.per == Per::Api || matches!(self.page.applies, Applies::Http | Applies::Accounts);
        let unseen = about_callers && self.detect.otherwise == Status::Missing && unit.is_of_own_make(self.facts);
        let status = if unseen { Status::Unknown } else { self.detect.otherwise };
        let own = "It answers by a router of its own make: what is known of frameworks says nothing about it.";
        let why = if unseen { Some(own.to_owned()) } else { self.detect.absent.clone() };
        let why = why.unwrap_or_else(|| match self.detect.otherwise {
            Status::Implemented => "Nothing that speaks against it was found.".into(),
            Status::Unknown => "The repository does not tell.".into(),
            _ => format!("Nothing shows it: {}.", self.page.title.to_lowercase()),
        });
        Found {
            status,
            partial: None,
            share: None,
            why,
            evidence: Vec::new(),
            gaps: Vec::new(),
            by: Vec::new(),
            confidence: Confidence::Medium,
        }
    }

    fn signal(&self, signal: &Signal, unit: &Unit) -> Option<Found<'a>> {
        let mut found = match &signal.cover {
            Some(_) => self.covered(signal, unit)?,
            None => {
                let facts = self.together(&Asked::of_signal(signal), unit)?;
                let evidence = facts.iter().map(|fact| (*fact, String::new())).collect();
                Found {
                    status: signal.yields,
                    partial: signal.partial,
                    share: None,
                    why: String::new(),
                    evidence,
                    gaps: Vec::new(),
                    by: Vec::new(),
                    confidence: signal.confidence,
                }
            }
        };
        if signal.cover.is_some() && !(signal.all.is_empty() && signal.any.is_empty() && signal.none.is_empty()) {
            self.together(&Asked::of_signal(signal), unit)?;
        }
        found.by.push(signal.id.clone());
        let told = signal.why.clone().unwrap_or_else(|| self.page.promise().to_owned());
        found.why = match found.share {
            Some((n, m)) if n < m => format!("{told} ({n} of {m})"),
            _ => told,
        };
        if signal.reach == Wanted::Served && matches!(found.status, Status::Implemented | Status::Partial) {
            reached(&mut found, signal, self.facts);
        }
        if found.status == Status::Missing {
            std::mem::swap(&mut found.evidence, &mut found.gaps);
        }
        Some(found)
    }

    fn covered(&self, signal: &Signal, unit: &Unit) -> Option<Found<'a>> {
        let cover = signal.cover.as_ref()?;
        let of: Vec<&Fact> = self.find(&cover.of).iter().copied().filter(|fact| unit.holds(self.facts, fact) && runs(fact)).collect();
        let counted: Vec<&Fact> = of.into_iter().filter(|fact| !cover.but.iter().any(|but| but.matches(self.facts, fact))).collect();
        let (yes, no): (Vec<&Fact>, Vec<&Fact>) =
            counted.iter().copied().partition(|fact| cover.meets.iter().any(|meets| meets.matches(self.facts, fact)));
        let (n, m) = (yes.len(), counted.len());
        if n == 0 {
            return None;
        }
        let enough = n * 100 >= m * cover.enough as usize;
        Some(Found {
            status: if enough { signal.yields } else { Status::Partial },
            partial: if enough { signal.partial } else { Some(Partial::Coverage) },
            share: Some((n, m)),
            why: String::new(),
            evidence: yes.into_iter().map(|fact| (fact, String::new())).collect(),
            gaps: no.into_iter().map(|fact| (fact, "not here".to_owned())).collect(),
            by: Vec::new(),
            confidence: signal.confidence,
        })
    }

    /// The facts that satisfy all conditions of a signal or fault; nothing where one is not satisfied.
    fn together(&self, asked: &Asked<'_>, unit: &Unit) -> Option<Vec<&'a Fact>> {
        let find = |pattern: &Pattern| -> Vec<&'a Fact> {
            let found = self.find(pattern);
            found.iter().copied().filter(|fact| unit.holds(self.facts, fact) && (asked.reach != Wanted::Only || runs(fact))).collect()
        };
        let against: Vec<&Fact> = asked.none.iter().flat_map(&find).filter(|fact| runs(fact)).collect();
        let mut sets: Vec<Vec<&'a Fact>> = asked.all.iter().map(&find).collect();
        if !asked.any.is_empty() {
            sets.push(asked.any.iter().flat_map(&find).collect());
        }
        if sets.iter().any(Vec::is_empty) || sets.first().is_some_and(|first| asked.least.is_some_and(|least| first.len() < least)) {
            return None;
        }
        let Some(same) = asked.same else {
            return against.is_empty().then(|| sets.into_iter().flatten().collect());
        };
        let place = |fact: &Fact| (fact.file, if same == Same::Symbol { fact.symbol } else { 0 });
        let mut kept: Vec<&'a Fact> = Vec::new();
        let places: BTreeSet<_> = sets.first().into_iter().flatten().map(|fact| place(fact)).collect();
        for here in places {
            let inside = sets.iter().all(|set| set.iter().any(|fact| place(fact) == here));
            if inside && !against.iter().any(|fact| place(fact) == here) {
                kept.extend(sets.iter().flatten().filter(|fact| place(fact) == here));
            }
        }
        (!kept.is_empty()).then_some(kept)
    }

    fn lower(&self, found: &mut Found<'a>, fault: &Fault, unit: &Unit) {
        let Some(facts) = self.together(&Asked::of_fault(fault), unit) else { return };
        let lowered = Found { status: fault.yields, partial: fault.partial, share: None, ..found.clone() };
        let known = matches!(found.status, Status::Implemented | Status::Partial | Status::Missing);
        found.gaps.extend(facts.into_iter().map(|fact| (fact, fault.why.clone())));
        // Where nothing was found for it, what speaks against it is the better reason.
        let tells = found.status == Status::Missing && found.by.is_empty() && fault.yields == Status::Missing;
        if known && (lowered.worth() < found.worth() || tells) {
            (found.status, found.partial, found.share) = (fault.yields, fault.partial, None);
            found.why = fault.why.clone();
            found.by.push(fault.id.clone());
            if found.status == Status::Partial && found.partial.is_none() {
                found.partial = Some(Partial::Weak);
            }
        }
    }
}

/// Lowers what nothing runs.
fn reached(found: &mut Found<'_>, signal: &Signal, facts: &Facts) {
    if signal.cover.is_some() {
        return;
    }
    let mut worst = None;
    for pattern in &signal.all {
        let best = best(found.evidence.iter().map(|(fact, _)| *fact).filter(|fact| pattern.matches(facts, fact)));
        worst = worst.max(best);
    }
    if !signal.any.is_empty() {
        let one = |fact: &&Fact| signal.any.iter().any(|pattern| pattern.matches(facts, fact));
        worst = worst.max(best(found.evidence.iter().map(|(fact, _)| *fact).filter(one)));
    }
    match worst {
        Some(Reach::Off) => {
            (found.status, found.partial) = (Status::Partial, Some(Partial::OffByDefault));
            let flag = found.evidence.iter().find_map(|(fact, _)| fact.guard.as_ref()).map_or("", |guard| guard.flag.as_str());
            found.why = format!(
                "{}, but it is off by default{}",
                found.why.trim_end_matches('.'),
                if flag.is_empty() { String::new() } else { format!(" ({flag})") }
            );
        }
        Some(Reach::Unreached) => {
            (found.status, found.partial) = (Status::Partial, Some(Partial::Unwired));
            found.why = format!("{}, but nothing that runs leads to it", found.why.trim_end_matches('.'));
        }
        _ => found.evidence.retain(|(fact, _)| runs(fact)),
    }
}

/// The best reach of these; `None` stands for running.
fn best<'f>(facts: impl Iterator<Item = &'f Fact>) -> Option<Reach> {
    let mut best = Some(Reach::Unreached);
    for fact in facts {
        match fact.reach {
            Reach::Off => best = best.min(Some(Reach::Off)),
            Reach::Unreached => {}
            Reach::Unknown | Reach::Live | Reach::Test => best = None,
        }
        if best.is_none() {
            break;
        }
    }
    best
}

/// What several units amount to.
fn together<'f>(found: &[(String, Found<'f>)]) -> Found<'f> {
    let asked: Vec<&(String, Found<'f>)> = found.iter().filter(|(_, found)| found.status != Status::NotApplicable).collect();
    let strongest = asked.iter().rev().max_by_key(|(_, found)| found.worth());
    let Some((_, strongest)) = strongest else { return found[0].1.clone() };
    let weakest = asked.iter().min_by_key(|(_, found)| found.worth()).map_or(strongest, |(_, found)| found);
    let mut whole = strongest.clone();
    for (name, part) in asked.iter().map(|(name, part)| (name, part)) {
        if part.worth() == strongest.worth() {
            whole.evidence.extend(part.evidence.iter().cloned());
        }
        whole.gaps.extend(part.gaps.iter().map(|(fact, note)| (*fact, if note.is_empty() { name.clone() } else { note.clone() })));
    }
    if strongest.worth() == weakest.worth() {
        return whole;
    }
    let without: Vec<&str> = asked.iter().filter(|(_, part)| part.worth() < strongest.worth()).map(|(name, _)| name.as_str()).collect();
    if strongest.status == Status::Implemented {
        let half = weakest.status == Status::Partial;
        whole.status = Status::Partial;
        whole.partial = if half { weakest.partial } else { Some(Partial::OneService) };
        whole.share = Some((asked.len() - without.len(), asked.len()));
        whole.by.extend(weakest.by.iter().cloned());
    }
    whole.why = format!("{}; not so in {}", whole.why.trim_end_matches('.'), without.join(", "));
    whole
}

/// Faults and signals of a page are named once each.
///
/// # Errors
/// The name that stands twice.
pub fn named_once(detect: &Detect) -> Result<(), String> {
    let mut names = BTreeSet::new();
    let all = detect.signals.iter().map(|signal| &signal.id).chain(detect.faults.iter().map(|fault| &fault.id));
    for name in all {
        if !names.insert(name) {
            return Err(format!("`{name}` stands twice"));
        }
    }
    Ok(())
}
