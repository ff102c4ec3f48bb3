//! What is registered on apps and routers: routes, routers, middleware, handlers of failures, hooks.

use super::{
    super::{link::Linked, name::join},
    as_kind,
    before::verdict,
    object::{Draft, Mount, Objects, prefixed},
};
use crate::{
    fact::{Fact, Kind},
    wiring::{Place, Wired},
};

const VERBS: &[&str] = &["get", "post", "put", "patch", "delete", "head", "options", "trace", "websocket"];

/// Hooks of Flask that run before each request.
const BEFORE: &[&str] = &["before_request", "before_app_request", "url_value_preprocessor", "on_request"];
const AFTER: &[&str] = &["after_request", "after_app_request", "teardown_request", "on_response"];

/// Functions that take an app and are no part of it.
const RUNNERS: &[&str] = &[
    "run",
    "TestClient",
    "Config",
    "AsyncClient",
    "ASGITransport",
    "test_client",
    "isinstance",
    "print",
    "getattr",
    "hasattr",
    "Server",
    "serve",
    "Mangum",
    "Migrate",
    "SQLAlchemy",
    "str",
    "len",
    "id",
    "super",
    "Api",
    "Blueprint",
];

impl Objects {
    /// Reads all registrations.
    pub fn register(&mut self, linked: &Linked<'_>, wired: &mut Wired) {
        for number in 0..self.all.len() {
            self.made(linked, number, wired);
        }
        for (number, file) in linked.files.iter().enumerate() {
            for (count, fact) in file.extract.facts.iter().enumerate() {
                match fact.kind {
                    Kind::Decorator => self.decorated(linked, (number, count), fact, wired),
                    Kind::Call => self.called(linked, (number, count), fact, wired),
                    _ => {}
                }
            }
        }
    }

    /// The app itself, with what its constructor is given.
    fn made(&mut self, linked: &Linked<'_>, number: usize, wired: &mut Wired) {
        let Some(object) = self.all.get(number) else { return };
        let (file, place, framework, app) = (object.file, object.place, object.framework, object.app);
        let Some(fact) = linked.files.get(file).and_then(|this| this.extract.facts.get(object.fact)) else { return };
        if !app {
            return;
        }
        let mut made = as_kind(fact, Kind::App, framework, place).with("var", object.var.clone());
        made.attrs.extend(fact.attrs.iter().filter(|(name, _)| name != "result" && name != "receiver").cloned());
        wired.facts.push(made);
        wired.roots.push(place);
        if let Some(lifespan) = fact.get("lifespan") {
            self.lifespan(linked, file, fact, lifespan, place, wired);
        }
        for key in ["on_startup", "on_shutdown", "before_startup"] {
            if let Some(list) = fact.get(key) {
                let name = if key.contains("shutdown") { "shutdown" } else { "startup" };
                for item in list.trim_matches(['[', ']', '(', ')']).split(',').filter(|item| !item.is_empty()) {
                    let handler = linked.canonical(file, item);
                    wired.leads.extend(linked.place(&handler).map(|to| (place, to)));
                    wired.facts.push(as_kind(fact, Kind::Hook, name, place).with("handler", handler));
                }
            }
        }
        // `middleware=[Middleware(X, a=1), ...]` stands as calls inside of the constructor's own lines.
        let inside = linked
            .inside(place)
            .filter(|(_, inner)| inner.line >= fact.line && inner.end <= fact.end && inner.name.ends_with("middleware.Middleware"));
        for (order, (_, inner)) in inside.collect::<Vec<_>>().into_iter().enumerate() {
            self.middleware(linked, file, inner, number, inner.get("0").unwrap_or("?"), order, wired);
        }
    }

    fn lifespan(&self, linked: &Linked<'_>, file: usize, fact: &Fact, name: &str, place: Place, wired: &mut Wired) {
        let handler = linked.canonical(file, name);
        let to =
            linked.place(&handler).or_else(|| linked.place(&join(linked.files.get(file).map_or("", |this| this.module.as_str()), name)));
        wired.leads.extend(to.map(|to| (place, to)));
        for hook in ["startup", "shutdown"] {
            wired.facts.push(as_kind(fact, Kind::Hook, hook, to.unwrap_or(place)).with("handler", handler.clone()).with("via", "lifespan"));
        }
    }

