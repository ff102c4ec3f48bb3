//! The rules together with one description, and what follows from both.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, RwLock},
};

use super::description::{Description, kept};
use crate::{
    route::{Route, RouteClass, Table},
    upstream::{
        access::{Demands, Rulebook, Rules},
        mount::Mount,
    },
};

/// Paths of the host's own that a description may claim without a word in the configuration.
const GIVEN_UP: [&str; 3] = ["/health", "/healthz", "/ready"];

/// What makes two requests ones of the same route: template and operation by their addresses, the
/// class, what is demanded.
pub(super) type Judgement = (usize, RouteClass, Demands, Option<usize>);

/// The rules together with one description, and the routes made from both.
pub(super) struct Book {
    pub(super) rulebook: Rulebook,
    pub(super) yields: HashSet<String>,
    pub(super) collisions: Vec<String>,
    pub(super) rest: &'static str,
    pub(super) routes: RwLock<HashMap<Judgement, Arc<Route>>>,
}

impl Book {
    pub(super) fn new(
        mount: &Arc<Mount>,
        rules: Arc<Rules>,
        description: Option<&Description>,
        own: &Table,
        given: &dyn Fn(&str) -> bool,
    ) -> Book {
        let mut book = Book {
            rulebook: Rulebook::new(rules, description),
            yields: HashSet::new(),
            collisions: Vec::new(),
            rest: kept(&format!("{}/{{*path}}", mount.prefix)),
            routes: RwLock::default(),
        };
        let templates: HashSet<&'static str> = book.rulebook.operations().iter().map(|operation| operation.template).collect();
        let mut templates: Vec<&'static str> = templates.into_iter().collect();
        templates.sort_unstable();
        for template in templates {
            // A value in the host's template is met by a value in the service's.
            let sample: String =
                template.split('/').map(|part| if part.contains('{') { "value" } else { part }).collect::<Vec<_>>().join("/");
            if own.allow(&sample).is_none() || given(template) {
                continue;
            }
            if GIVEN_UP.contains(&template) {
                book.yields.insert(template.to_owned());
            } else {
                book.collisions.push(format!(
                    "the service describes `{template}`, which the host answers itself; to let the service answer, write `yields = [\"{template}\"]` into `[service]`"
                ));
            }
        }
        book
    }
}
