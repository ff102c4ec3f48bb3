//! How a system declares its routes.

use std::{
    borrow::Cow,
    future::Future,
    sync::{Arc, OnceLock},
    time::Duration,
};

use http::Method;
use plimsoll_core::{Access, Code, Result};
use plimsoll_store::Pace;
use schemars::SchemaGenerator;
use serde_json::Value;

use super::{
    Answer, Input,
    call::Call,
    input::Incoming,
    table::{Parameter, Route, RouteClass, RouteDoc},
};
use crate::{
    ctx::{Ctx, Mode, Read, Write},
    reach::closes,
    shape::Shape,
};

/// Where routes are declared: `r.get("/songs", READ, list)`.
pub struct Routes<'w, S> {
    wiring: &'w mut Wiring,
    system: &'static str,
    prefix: &'static str,
    slot: Arc<OnceLock<Arc<S>>>,
}

/// What all systems together declare.
pub struct Wiring {
    /// The routes so far.
    pub routes: Vec<Route>,
    /// Schemas of typed answers, shared by name.
    pub schemas: SchemaGenerator,
}

impl Default for Wiring {
    fn default() -> Wiring {
        // Schemas of what leaves: a field that may be left out is not required.
        let schemas = schemars::generate::SchemaSettings::draft2020_12().for_serialize().into_generator();
        Wiring { routes: Vec::new(), schemas }
    }
}

