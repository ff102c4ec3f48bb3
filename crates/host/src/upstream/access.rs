//! Who may ask a mounted service for what: the section `[routes]`.
//!
//! A request has to satisfy the rule with the most precise path that fits (if there is one) and
//! what is said about its operation (the rule with its id, or else the rules with its tags);
//! where nothing is said, `[routes] default`. A path that services read in several ways has to
//! satisfy what each reading demands: see [`super::contract::reading`].

mod written;

use std::sync::Arc;

use http::Method;
use plimsoll_core::{Access, Code, Result};

pub(super) use self::written::faults;
use self::written::{Place, read, split};
use super::{
    config::{RoutesConfig, Undocumented},
    contract::{
        description::{Description, Operation},
        reading::{Asked, Oddness, fold},
        template::{End, Template, Tree},
    },
};

/// What a request has to satisfy: bits that stand for the demands of [`Rules`].
pub type Demands = u128;

/// The bit of what nobody may.
const NOBODY: Demands = 1;
/// The bit of `[routes] default`.
const DEFAULT: Demands = 1 << 1;
/// Most different demands.
const MOST: usize = Demands::BITS as usize;

/// The section, read.
#[derive(Debug)]
pub struct Rules {
    /// Each demand once; its place is its bit.
    demands: Vec<Access>,
    paths: Vec<PathRule>,
    names: Vec<NameRule>,
    undocumented: Undocumented,
}

#[derive(Debug, Clone)]
struct PathRule {
    method: Option<String>,
    template: Template,
    text: String,
    demand: Demands,
}

/// A rule that names an operation or a tag.
#[derive(Debug)]
struct NameRule {
    what: Named,
    demand: Demands,
}

#[derive(Debug, PartialEq, Eq)]
enum Named {
    Operation(String),
    Tag(String),
}

impl Rules {
    /// Reads the section.
    ///
    /// # Errors
    /// `ConfigInvalid` for a rule that cannot be read.
    pub fn new(routes: &RoutesConfig) -> Result<Rules> {
        let mut rules = Rules {
            demands: vec![Access::Nobody, read(&routes.default)?],
            paths: Vec::new(),
            names: Vec::new(),
            undocumented: routes.undocumented,
        };
        for (place, access) in &routes.rules {
            let demand = rules.bit(read(access)?)?;
            match split(place)? {
                Place::Path(method, template, text) => rules.paths.push(PathRule { method, template, text, demand }),
                Place::Name(what) => rules.names.push(NameRule { what, demand }),
            }
        }
        Ok(rules)
    }

    /// The rules by path alone: for a service that is not the one whose operations are named.
    pub fn by_path(&self) -> Rules {
        Rules { names: Vec::new(), demands: self.demands.clone(), paths: self.paths.clone(), undocumented: self.undocumented }
    }

    fn bit(&mut self, access: Access) -> Result<Demands> {
        // `deny` is the bit it always has; the default keeps its own, which stands for "no rule".
        let known = self.demands.iter().enumerate().position(|(place, known)| place != 1 && *known == access);
        let place = known.unwrap_or(self.demands.len());
        if place == MOST {
            return Err(Code::ConfigInvalid.because(format!("the rules make more than {MOST} different demands")));
        }
        if known.is_none() {
            self.demands.push(access);
        }
        Ok(1 << place)
    }

    /// The demands of these bits, the one with the highest role first; at least one.
    pub fn demanded(&self, bits: Demands) -> Vec<Access> {
        let held = self.demands.iter().enumerate().filter(|(place, _)| bits & 1 << place != 0).map(|(_, access)| *access);
        let mut all: Vec<Access> = Vec::new();
        for access in held {
            let same = all.iter_mut().find_map(|known| match (known, access) {
                (Access::Needs { permission, least }, Access::Needs { permission: other, least: higher }) if *permission == other => {
                    Some((least, higher))
                }
                _ => None,
            });
            match same {
                Some((least, higher)) => *least = higher.max(*least),
                None => all.push(access),
            }
        }
        let weight = |access: &Access| match access {
            Access::Public { .. } => 0,
            Access::Authenticated => 1,
            Access::Needs { least, .. } => 2 + *least as u8,
            Access::Nobody => u8::MAX,
        };
        all.sort_by_key(|access| std::cmp::Reverse(weight(access)));
        // Who satisfies the first satisfies what asks for no permission; nobody satisfies the last word.
        let first = all.first().copied();
        all.retain(|access| Some(*access) == first || (first != Some(Access::Nobody) && matches!(access, Access::Needs { .. })));
        if all.is_empty() { vec![Access::Nobody] } else { all }
    }

