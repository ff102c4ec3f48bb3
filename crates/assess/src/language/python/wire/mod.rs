//! What frameworks make of a program: apps, what is mounted on them, and what stands before it.

mod address;
mod before;
mod django;
mod handler;
mod object;
mod refuse;
mod register;

use super::link::Linked;
use crate::{
    fact::{Fact, Kind},
    wiring::{Place, Program, Wired},
};

use object::Objects;

/// How many routes one program may have.
const MOST: usize = 20_000;

/// Applies the frameworks' rules.
pub(super) fn wire(program: &Program<'_>) -> Wired {
    let linked = Linked::new(program);
    let mut wired = Wired { renamed: linked.renamed(), ..Wired::default() };
    calls(&linked, &mut wired);
    let mut objects = Objects::find(&linked);
    objects.register(&linked, &mut wired);
    objects.routes(&linked, &mut wired);
    django::wire(&linked, &mut wired);
    wired.leads.sort();
    wired.leads.dedup();
    wired.held.sort();
    wired.held.dedup();
    wired
}

/// What is called on an object of another file is reached with it.
fn calls(linked: &Linked<'_>, wired: &mut Wired) {
    for (number, file) in linked.files.iter().enumerate() {
        for fact in file.extract.facts.iter().filter(|fact| fact.kind == Kind::Call && fact.guard.is_none()) {
            let name = linked.called(number, &fact.name);
            let Some(to) = linked.place(&name) else { continue };
            let from = Place { file: file.id, symbol: fact.symbol };
            if from != to {
                wired.leads.push((from, to));
            }
        }
    }
}

/// A copy of a fact as one of another kind.
fn as_kind(fact: &Fact, kind: Kind, name: impl Into<String>, place: Place) -> Fact {
    let mut copy = Fact::new(kind, name, fact.line, fact.end).within(place.symbol);
    copy.file = place.file;
    copy.guard = fact.guard.clone();
    copy
}
