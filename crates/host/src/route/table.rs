//! The table of routes and how a request finds its own.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc, time::Duration};

use http::Method;
use plimsoll_core::{Access, Code, Error, Result};
use plimsoll_store::Pace;
use serde_json::Value;

use super::call::Handler;
use crate::{shape::Shape, upstream::mount::Mount};

/// What kind of work a route does; limits, bulkheads and time budgets are set per class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RouteClass {
    /// Reads.
    Read,
    /// Changes state.
    Write,
    /// Tries credentials.
    Auth,
    /// Pages, descriptions and their assets.
    Page,
}

impl RouteClass {
    /// Every class.
    pub const ALL: [RouteClass; 4] = [RouteClass::Read, RouteClass::Write, RouteClass::Auth, RouteClass::Page];
    /// The name in configuration, metrics and headers.
    pub const fn name(self) -> &'static str {
        match self {
            RouteClass::Read => "read",
            RouteClass::Write => "write",
            RouteClass::Auth => "auth",
            RouteClass::Page => "page",
        }
    }
}

/// One operation.
pub struct Route {
    /// Whether a caller may prefer that it is done later (`Prefer: respond-async`).
    pub deferrable: bool,
    /// GET, POST, …
    pub method: Method,
    /// `/v1/songs/{id}`.
    pub template: &'static str,
    /// The system that declared it, or `host`.
    pub system: &'static str,
    /// The name in the API description and the default action in the ledger (`songs.create`).
    pub operation: Cow<'static, str>,
    /// Who may call it.
    pub access: Access,
    /// What a caller has to satisfy besides: a mounted path that can be read in several ways.
    pub besides: Vec<Access>,
    /// The described operation of a mounted service.
    pub described: Option<Arc<crate::upstream::contract::description::Operation>>,
    /// Which limits it draws on.
    pub class: RouteClass,
    /// Largest body in bytes, where it differs from the configured one.
    pub body_limit: Option<usize>,
    /// Longest time for the handler, where it differs from the configured one.
    pub time_limit: Option<Duration>,
    /// A document for people (a page or an asset), not an API call: HTTPS policy redirects it.
    pub page: bool,
    /// Whether, since when and until when it is on its way out.
    pub deprecated: Option<super::Deprecation>,
    /// For the API description.
    pub doc: RouteDoc,
    /// How long its reads take.
    pub pace: Pace,
    /// The body's compiled schema, when it has one.
    pub body: Option<Shape>,
    /// Whether the handler wants the body.
    pub(super) reads_body: bool,
    /// Whether a route of the host is open to members who are bound to a part of the tenant.
    pub(crate) bound_too: bool,
    /// The foreign service that answers, for routes without a handler of ours.
    pub mount: Option<Arc<Mount>>,
    pub(super) handler: Handler,
}

impl Route {
    /// What a kind of job is to its context: an operation with a pace, and nothing that can be called.
    pub(crate) fn job(system: &'static str, kind: &'static str) -> Route {
        Route {
            method: Method::POST,
            template: kind,
            system,
            operation: kind.into(),
            access: Access::Nobody,
            besides: Vec::new(),
            described: None,
            class: RouteClass::Write,
            body_limit: None,
            time_limit: None,
            page: false,
            deprecated: None,
            doc: RouteDoc { hidden: true, ..RouteDoc::default() },
            pace: Pace::new(),
            body: None,
            reads_body: false,
            deferrable: false,
            bound_too: false,
            mount: None,
            handler: Box::new(|_| Err(Code::Internal.because("a job is no request"))),
        }
    }

    /// A route to a mounted service: any method of its class, any path below `template`.
    pub fn mounted(mount: Arc<Mount>, template: &'static str, access: Access, class: RouteClass) -> Route {
        Route {
            method: if class == RouteClass::Read { Method::GET } else { Method::POST },
            template,
            system: mount.name,
            operation: format!("{}.{}", mount.name, class.name()).into(),
            access,
            besides: Vec::new(),
            described: None,
            class,
            body_limit: Some(mount.body_limit),
            time_limit: Some(mount.answer_timeout),
            page: false,
            deprecated: None,
            doc: RouteDoc { hidden: true, ..RouteDoc::default() },
            pace: Pace::new(),
            body: None,
            deferrable: false,
            bound_too: false,
            reads_body: false,
            mount: Some(mount),
            handler: Box::new(|_| Err(Code::Internal.because("a mounted service has no handler here"))),
        }
    }
}