    /// Whether everybody who satisfies the default also satisfies `bits`.
    fn follows_from_default(&self, bits: Demands) -> bool {
        self.demanded(DEFAULT) == self.demanded(DEFAULT | bits)
    }

    /// Whether a rule names an operation or a tag.
    pub fn names_operations(&self) -> bool {
        !self.names.is_empty()
    }
}

/// The rules together with one description of the service.
pub struct Rulebook {
    rules: Arc<Rules>,
    exact: Tree,
    folded: Tree,
    operations: Vec<Arc<Operation>>,
    demanded: Vec<Demands>,
    exact_operations: Tree,
    folded_operations: Tree,
    /// Rules that name what the description does not have.
    pub unresolved: Vec<String>,
    described: bool,
    /// What is demanded where no rule says anything.
    rest: Demands,
}

/// How a request was judged.
pub struct Judged {
    /// The path as logs and metrics name it; nothing where neither rule nor description knows it.
    pub template: Option<String>,
    /// The operation it asks for.
    pub operation: Option<Arc<Operation>>,
    /// What it has to satisfy.
    pub demands: Demands,
    /// Whether only a rule whose operation or tag was not found stands against it.
    pub unresolved: bool,
}

impl Rulebook {
    /// The rules, with the operations of `description` where there is one.
    pub fn new(rules: Arc<Rules>, description: Option<&Description>) -> Rulebook {
        let operations: Vec<Arc<Operation>> = description.map(|known| known.operations.clone()).unwrap_or_default();
        let mut book = Rulebook {
            exact: Tree::new(false),
            folded: Tree::new(true),
            exact_operations: Tree::new(false),
            folded_operations: Tree::new(true),
            demanded: operations.iter().map(|operation| demanded_of(&rules, operation)).collect(),
            unresolved: Vec::new(),
            described: description.is_some(),
            rest: DEFAULT,
            operations,
            rules,
        };
        for (number, rule) in (0u32..).zip(&book.rules.paths) {
            book.exact.insert(&rule.template, number);
            book.folded.insert(&rule.template, number);
        }
        for (number, operation) in (0u32..).zip(&book.operations) {
            for place in &operation.places {
                book.exact_operations.insert(place, number);
                book.folded_operations.insert(place, number);
            }
        }
        for rule in &book.rules.names {
            if !book.operations.iter().any(|operation| rule.what.means(operation)) {
                book.unresolved.push(rule.what.to_string());
                // Nobody knows which requests it is about, so it is about all that no rule covers.
                if !book.rules.follows_from_default(rule.demand) {
                    book.rest |= NOBODY;
                }
            }
        }
        book
    }

    /// What the description says, where there is one.
    pub fn operations(&self) -> &[Arc<Operation>] {
        &self.operations
    }
    /// Whether there is a description.
    pub fn described(&self) -> bool {
        self.described
    }

    /// What a request has to satisfy.
    pub fn judge(&self, method: &Method, path: &str) -> Judged {
        let asked = Asked::read(path);
        let rule_fits = |number: u32| suits(self.rules.paths[number as usize].method.as_deref(), method);
        let operation_fits = |number: u32| suits(Some(self.operations[number as usize].method.as_str()), method);
        let found = self.exact_operations.best(&asked.segments, asked.end, &operation_fits);
        let found = if found.is_empty() { self.exact_operations.best(&asked.segments, End::Either, &operation_fits) } else { found };
        let operation = found.first().map(|number| self.operations[*number as usize].clone());
        let rule = self.exact.best(&asked.segments, asked.end, &rule_fits);
        let template = match (&operation, rule.first()) {
            (Some(operation), _) => Some(operation.template.to_owned()),
            (None, Some(rule)) => Some(self.rules.paths[*rule as usize].text.clone()),
            (None, None) => None,
        };
        let mut demands = 0;
        match &asked.oddness {
            Oddness::Hopeless => demands = NOBODY,
            Oddness::Odd(seen) => {
                let own: Vec<String> = asked.segments.iter().map(|part| fold(part)).collect();
                demands |= self.fallen(None, method);
                for segments in [seen, &own] {
                    for number in self.folded.all(segments, &rule_fits) {
                        demands |= self.rules.paths[number as usize].demand;
                    }
                    for number in self.folded_operations.all(segments, &operation_fits) {
                        demands |= self.demanded[number as usize];
                    }
                    demands |= self.spanned(segments, method);
                }
            }
            Oddness::Plain => {
                for segments in std::iter::once(&asked.segments).chain(&asked.raw) {
                    demands |= self.under(&self.exact, &self.exact_operations, segments, asked.end, method);
                    if self.exact.particular || self.exact_operations.particular || segments.iter().any(|part| fold(part) != *part) {
                        let folded: Vec<String> = segments.iter().map(|part| fold(part)).collect();
                        demands |= self.under(&self.folded, &self.folded_operations, &folded, asked.end, method);
                    }
                }
            }
        }
        let unresolved = demands & NOBODY != 0 && self.rest & NOBODY != 0 && demands == self.rest;
        Judged { template, operation, demands, unresolved }
    }

