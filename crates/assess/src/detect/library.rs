//! What a library needs before it acts, as data.
//!
//! Many libraries are built in one place and act only when something else is done: a limiter needs
//! its middleware, a registry of figures needs a route. The file `libraries.toml` says so for each;
//! here it becomes a fact `library NAME state=acting|idle` at the place where it is built.

use std::sync::OnceLock;

use serde::Deserialize;

use super::Pattern;
use crate::fact::{Fact, Facts, Kind, Reach};

/// One library.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Library {
    name: String,
    /// Where it is built.
    built: Pattern,
    /// What makes it act: one of these, in code that runs.
    acts: Vec<Pattern>,
    /// What is missing where none of them is there.
    why: String,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Libraries {
    library: Vec<Library>,
}

fn libraries() -> &'static [Library] {
    static LIBRARIES: OnceLock<Libraries> = OnceLock::new();
    // A file of ours that does not parse would know no library; a test refuses that.
    &LIBRARIES.get_or_init(|| toml::from_str(include_str!("libraries.toml")).unwrap_or_default()).library
}

/// Adds a fact for each place where a library of the list is built.
pub fn add_libraries(facts: &mut Facts) {
    let runs = |fact: &&Fact| !matches!(fact.reach, Reach::Off | Reach::Unreached);
    let mut found = Vec::new();
    for library in libraries() {
        let acting = library.acts.iter().any(|acts| acts.find(facts).iter().any(runs));
        for place in library.built.find(facts) {
            let fact = Fact { kind: Kind::Library, name: library.name.clone(), attrs: Vec::new(), ..place.clone() };
            let fact = fact.with("state", if acting { "acting" } else { "idle" });
            found.push(if acting { fact } else { fact.with("why", &library.why) });
        }
    }
    facts.extend(found);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::FileInfo;

    #[test]
    fn the_list_can_be_read() {
        let read: Libraries = toml::from_str(include_str!("libraries.toml")).unwrap();
        assert!(read.library.len() > 5);
    }

    #[test]
    fn a_limiter_without_its_middleware_is_idle() {
        let file = || vec![FileInfo { path: "main.py".into(), language: "python", test: false, symbols: vec![String::new()] }];
        let built = Fact::new(Kind::Call, "slowapi.Limiter", 3, 3);
        let acts = Fact::new(Kind::Middleware, "slowapi.middleware.SlowAPIMiddleware", 5, 5);
        let state = |given: Vec<Fact>| {
            let mut facts = Facts::new(file(), Vec::new(), given);
            add_libraries(&mut facts);
            facts.of(Kind::Library).map(|fact| (fact.name.clone(), fact.get("state").unwrap().to_owned(), fact.line)).collect::<Vec<_>>()
        };
        assert_eq!(state(vec![built.clone()]), [("slowapi".to_owned(), "idle".to_owned(), 3)]);
        assert_eq!(state(vec![built, acts.clone()]), [("slowapi".to_owned(), "acting".to_owned(), 3)]);
        assert_eq!(state(vec![acts]), []);
    }
}