    #[allow(clippy::too_many_arguments)] // What is registered, where, and on what: all of it stands in the fact.
    fn middleware(&mut self, linked: &Linked<'_>, file: usize, fact: &Fact, number: usize, name: &str, order: usize, wired: &mut Wired) {
        let name = linked.typed(file, name.split('(').next().unwrap_or(name));
        let Some(object) = self.all.get_mut(number) else { return };
        let place = Place { file: linked.files.get(file).map_or(object.place.file, |this| this.id), symbol: fact.symbol };
        let mut found = as_kind(fact, Kind::Middleware, name.clone(), place)
            .with("scope", if object.app { "app" } else { "router" })
            .with("order", order.to_string());
        found
            .attrs
            .extend(fact.attrs.iter().filter(|(key, _)| !matches!(key.as_str(), "0" | "receiver" | "result" | "on" | "on_kind")).cloned());
        let judged = verdict(linked, &name);
        found.attrs.extend(judged.rejects.iter().map(|code| ("rejects".to_owned(), code.clone())));
        if let Some(to) = linked.place(&name) {
            wired.leads.push((place, to));
            wired.leads.extend(
                linked
                    .methods(to)
                    .into_iter()
                    .filter(|(method, _)| matches!(*method, "__init__" | "__call__" | "dispatch" | "process_request" | "process_response"))
                    .map(|(_, method)| (place, method)),
            );
        }
        if !object.middle.contains(&name) && fact.guard.is_none() {
            object.middle.push(name);
        }
        wired.facts.push(found);
    }

    /// `@app.get("/x")`, `@app.middleware("http")`, `@app.exception_handler(X)`, `@app.on_event("startup")`, `@app.before_request`.
    fn decorated(&mut self, linked: &Linked<'_>, at: (usize, usize), fact: &Fact, wired: &mut Wired) {
        let Some(receiver) = fact.get("receiver") else { return };
        let last = fact.name.rsplit('.').next().unwrap_or("");
        let known = VERBS.contains(&last)
            || matches!(
                last,
                "route"
                    | "api_route"
                    | "middleware"
                    | "exception_handler"
                    | "on_event"
                    | "errorhandler"
                    | "app_errorhandler"
                    | "exception"
                    | "listener"
            )
            || BEFORE.contains(&last)
            || AFTER.contains(&last);
        if !known {
            return;
        }
        let Some(this) = linked.files.get(at.0) else { return };
        let handler = Place { file: this.id, symbol: fact.symbol };
        let around = this.extract.symbols.get(fact.symbol as usize).map_or(0, |symbol| symbol.parent);
        let name = this.symbol(fact.symbol);
        for number in self.named(linked, at.0, around, receiver) {
            let Some(place) = self.all.get(number).map(|object| object.place) else { continue };
            match last {
                "middleware" => {
                    wired.leads.push((place, handler));
                    self.middleware(linked, at.0, fact, number, &name, 0, wired);
                }
                "exception_handler" | "errorhandler" | "app_errorhandler" | "exception" => {
                    let what = linked.typed(at.0, fact.get("0").unwrap_or("Exception"));
                    wired.leads.push((place, handler));
                    wired.facts.push(as_kind(fact, Kind::Handler, what, handler).with("handler", name.clone()));
                }
                "on_event" | "listener" => {
                    let what = match fact.get("0").unwrap_or("") {
                        what if what.contains("shutdown") || what.contains("stop") => "shutdown",
                        _ => "startup",
                    };
                    wired.leads.push((place, handler));
                    wired.facts.push(as_kind(fact, Kind::Hook, what, handler).with("handler", name.clone()).with("via", "event"));
                }
                _ if BEFORE.contains(&last) || AFTER.contains(&last) => {
                    wired.leads.push((place, handler));
                    self.middleware(linked, at.0, fact, number, &name, 0, wired);
                }
                _ => {
                    wired.held.push(handler);
                    let methods = methods(linked, last, fact, handler);
                    let path = fact.get("0").or_else(|| fact.get("path")).or_else(|| fact.get("rule")).unwrap_or("").to_owned();
                    let guards = fact.all("depends").map(|name| linked.guard(at.0, name)).collect();
                    let class = linked
                        .files
                        .get(at.0)
                        .and_then(|this| this.extract.symbols.get(fact.symbol as usize))
                        .is_some_and(|symbol| symbol.class);
                    if class {
                        self.views(linked, number, at, &path, handler, wired);
                    } else if let Some(object) = self.all.get_mut(number) {
                        object.drafts.push(Draft { methods, path, handler, at, guards });
                    }
                }
            }
        }
    }