/// What the API description says about a route, besides what the types say.
#[derive(Default)]
pub struct RouteDoc {
    /// One line.
    pub summary: Cow<'static, str>,
    /// A paragraph, where one is needed.
    pub description: Option<Cow<'static, str>>,
    /// Parameters in path, query and header.
    pub parameters: Vec<Parameter>,
    /// Media type and schema of the request body.
    pub request: Option<(&'static str, Value)>,
    /// Whether the body may be left out.
    pub bodiless: bool,
    /// An example body; also used by probes and smoke tests.
    pub example: Option<Value>,
    /// Status, media type and schema of each successful answer; no schema means no body.
    pub responses: Vec<(u16, Option<(&'static str, Value)>)>,
    /// Problems this route may answer with besides those every route may.
    pub problems: Vec<Code>,
    /// Left out of the API description (pages and assets).
    pub hidden: bool,
    /// What it hands out is about persons, and each time is put on record.
    pub recorded: bool,
}

/// One parameter.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// Its name.
    pub name: Cow<'static, str>,
    /// `path`, `query` or `header`.
    pub place: &'static str,
    /// Whether the call fails without it.
    pub required: bool,
    /// What it means.
    pub description: Cow<'static, str>,
    /// Its schema.
    pub schema: Value,
}

/// A route found for a request, with the values from its path.
#[derive(Clone)]
pub struct Matched {
    /// The route.
    pub route: Arc<Route>,
    /// Names and percent-decoded values, in order of the template.
    pub parameters: Vec<(&'static str, String)>,
}

/// All routes.
#[derive(Default)]
pub struct Table {
    paths: matchit::Router<Vec<Arc<Route>>>,
    all: Vec<Arc<Route>>,
}

impl Table {
    /// Builds the table; two routes for one method and path, or a malformed template, are refused.
    pub fn build(routes: Vec<Route>) -> Result<Table> {
        let mut grouped: BTreeMap<&'static str, Vec<Arc<Route>>> = BTreeMap::new();
        let mut all = Vec::new();
        for route in routes {
            let route = Arc::new(route);
            let group = grouped.entry(route.template).or_default();
            if let Some(other) = group.iter().find(|other| other.method == route.method) {
                return Err(Code::ConfigInvalid.because(format!(
                    "two systems claim {} {}: `{}` and `{}`; rename the noun in one of them",
                    route.method, route.template, other.system, route.system
                )));
            }
            group.push(route.clone());
            all.push(route);
        }
        let mut paths = matchit::Router::new();
        for (template, group) in grouped {
            let system = group[0].system;
            paths.insert(template, group).map_err(|error| {
                Code::ConfigInvalid.because(format!("the path {template} of `{system}` cannot be served beside the others: {error}"))
            })?;
        }
        Ok(Table { paths, all })
    }

    /// Every route, in order of registration.
    pub fn all(&self) -> &[Arc<Route>] {
        &self.all
    }

    /// The route for a request; HEAD finds GET.
    ///
    /// # Errors
    /// `NotFound`, or `MethodNotAllowed` with the allowed methods as its reason's public sentence.
    pub fn find(&self, method: &Method, path: &str) -> Result<Matched, (Error, Option<String>)> {
        let nothing = || (Code::NotFound.because("there is nothing at this address; /openapi.json lists what there is"), None);
        let found = self.paths.at(path).map_err(|_| nothing())?;
        let wanted = if method == Method::HEAD { &Method::GET } else { method };
        let Some(route) = found.value.iter().find(|route| route.method == *wanted) else {
            let allow = allowed(found.value);
            return Err((Code::MethodNotAllowed.because(format!("this address answers {allow}")), Some(allow)));
        };
        let names = names(route.template);
        let mut parameters = Vec::with_capacity(names.len());
        for name in names {
            let raw = found.params.get(name).unwrap_or_default();
            let value = decode(raw).ok_or_else(nothing)?;
            parameters.push((name, value));
        }
        Ok(Matched { route: route.clone(), parameters })
    }

    /// The methods that `path` answers, for `Allow`.
    pub fn allow(&self, path: &str) -> Option<String> {
        self.paths.at(path).ok().map(|found| allowed(found.value))
    }
}

fn allowed(routes: &[Arc<Route>]) -> String {
    let mut methods: Vec<&str> = routes.iter().map(|route| route.method.as_str()).collect();
    if methods.contains(&"GET") {
        methods.push("HEAD");
    }
    methods.push("OPTIONS");
    methods.sort_unstable();
    methods.join(", ")
}

/// The parameter names in a template, in order.
fn names(template: &'static str) -> impl ExactSizeIterator<Item = &'static str> {
    let found: Vec<&'static str> =
        template.split('{').skip(1).filter_map(|part| part.split('}').next()).map(|name| name.trim_start_matches('*')).collect();
    found.into_iter()
}

/// Percent-decodes one path segment; `None` for broken escapes, broken UTF-8 and NUL.
pub(crate) fn decode(raw: &str) -> Option<String> {
    if !raw.contains('%') {
        return Some(raw.to_owned());
    }
    let mut out = Vec::with_capacity(raw.len());
    let mut bytes = raw.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| (byte? as char).to_digit(16);
        out.push((digit(bytes.next())? * 16 + digit(bytes.next())?) as u8);
    }
    String::from_utf8(out).ok().filter(|text| !text.contains('\0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_segments_are_decoded_strictly() {
        assert_eq!(decode("a%20b%C3%A4").as_deref(), Some("a bä"));
        for broken in ["%", "%2", "%zz", "%ff", "%00", "%+1"] {
            assert_eq!(decode(broken), None, "{broken}");
        }
    }
}
