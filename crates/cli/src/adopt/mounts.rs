//! Which router is mounted where.
//!
//! A route is declared on a router, the router is mounted under a prefix, perhaps in another file,
//! perhaps on a further router. The whole path of a route is known only when every step is.

use std::collections::BTreeMap;

/// A router: the file (or module) that declares it, and its name there.
pub type Router = (String, String);

/// Most steps from a route up to the application: a circle ends here.
const STEPS: usize = 6;

/// The routers of a service.
#[derive(Default)]
pub struct Mounts {
    own: BTreeMap<Router, Option<String>>,
    apps: Vec<Router>,
    mounted: Vec<(Router, Router, Option<String>)>,
}

impl Mounts {
    /// The application itself.
    pub fn app(&mut self, router: Router) {
        self.apps.push(router);
    }

    /// A router with a prefix of its own; nothing when the prefix cannot be read.
    pub fn router(&mut self, router: Router, prefix: Option<String>) {
        self.own.insert(router, prefix);
    }

    /// `child` hangs below `parent`; nothing when the prefix cannot be read.
    pub fn mount(&mut self, child: Router, parent: Router, prefix: Option<String>) {
        self.mounted.push((child, parent, prefix));
    }

    /// How many are mounted.
    pub fn len(&self) -> usize {
        self.mounted.len()
    }

    /// Whether routes can be declared on it.
    pub fn knows(&self, router: &Router) -> bool {
        self.own.contains_key(router) || self.apps.contains(router)
    }

    /// The prefix of the routes that are declared on the router, and whether all of it is known.
    pub fn prefix(&self, router: &Router) -> (String, bool) {
        self.climb(router, 0)
    }

    fn climb(&self, router: &Router, step: usize) -> (String, bool) {
        if self.apps.contains(router) {
            return (String::new(), true);
        }
        let own = self.own.get(router).cloned().unwrap_or_default();
        let known = self.own.get(router).is_none_or(Option::is_some);
        let own = own.unwrap_or_default();
        let Some((_, parent, prefix)) = self.mounted.iter().find(|(child, ..)| child == router).filter(|_| step < STEPS) else {
            return (own, false);
        };
        let (above, certain) = self.climb(parent, step + 1);
        let path = [above.trim_end_matches('/'), prefix.as_deref().unwrap_or("").trim_end_matches('/'), own.trim_end_matches('/')].concat();
        (path, certain && known && prefix.is_some())
    }
}
