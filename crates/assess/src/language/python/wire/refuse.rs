//! With which statuses a route refuses: 404 for what is not there, 409 for what exists already.

use std::collections::BTreeSet;

use super::super::link::Linked;
use crate::{
    fact::{Fact, Kind},
    wiring::Place,
};

/// How many definitions are looked at for one route.
const MOST: usize = 60;

/// The statuses from 400 to 499 that a handler, what stands before it and what it calls answer with.
pub(super) fn refusals(linked: &Linked<'_>, handler: Place, guards: &[String]) -> BTreeSet<String> {
    let mut places = vec![(handler, 0)];
    places.extend(guards.iter().filter_map(|guard| linked.place(guard)).map(|place| (place, 1)));
    let (mut found, mut next) = (BTreeSet::new(), 0);
    while let Some((place, depth)) = places.get(next).copied().filter(|_| next < MOST) {
        next += 1;
        for (file, fact) in linked.inside(place) {
            if fact.kind == Kind::Call && depth == 0 {
                let called = linked.place(&linked.called(file, &fact.name));
                places.extend(called.filter(|to| !places.iter().any(|(seen, _)| seen == to)).map(|to| (to, 1)));
            }
            found.extend(refusal(linked, file, fact));
        }
    }
    found
}

/// The status by which one statement refuses.
fn refusal(linked: &Linked<'_>, file: usize, fact: &Fact) -> Option<String> {
    let status = |fact: &Fact| {
        let given = fact.attrs.iter().filter(|(key, _)| matches!(key.as_str(), "status_code" | "status" | "code" | "0" | "1"));
        given.map(|(_, value)| value).find(|value| value.len() == 3 && value.starts_with('4') && value.parse::<u16>().is_ok()).cloned()
    };
    let last = fact.name.rsplit('.').next().unwrap_or("").to_lowercase();
    match fact.kind {
        Kind::Raise => {
            let made = || linked.made(&linked.canonical(file, &fact.name)).and_then(status);
            let named = || match last.replace('_', "") {
                name if ["notfound", "doesnotexist", "http404"].iter().any(|word| name.contains(word)) => Some("404".to_owned()),
                name if name.contains("conflict") || name.contains("alreadyexist") || name.contains("duplicate") => Some("409".to_owned()),
                _ => None,
            };
            status(fact).or_else(made).or_else(named)
        }
        Kind::Call if last.ends_with("or_404") => Some("404".to_owned()),
        Kind::Call if last == "abort" || last.ends_with("response") || last == "jsonify" || last == "make_response" => status(fact),
        _ => None,
    }
}
