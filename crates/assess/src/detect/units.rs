//! What a detector is asked of: the repository, each service, each image.

use std::collections::BTreeSet;

use super::Per;
use crate::fact::{Fact, Facts, FileId, Kind, ServiceKind};

/// A part of the repository that a detector is asked of.
pub(super) struct Unit {
    pub(super) name: String,
    what: What,
}

enum What {
    All,
    Service(usize),
    File(FileId),
}

/// Facts about how things are run and deployed count for every service, unless they lie in the folder of another.
fn shared(kind: Kind) -> bool {
    !matches!(
        kind,
        Kind::Import
            | Kind::Def
            | Kind::Call
            | Kind::Decorator
            | Kind::Assign
            | Kind::Setting
            | Kind::Env
            | Kind::Catch
            | Kind::Raise
            | Kind::Test
            | Kind::Text
            | Kind::App
            | Kind::Route
            | Kind::Middleware
            | Kind::Handler
            | Kind::Hook
            | Kind::Dependency
            | Kind::Lock
            | Kind::Docker
    )
}

impl Unit {
    /// Whether a fact is one of this unit's.
    pub(super) fn holds(&self, facts: &Facts, fact: &Fact) -> bool {
        match self.what {
            What::All => true,
            What::File(file) => fact.file == file || (fact.kind != Kind::Docker && shared(fact.kind)),
            What::Service(mine) => {
                let owner = facts.service(facts.path(fact.file));
                owner == Some(mine)
                    || owner.is_none()
                    || (shared(fact.kind) && owner.and_then(|owner| facts.services.get(owner)).is_some_and(|owner| owner.root.is_empty()))
            }
        }
    }
}

/// The units, at least one.
pub(super) fn units(facts: &Facts, per: Per) -> Vec<Unit> {
    let services = |wanted: &dyn Fn(ServiceKind) -> bool| -> Vec<Unit> {
        let chosen = facts.services.iter().enumerate().filter(|(_, service)| wanted(service.kind));
        chosen.map(|(number, service)| Unit { name: service.name.clone(), what: What::Service(number) }).collect()
    };
    let found = match per {
        Per::Repository => Vec::new(),
        Per::Api => services(&|kind| kind == ServiceKind::Api),
        Per::Service => services(&|kind| matches!(kind, ServiceKind::Api | ServiceKind::Worker | ServiceKind::Ui)),
        Per::Image => {
            let files: BTreeSet<FileId> = facts.of(Kind::Docker).map(|fact| fact.file).collect();
            files.into_iter().map(|file| Unit { name: facts.path(file).to_owned(), what: What::File(file) }).collect()
        }
    };
    if found.is_empty() { vec![Unit { name: "the repository".into(), what: What::All }] } else { found }
}