    /// The methods of a class whose names are those of HTTP.
    fn views(&mut self, linked: &Linked<'_>, number: usize, at: (usize, usize), path: &str, class: Place, wired: &mut Wired) {
        for (method, handler) in linked.methods(class) {
            if VERBS.contains(&method) {
                wired.held.push(handler);
                wired.leads.push((handler, class));
                if let Some(object) = self.all.get_mut(number) {
                    object.drafts.push(Draft {
                        methods: vec![method.to_uppercase()],
                        path: path.to_owned(),
                        handler,
                        at,
                        guards: Vec::new(),
                    });
                }
            }
        }
    }

    /// `app.include_router(router)`, `app.add_middleware(X)`, `CORS(app)`.
    fn called(&mut self, linked: &Linked<'_>, at: (usize, usize), fact: &Fact, wired: &mut Wired) {
        let last = fact.name.rsplit('.').next().unwrap_or("");
        let receiver = fact.get("receiver").unwrap_or("");
        let text = |names: &[&str]| names.iter().find_map(|name| fact.get(name)).unwrap_or("").to_owned();
        let guards = || fact.all("depends").map(|name| linked.guard(at.0, name)).collect::<Vec<_>>();
        match last {
            "include_router" | "register_blueprint" | "mount" | "add_namespace" | "blueprint" | "nest" => {
                let child = if last == "mount" { text(&["1", "app"]) } else { text(&["0", "router", "blueprint", "ns"]) };
                let prefix = if last == "mount" {
                    Some(text(&["0", "path"]))
                } else {
                    ["prefix", "url_prefix", "path"].iter().find_map(|name| fact.get(name)).map(str::to_owned)
                };
                let prefix = prefix.map(|prefix| prefixed(linked, &prefix));
                let mut children = self.named(linked, at.0, fact.symbol, &child);
                for each in fact.all("each") {
                    children.extend(self.listed(linked, at.0, fact.symbol, each));
                }
                children.sort_unstable();
                children.dedup();
                for parent in self.named(linked, at.0, fact.symbol, receiver) {
                    for child in children.iter().copied().filter(|child| *child != parent) {
                        let mount = Mount { child, prefix: prefix.clone(), guards: guards(), guard: fact.guard.clone() };
                        if let Some(object) = self.all.get_mut(parent) {
                            object.mounts.push(mount);
                        }
                    }
                }
            }
            "middleware" if fact.get("curried").is_some() => {
                for number in self.named(linked, at.0, fact.symbol, receiver) {
                    self.middleware(linked, at.0, fact, number, &text(&["0"]), fact.line as usize, wired);
                }
            }
            "add_middleware" => {
                for number in self.named(linked, at.0, fact.symbol, receiver) {
                    let order = fact.line as usize;
                    self.middleware(linked, at.0, fact, number, &text(&["0", "middleware_class"]), order, wired);
                }
            }
            "add_api_route" | "add_route" | "add_url_rule" | "add_api_websocket_route" | "add_resource" => {
                let (path, view) = match last {
                    "add_resource" => (text(&["1"]), text(&["0"])),
                    "add_url_rule" => (text(&["0", "rule"]), text(&["view_func", "2"])),
                    _ => (text(&["0", "path"]), text(&["1", "endpoint", "route"])),
                };
                let view = view.split(".as_view").next().unwrap_or("").to_owned();
                let name = linked.canonical(at.0, &view);
                let own = linked.files.get(at.0).map(|this| join(&this.module, &view));
                let Some(handler) = linked.place(&name).or_else(|| own.and_then(|own| linked.place(&own))) else { return };
                for number in self.named(linked, at.0, fact.symbol, receiver) {
                    if linked.definition(handler).and_then(|definition| definition.get("kind")) == Some("class") {
                        self.views(linked, number, at, &path, handler, wired);
                        continue;
                    }
                    wired.held.push(handler);
                    let draft =
                        Draft { methods: methods(linked, "route", fact, handler), path: path.clone(), handler, at, guards: guards() };
                    if let Some(object) = self.all.get_mut(number) {
                        object.drafts.push(draft);
                    }
                }
            }
            "add_exception_handler" | "register_error_handler" | "add_event_handler" | "before_request" | "after_request" => {
                let handler = text(&["1", "handler", "f", "func"]);
                let handler = linked.canonical(at.0, handler.split('(').next().unwrap_or(""));
                let what = text(&["0", "exc_class_or_status_code", "event_type"]);
                for number in self.named(linked, at.0, fact.symbol, receiver) {
                    let Some(place) = self.all.get(number).map(|object| object.place) else { continue };
                    let here = Place { file: linked.files.get(at.0).map_or(place.file, |this| this.id), symbol: fact.symbol };
                    if last.ends_with("_request") {
                        self.middleware(linked, at.0, fact, number, &what, 0, wired);
                        continue;
                    }
                    if let Some(to) = linked.place(&handler) {
                        wired.leads.push((here, to));
                        wired.leads.extend(super::before::nested(linked, to).into_iter().map(|inner| (here, inner)));
                    }
                    let (kind, name) =
                        if last == "add_event_handler" { (Kind::Hook, what.clone()) } else { (Kind::Handler, linked.typed(at.0, &what)) };
                    wired.facts.push(as_kind(fact, kind, name, here).with("handler", handler.clone()));
                }
            }
            "task" | "shared_task" => {}
            "Route" | "WebSocketRoute" if fact.name.starts_with("starlette.routing") => {
                let Some(handler) = linked.place(&linked.canonical(at.0, &text(&["1", "endpoint"]))) else { return };
                let symbols: Vec<usize> = (0..self.all.len())
                    .filter(|number| self.all.get(*number).is_some_and(|object| object.file == at.0 && object.app))
                    .collect();
                for number in symbols.into_iter().take(1) {
                    let draft = Draft {
                        methods: methods(linked, "api_route", fact, handler),
                        path: text(&["0", "path"]),
                        handler,
                        at,
                        guards: Vec::new(),
                    };
                    if let Some(object) = self.all.get_mut(number) {
                        object.drafts.push(draft);
                    }
                }
            }
            _ => self.extended(linked, at, fact, last, wired),
        }
    }

