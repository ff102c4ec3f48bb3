//! What a detector is asked of: the repository, each service, each image.

use std::collections::BTreeSet;

use super::Per;
use crate::fact::{Fact, Facts, FileId, Kind, Reach, ServiceKind};

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
    fn service(&self) -> Option<usize> {
        match self.what {
            What::Service(number) => Some(number),
            What::All | What::File(_) => None,
        }
    }
    /// Whether a fact is one of this unit's.
    pub(super) fn holds(&self, facts: &Facts, fact: &Fact) -> bool {
        match self.what {
            What::All => true,
            What::File(file) => fact.file == file || (fact.kind != Kind::Docker && shared(fact.kind)),
            What::Service(mine) => {
                let owner = facts.owner(fact.file);
                let root = |number: usize| facts.services.get(number).map(|service| service.root.as_str());
                // Several programs may live in one folder: what lies there is of each of them.
                owner.is_none_or(|owner| owner == mine || root(owner) == root(mine))
                    || owner.is_some_and(|owner| lent(facts, mine, owner, fact))
                    || (shared(fact.kind) && owner.and_then(|owner| facts.services.get(owner)).is_some_and(|owner| owner.root.is_empty()))
            }
        }
    }
}

/// Whether a module that serves nobody by itself lends this to a service: modules of Java are built into the program that is
/// started, and count as programs of their own for a `main` somewhere in them.
fn lent(facts: &Facts, mine: usize, owner: usize, fact: &Fact) -> bool {
    let (Some(mine), Some(owner)) = (facts.services.get(mine), facts.services.get(owner)) else { return false };
    let serves = matches!(owner.kind, ServiceKind::Api | ServiceKind::Worker | ServiceKind::Ui);
    !serves && mine.language == "java" && owner.language == "java" && fact.reach == Reach::Live
}

impl Unit {
    /// Whether it answers callers by a router that no framework's rules know: then that nothing known stands before its routes
    /// does not show that nothing does.
    pub(super) fn is_of_own_make(&self, facts: &Facts) -> bool {
        let own = |number: usize| {
            let service = facts.services.get(number);
            service.is_some_and(|service| service.kind == ServiceKind::Api && service.framework.is_none())
        };
        match self.what {
            What::Service(mine) => own(mine) && facts.of(Kind::Route).any(|route| self.holds(facts, route)),
            // The whole is of its own make where every service with routes is.
            What::All => {
                let live = facts.of(Kind::Route).filter(|route| !matches!(route.reach, Reach::Unreached | Reach::Test));
                let mut with = live.filter_map(|route| facts.owner(route.file)).peekable();
                with.peek().is_some() && with.all(own)
            }
            What::File(_) => false,
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
        Per::Api => {
            // A registry or a configuration server answers HTTP and has no routes of its own to ask about.
            let mut all = services(&|kind| kind == ServiceKind::Api);
            let live = facts.of(Kind::Route).filter(|route| !matches!(route.reach, Reach::Unreached | Reach::Test));
            let with: BTreeSet<usize> = live.filter_map(|route| facts.owner(route.file)).collect();
            if all.iter().any(|unit| unit.service().is_some_and(|number| with.contains(&number))) {
                all.retain(|unit| unit.service().is_some_and(|number| with.contains(&number)));
            }
            all
        }
        Per::Service => services(&|kind| matches!(kind, ServiceKind::Api | ServiceKind::Worker | ServiceKind::Ui)),
        Per::Image => {
            let all: BTreeSet<FileId> = facts.of(Kind::Docker).map(|fact| fact.file).collect();
            let shipped: BTreeSet<FileId> = all.iter().copied().filter(|file| !for_developers(facts.path(*file))).collect();
            let files = if shipped.is_empty() { all } else { shipped };
            files.into_iter().map(|file| Unit { name: facts.path(file).to_owned(), what: What::File(file) }).collect()
        }
    };
    if found.is_empty() { vec![Unit { name: "the repository".into(), what: What::All }] } else { found }
}

/// Whether an image of this path is made for a developer's machine or for tests, and never serves anybody.
fn for_developers(path: &str) -> bool {
    let path = path.to_lowercase();
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", &path));
    let tried = |word: &str| matches!(word, "devcontainer" | "gitpod" | "test" | "tests" | "e2e" | "loadtest");
    let inside = |segment: &str| matches!(segment, "example" | "examples" | "bench") || segment.split(['-', '_', '.']).any(tried);
    let says = |word: &str| tried(word) || matches!(word, "dev" | "development" | "local" | "ci" | "debug");
    folder.split('/').any(inside) || name.split(|at: char| !at.is_alphanumeric()).any(says)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{source::Tree, wiring};

    fn images(files: &[(&str, &str)]) -> Vec<String> {
        let facts = wiring::facts(&Tree::of(files.iter().copied()));
        units(&facts, Per::Image).into_iter().map(|unit| unit.name).collect()
    }

    #[test]
    fn programs_of_one_folder_share_what_lies_in_it() {
        let api = "from fastapi import FastAPI\nimport uvicorn\napp = FastAPI()\nif __name__ == '__main__':\n    uvicorn.run(app)\n";
        let page = "import streamlit as st\nst.title('shop')\n";
        let tree = Tree::of([("src/api.py", api), ("src/streamlit_app.py", page), ("requirements.txt", "fastapi\nstreamlit\n")]);
        let facts = wiring::facts(&tree);
        let asked = units(&facts, Per::Service);
        assert!(!asked.is_empty());
        for unit in &asked {
            let apps = facts.of(Kind::App).filter(|fact| unit.holds(&facts, fact)).count();
            assert!(apps > 0, "{} does not see the application", unit.name);
        }
    }

    #[test]
    fn images_for_developers_are_not_asked_where_others_are_shipped() {
        let from = "FROM python:3.13\n";
        let all =
            [("Dockerfile", from), (".devcontainer/Dockerfile", from), ("api/Dockerfile.dev", from), ("integration-test/Dockerfile", from)];
        assert_eq!(images(&all), ["Dockerfile"]);
        assert_eq!(images(&all[1..]).len(), 3, "where nothing else is there, they are all there is to ask");
        assert_eq!(images(&[("device/Dockerfile", from), ("latest.Dockerfile", from)]).len(), 2, "words, not parts of words");
    }

    #[test]
    fn a_service_without_routes_is_not_asked_where_another_has_some() {
        let routes = "from fastapi import FastAPI\napp = FastAPI()\n@app.get(\"/a\")\ndef a():\n    return 1\n";
        let none = "from fastapi import FastAPI\napp = FastAPI()\n";
        let docker = "FROM python:3.13\nCMD [\"uvicorn\", \"main:app\"]\n";
        let asked = |files: &[(&str, &str)]| -> Vec<String> {
            let facts = wiring::facts(&Tree::of(files.iter().copied()));
            units(&facts, Per::Api).into_iter().map(|unit| unit.name).collect()
        };
        let all = [("one/main.py", routes), ("one/Dockerfile", docker), ("two/main.py", none), ("two/Dockerfile", docker)];
        assert_eq!(asked(&all), ["one"]);
        assert_eq!(asked(&all[2..]).len(), 1, "where none has routes, they are all there is to ask");
    }
}