    /// One reading of the segments, with each reading of the end.
    fn under(&self, rules: &Tree, operations: &Tree, segments: &[String], end: End, method: &Method) -> Demands {
        let rule_fits = |number: u32| suits(self.rules.paths[number as usize].method.as_deref(), method);
        let operation_fits = |number: u32| suits(Some(self.operations[number as usize].method.as_str()), method);
        let mut demands = 0;
        for end in [end, End::Either] {
            let found = rules.best(segments, end, &rule_fits);
            // A rule that names the method goes before one at the same path that names none.
            let named = found.iter().any(|number| self.rules.paths[*number as usize].method.is_some());
            let by_path = found.iter().map(|number| &self.rules.paths[*number as usize]).filter(|rule| !named || rule.method.is_some());
            let by_path = by_path.fold(0, |all, rule| all | rule.demand);
            let known = operations.best(segments, end, &operation_fits);
            let by_name = known.iter().fold(0, |all, number| all | self.demanded[*number as usize]);
            demands |= by_path | by_name;
            if by_path | by_name == 0 {
                demands |= self.fallen(known.first(), method);
            }
            if known.is_empty() {
                demands |= self.spanned(&segments.iter().map(|part| fold(part)).collect::<Vec<_>>(), method);
            }
        }
        demands
    }

    /// What is demanded where no rule says anything.
    fn fallen(&self, operation: Option<&u32>, method: &Method) -> Demands {
        let strange = operation.is_none() && self.rules.undocumented == Undocumented::Deny && method != Method::OPTIONS;
        if strange { self.rest | NOBODY } else { self.rest }
    }

    /// What is demanded by operations whose values may be several segments long.
    fn spanned(&self, folded: &[String], method: &Method) -> Demands {
        let named = self.operations.iter().zip(&self.demanded).filter(|(_, demands)| **demands != 0);
        let fits = named.filter(|(operation, _)| {
            suits(Some(operation.method.as_str()), method) && operation.places.iter().any(|place| place.spans(folded))
        });
        fits.fold(0, |all, (_, demands)| all | demands)
    }

    /// The rules.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }
}

/// What the rules say about an operation: by its id, or else by all its tags.
fn demanded_of(rules: &Rules, operation: &Operation) -> Demands {
    let of = |wanted: fn(&Named) -> bool| {
        let fits = rules.names.iter().filter(|rule| wanted(&rule.what) && rule.what.means(operation));
        fits.fold(0, |all, rule| all | rule.demand)
    };
    match of(|what| matches!(what, Named::Operation(_))) {
        0 => of(|what| matches!(what, Named::Tag(_))),
        by_id => by_id,
    }
}

impl Named {
    fn means(&self, operation: &Operation) -> bool {
        match self {
            Named::Operation(id) => *id == operation.id,
            Named::Tag(tag) => operation.tags.contains(tag),
        }
    }
}

impl std::fmt::Display for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Named::Operation(id) => write!(f, "operation:{id}"),
            Named::Tag(tag) => write!(f, "tag:{tag}"),
        }
    }
}

/// Whether a rule or operation of this method concerns a request. HEAD finds GET, and letter case
/// means nothing: some services ask for `delete` what they do for `DELETE`.
fn suits(named: Option<&str>, method: &Method) -> bool {
    named
        .is_none_or(|named| named.eq_ignore_ascii_case(method.as_str()) || (named == "GET" && method.as_str().eq_ignore_ascii_case("HEAD")))
}

#[cfg(test)]
mod tests;
