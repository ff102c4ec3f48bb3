//! Looking at somebody's project and proposing a configuration for it.
//!
//! What is promised: nothing of the project is run; every proposed line names the place it was
//! read from; what the owner of the file wrote stays byte for byte; access stays closed where
//! nobody said why it may be open. What is not: a complete list of routes. Source is read, not
//! understood, and whatever cannot be read for sure (a prefix that is computed, an address from a
//! setting) is left out or marked, never guessed. A route that was not seen is closed by
//! `[routes] default`, so a miss costs a 401 and never opens anything.

mod declared;
mod diff;
mod document;
mod found;
mod go;
mod mounts;
mod node;
mod others;
mod present;
mod proposal;
mod python;
mod rust;
mod site;
mod source;
mod tree;
mod words;

pub use diff::unified;
pub use document::merge;
pub use found::{Service, clean};
pub use present::{Adoption, head, plain, value};
pub use proposal::{Host, propose};
pub use tree::Tree;

/// What is looked for, for whoever has something else.
pub const KNOWN: &str = "FastAPI, Starlette, Flask, Quart and Django (Python); Express, Fastify, Koa, Hapi, Nest, Next and Hono (package.json with a start \
script or a file that listens); Go programs that listen (net/http, Gin, Echo, Fiber, chi); axum, actix-web, Rocket, warp and poem (Cargo.toml); Rack and \
Rails (config.ru); Spring Boot; folders with an index.html, MkDocs, Hugo, Jekyll, Vite";

/// What was recognised.
pub enum Recognised {
    /// Nothing.
    Nothing,
    /// One service, and places of others that were passed over.
    One(Box<Service>, Vec<String>),
    /// Services in several folders: the caller has to choose.
    Several(Vec<Service>),
}

/// Decides what the project is.
pub fn recognise(tree: &Tree) -> Recognised {
    let mut found: Vec<Service> = [python::recognise, node::recognise, go::recognise, rust::recognise, others::recognise]
        .iter()
        .flat_map(|look| look(tree))
        .collect();
    if found.is_empty() {
        found = site::recognise(tree);
    }
    found.sort_by(|one, other| (other.score, &one.folder).cmp(&(one.score, &other.folder)));
    // Of one folder the likeliest; programs of one Go module are services of their own.
    let mut best: Vec<Service> = Vec::new();
    let mut passed = Vec::new();
    for service in found {
        let place = service.start.evidence.first().map(found::Evidence::place).unwrap_or_default();
        let same = |other: &Service| other.root == service.root && (!service.is_go() || !other.is_go() || other.folder == service.folder);
        if best.iter().any(same) {
            passed.push(format!("{} ({place})", service.framework));
        } else {
            best.push(service);
        }
    }
    // What lies at the top is what the caller named; what lies below it may still be passed over.
    if let Some(top) = best
        .iter()
        .position(|service| service.root.is_empty() && service.folder.is_empty())
        .filter(|_| best.iter().filter(|service| service.root.is_empty()).count() == 1)
    {
        let top = best.remove(top);
        passed.extend(best.iter().map(|service| format!("{} in {}", service.framework, service.place())));
        return Recognised::One(Box::new(top), passed);
    }
    match best.len() {
        0 => Recognised::Nothing,
        1 => Recognised::One(Box::new(best.remove(0)), passed),
        _ => {
            best.sort_by(|one, other| one.place().cmp(other.place()));
            Recognised::Several(best)
        }
    }
}

impl Service {
    fn is_go(&self) -> bool {
        self.name.as_ref().is_some_and(|(_, evidence)| evidence.file.ends_with("go.mod"))
            || self.start.before.first().is_some_and(|first| first.starts_with("go build"))
    }
    /// The folder to name for this service alone.
    pub fn place(&self) -> &str {
        if self.is_go() && !self.folder.is_empty() { &self.folder } else { &self.root }
    }
}

/// `<id>` and `<rest..>` of Rocket in the form of the host.
fn angled(path: &str) -> String {
    path.split('/')
        .map(|part| match part.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')) {
            Some(inner) if inner.ends_with("..") => format!("{{*{}}}", inner.trim_end_matches("..")),
            Some(inner) => format!("{{{inner}}}"),
            None => part.to_owned(),
        })
        .collect::<Vec<_>>()
        .join("/")
}