impl<'w, S: Send + Sync + 'static> Routes<'w, S> {
    /// Routes of `system` below `prefix` (`/v1`, or empty); `slot` receives the system when it has started.
    pub fn new(wiring: &'w mut Wiring, system: &'static str, prefix: &'static str, slot: Arc<OnceLock<Arc<S>>>) -> Self {
        Routes { wiring, system, prefix, slot }
    }

    /// A read.
    pub fn get<I: Input, O: Answer<Read>, F: Future<Output = Result<O>> + Send + 'static>(
        &mut self,
        path: &str,
        access: Access,
        handler: impl Fn(Ctx<S, Read>, I) -> F + Send + Sync + 'static,
    ) -> RouteMut<'_> {
        self.add(Method::GET, path, access, handler)
    }
    /// A POST that reads: a search, a question, a login's first half.
    pub fn ask<I: Input, O: Answer<Read>, F: Future<Output = Result<O>> + Send + 'static>(
        &mut self,
        path: &str,
        access: Access,
        handler: impl Fn(Ctx<S, Read>, I) -> F + Send + Sync + 'static,
    ) -> RouteMut<'_> {
        self.add(Method::POST, path, access, handler)
    }
    /// A change: usually a new thing.
    pub fn post<I: Input, O: Answer<Write>, F: Future<Output = Result<O>> + Send + 'static>(
        &mut self,
        path: &str,
        access: Access,
        handler: impl Fn(Ctx<S, Write>, I) -> F + Send + Sync + 'static,
    ) -> RouteMut<'_> {
        self.add(Method::POST, path, access, handler)
    }
    /// A change: the whole thing anew.
    pub fn put<I: Input, O: Answer<Write>, F: Future<Output = Result<O>> + Send + 'static>(
        &mut self,
        path: &str,
        access: Access,
        handler: impl Fn(Ctx<S, Write>, I) -> F + Send + Sync + 'static,
    ) -> RouteMut<'_> {
        self.add(Method::PUT, path, access, handler)
    }
    /// A change: some fields.
    pub fn patch<I: Input, O: Answer<Write>, F: Future<Output = Result<O>> + Send + 'static>(
        &mut self,
        path: &str,
        access: Access,
        handler: impl Fn(Ctx<S, Write>, I) -> F + Send + Sync + 'static,
    ) -> RouteMut<'_> {
        self.add(Method::PATCH, path, access, handler)
    }
    /// A change: gone.
    pub fn delete<I: Input, O: Answer<Write>, F: Future<Output = Result<O>> + Send + 'static>(
        &mut self,
        path: &str,
        access: Access,
        handler: impl Fn(Ctx<S, Write>, I) -> F + Send + Sync + 'static,
    ) -> RouteMut<'_> {
        self.add(Method::DELETE, path, access, handler)
    }

    fn add<M: Mode, I: Input, O: Answer<M>, F: Future<Output = Result<O>> + Send + 'static>(
        &mut self,
        method: Method,
        path: &str,
        access: Access,
        handler: impl Fn(Ctx<S, M>, I) -> F + Send + Sync + 'static,
    ) -> RouteMut<'_> {
        // Routes are declared once per process and live as long as it does.
        let template: &'static str = String::leak(format!("{}{path}", self.prefix));
        let mut doc = RouteDoc::default();
        I::describe(&mut doc, &mut self.wiring.schemas, template);
        let (status, schema) = O::describe(&mut self.wiring.schemas);
        doc.responses.push((status, schema.map(|schema| ("application/json", schema))));
        let body = doc.request.as_ref().map(|(_, schema)| Shape::compile(schema));
        let slot = self.slot.clone();
        let erased = move |call: Call| -> Result<crate::stack::Boxed<'static, Result<http::Response<crate::Body>>>> {
            let system = slot.get().cloned().ok_or_else(|| Code::Internal.because("the system has not started"))?;
            let incoming = Incoming {
                parts: &call.parts,
                parameters: &call.parameters,
                body: &call.body,
                shape: call.route.body.as_ref(),
                typed: call.host.holds("input-validation"),
            };
            let input = I::parse(&incoming)?;
            let turned_away = closes(&call.route).then(|| call.who.clone().map(|who| (call.host.clone(), who))).flatten();
            let running = handler(Ctx::new(system, call), input);
            Ok(Box::pin(async move {
                if let Some((host, who)) = turned_away {
                    host.unbound(&who).await?;
                }
                running.await?.answer()
            }))
        };
        let operation = format!("{}.{}", path.trim_matches('/').replace(['/', '{', '}'], "_"), method.as_str().to_lowercase());
        self.wiring.routes.push(Route {
            class: if M::WRITES { RouteClass::Write } else { RouteClass::Read },
            reads_body: I::BODY,
            deferrable: false,
            bound_too: false,
            mount: None,
            method,
            template,
            system: self.system,
            operation: operation.into(),
            access,
            besides: Vec::new(),
            described: None,
            body_limit: None,
            time_limit: None,
            page: false,
            deprecated: None,
            doc,
            pace: Pace::new(),
            body,
            handler: Box::new(erased),
        });
        self.latest()
    }

    /// A page for people who are signed in, made on the server, at this very path.
    pub fn view<I: Input, F: Future<Output = Result<http::Response<crate::Body>>> + Send + 'static>(
        &mut self,
        path: &str,
        access: Access,
        handler: impl Fn(Ctx<S, Read>, I) -> F + Send + Sync + 'static,
    ) -> RouteMut<'_> {
        let prefix = std::mem::take(&mut self.prefix);
        self.get(path, access, handler);
        self.prefix = prefix;
        self.latest().hidden().document()
    }

    /// What a form on such a page sends.
    pub fn act<I: Input, F: Future<Output = Result<crate::Committed<http::Response<crate::Body>>>> + Send + 'static>(
        &mut self,
        path: &str,
        access: Access,
        handler: impl Fn(Ctx<S, Write>, I) -> F + Send + Sync + 'static,
    ) -> RouteMut<'_> {
        let prefix = std::mem::take(&mut self.prefix);
        self.post(path, access, handler);
        self.prefix = prefix;
        self.latest().hidden().document()
    }

    fn latest(&mut self) -> RouteMut<'_> {
        let last = self.wiring.routes.len() - 1;
        RouteMut { route: &mut self.wiring.routes[last] }
    }

    /// A file for people: a page or one of its assets, compiled in, open to anyone.
    pub fn page(&mut self, path: &'static str, media: &'static str, bytes: &'static [u8]) {
        let prefix = std::mem::take(&mut self.prefix);
        let because = "a page or an asset: it holds no data of any tenant";
        let route = self.get(path, Access::public(because), move |_: Ctx<S, Read>, (): ()| async move {
            let mut answer = http::Response::new(crate::Body::from(bytes::Bytes::from_static(bytes)));
            answer.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static(media));
            answer.headers_mut().insert(http::header::CACHE_CONTROL, http::HeaderValue::from_static("no-cache"));
            Ok(answer)
        });
        let route = route.hidden().class(RouteClass::Page);
        route.route.page = true;
        self.prefix = prefix;
    }
}