    /// A library that is given the app: `CORS(app)`, `limiter.init_app(app)`, `Instrumentator().instrument(app)`.
    fn extended(&mut self, linked: &Linked<'_>, at: (usize, usize), fact: &Fact, last: &str, wired: &mut Wired) {
        if RUNNERS.contains(&last) {
            return;
        }
        let name = linked.called(at.0, &fact.name);
        if linked.place(&name).is_some() || !name.contains('.') {
            return;
        }
        let value = ["0", "app", "application"].iter().find_map(|key| fact.get(key)).unwrap_or("");
        // Only a plain name can be an app, and looking one up costs.
        if value.is_empty()
            || value.len() > 120
            || !value.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.')
            || value.starts_with(|c: char| c.is_ascii_digit())
        {
            return;
        }
        let short = value.rsplit('.').find(|part| *part != "wsgi_app").unwrap_or("");
        if !self.all.iter().any(|object| object.var.rsplit('.').next() == Some(short)) && short != "app" && short != "application" {
            return;
        }
        for number in self.named(linked, at.0, fact.symbol, value) {
            if self.all.get(number).is_some_and(|object| object.app && object.fact != at.1) {
                let library = name.strip_suffix(".init_app").unwrap_or(&name).to_owned();
                let before = wired.facts.len();
                self.middleware(linked, at.0, fact, number, &library, 0, wired);
                // Most extensions add something to an app and stand before nothing.
                let stands =
                    ["Limiter", "Talisman", "CSRF", "SeaSurf", "CORS", "Middleware", "Fix"].iter().any(|word| library.contains(word));
                if !stands && let Some(object) = self.all.get_mut(number) {
                    object.middle.retain(|name| *name != library);
                }
                if let Some(found) = wired.facts.get_mut(before) {
                    found.name = library;
                    found.attrs.push(("via".into(), "extension".into()));
                }
            }
        }
    }
}

/// The methods that a registration is for.
fn methods(linked: &Linked<'_>, verb: &str, fact: &Fact, handler: Place) -> Vec<String> {
    if VERBS.contains(&verb) {
        return vec![verb.to_uppercase()];
    }
    let list = fact.get("methods").unwrap_or("");
    let named: Vec<String> =
        list.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| !word.is_empty()).map(str::to_uppercase).collect();
    let _ = (linked, handler);
    if named.is_empty() { vec!["GET".into()] } else { named }
}