/// A route just declared; says what its types do not.
pub struct RouteMut<'r> {
    route: &'r mut Route,
}

impl RouteMut<'_> {
    /// The operation's name in the API description and its default action in the ledger.
    pub fn named(self, operation: impl Into<Cow<'static, str>>) -> Self {
        self.route.operation = operation.into();
        self
    }
    /// One line for the API description.
    pub fn summary(self, text: impl Into<Cow<'static, str>>) -> Self {
        self.route.doc.summary = text.into();
        self
    }
    /// A paragraph for the API description.
    pub fn describe(self, text: impl Into<Cow<'static, str>>) -> Self {
        self.route.doc.description = Some(text.into());
        self
    }
    /// An example body: for the description, the smoke test and the prober.
    pub fn example(self, body: Value) -> Self {
        self.route.doc.example = Some(body);
        self
    }
    /// A parameter that the input type does not describe.
    pub fn parameter(self, parameter: Parameter) -> Self {
        self.route.doc.parameters.push(parameter);
        self
    }
    /// The schema of the body, for [`super::Document`] inputs: checked and described.
    pub fn body(self, media: &'static str, schema: Value) -> Self {
        self.route.body = Some(Shape::compile(&schema));
        self.route.doc.request = Some((media, schema));
        self
    }
    /// The body's schema as callers should read it, where the route itself checks less at first.
    pub fn documented(self, schema: Value) -> Self {
        if let Some((_, known)) = &mut self.route.doc.request {
            *known = schema;
        }
        self
    }
    /// Several parameters at once.
    pub fn parameters(self, parameters: Vec<Parameter>) -> Self {
        self.route.doc.parameters.extend(parameters);
        self
    }
    /// The schema of a successful answer, replacing what the type says.
    pub fn answers(self, status: u16, schema: Option<Value>) -> Self {
        self.route.doc.responses.retain(|(known, described)| *known != status && described.is_some());
        self.route.doc.responses.push((status, schema.map(|schema| ("application/json", schema))));
        self
    }
    /// A problem this route may answer with, besides those every route may.
    pub fn problem(self, code: Code) -> Self {
        self.route.doc.problems.push(code);
        self
    }
    /// A caller may prefer that this is done later: `Prefer: respond-async` is then answered 202 with
    /// the address of a job.
    pub fn deferrable(self) -> Self {
        self.route.deferrable = true;
        self.parameter(Parameter {
            name: "Prefer".into(),
            place: "header",
            required: false,
            description: "`respond-async`: do not wait; 202 with the address of a job.".into(),
            schema: serde_json::json!({ "type": "string", "maxLength": 200 }),
        })
    }
    /// The class of limits it draws on.
    pub fn class(self, class: RouteClass) -> Self {
        self.route.class = class;
        self
    }
    /// The largest body in bytes.
    pub fn body_limit(self, bytes: usize) -> Self {
        self.route.body_limit = Some(bytes);
        self
    }
    /// The longest time for its handler.
    pub fn time_limit(self, limit: Duration) -> Self {
        self.route.time_limit = Some(limit);
        self
    }
    /// A document for people: plain HTTP is redirected, the content policy is a page's.
    pub fn document(self) -> Self {
        self.route.page = true;
        self
    }
    /// On its way out: see [`super::Deprecation::new`].
    ///
    /// # Panics
    /// When the days are none: a mistake of the author, found by the first test that declares the routes.
    pub fn deprecated(self, since: &str, sunset: &str, instead: &str) -> Self {
        self.route.deprecated =
            Some(super::Deprecation::new(since, sunset, instead).unwrap_or_else(|error| panic!("{}: {error}", self.route.template)));
        self
    }
    /// Each read leaves an entry in the ledger ([`crate::Ctx::seen`]); says so in the description.
    pub fn recorded(self) -> Self {
        self.route.doc.recorded = true;
        self
    }
    pub(crate) fn recorded_if(self, recorded: bool) -> Self {
        if recorded { self.recorded() } else { self }
    }
    /// A route of the host that members may ask who are bound to a part of the tenant: it tells of nothing else.
    pub(crate) fn bound_too(self) -> Self {
        self.route.bound_too = true;
        self
    }
    /// Not in the API description.
    pub fn hidden(self) -> Self {
        self.route.doc.hidden = true;
        self
    }
}
