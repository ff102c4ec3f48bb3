//! What is put on a router: routes, layers, other routers, and handlers of failures.

use super::{super::Route, Passed, Yard, passed};
use crate::{
    fact::{Fact, Kind},
    language::{
        graph::{Covers, Layer, Spot as At, join},
        script::names::on_router,
    },
};

impl<'p> Yard<'_, 'p> {
    pub(super) fn put_on(&mut self) {
        for (file, fact) in self.calls() {
            let Some((_, framework, rest)) = on_router(&fact.name) else { continue };
            if framework == "nest" {
                continue;
            }
            let verb = rest.strip_prefix("route.").unwrap_or(rest);
            let receiver = fact.get("receiver").unwrap_or("");
            let seen = self.look(file, fact.symbol, receiver).or_else(|| self.look(file, fact.symbol, fact.get("result")?));
            let node = match seen {
                Some(node) => node,
                None => self.node(file, fact.symbol, receiver),
            };
            let at = At { file: self.loom.id(file), symbol: fact.symbol, order: fact.line };
            let own = self.prefixes.get(&node).cloned().unwrap_or_default();
            match verb {
                "get" | "post" | "put" | "patch" | "delete" | "del" | "head" | "options" | "opts" | "all" => {
                    self.verb(file, fact, node, framework, verb, &own, at)
                }
                "route" if matches!(framework, "fastify" | "hapi") => self.options(file, fact, node, framework, at),
                "route" if framework == "hono" => {
                    let child = passed(fact).into_iter().find_map(|one| self.router(file, fact.symbol, one));
                    if let Some(child) = child {
                        self.hang(child, node, fact.get("0").unwrap_or(""), Vec::new(), at);
                    }
                }
                "use" | "mount" => self.used(file, fact, node, framework, at),
                "register" => self.registered(file, fact, node, at),
                "prefix" => {
                    self.prefixes.insert(node, fact.get("0").unwrap_or("").to_owned());
                }
                "addHook" | "ext" => self.hooked(file, fact, node),
                "setErrorHandler" | "onError" | "setNotFoundHandler" | "notFound" => {
                    let name = if verb.contains("ound") { "404" } else { "Error" };
                    self.handler(file, fact, name, passed(fact).first().copied());
                }
                "on" if framework == "koa" && fact.get("0") == Some("error") => {
                    self.handler(file, fact, "Error", passed(fact).first().copied())
                }
                "listen" => self.loom.root(file, 0),
                _ => {}
            }
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn verb(&mut self, file: usize, fact: &'p Fact, node: usize, framework: &'static str, verb: &str, own: &str, at: At) {
        let path = match fact.get("route") {
            Some(route) => route,
            None => fact.get("0").unwrap_or(""),
        };
        let filled = path.starts_with('`').then(|| self.filled(file, fact.symbol, path));
        let path = filled.as_deref().unwrap_or(path);
        let mut handed = passed(fact);
        let object = fact.attrs.iter().any(|(key, _)| key.starts_with("of."));
        if handed.is_empty() && !object
            || !(path.starts_with(['/', '*', '[']) || path.is_empty() || path.contains("=>") || fact.get("route").is_some())
        {
            return;
        }
        let own_handler = fact.get("of.handler");
        let last = if let Some(handler) = own_handler { Some((handler, None)) } else { handed.pop() };
        // `asyncHandler(controller.list)`: what is wrapped is the handler.
        let wrapper = fact.attrs.iter().rposition(|(key, _)| key == "pass").unwrap_or(0);
        let mut wrapped = fact.attrs.iter().skip(wrapper).filter(|(key, _)| key == "inner").map(|(_, name)| name.as_str());
        let wrapped = wrapped.rfind(|name| self.loom.target(file, name).is_some_and(|found| found.symbol.is_some()));
        let last = wrapped.map(|name| (name, None)).or(last);
        // A wrapper and the function in it come as two; the wrapper is no guard.
        if last.is_some_and(|last| last.0.starts_with('#')) && handed.last().is_some_and(|wrapper| self.wraps(file, fact, wrapper.0)) {
            handed.pop();
        }
        let method = match verb {
            "del" => "DELETE".to_owned(),
            "opts" => "OPTIONS".to_owned(),
            "all" => "ANY".to_owned(),
            other => other.to_uppercase(),
        };
        self.add(file, fact, node, framework, method, &join(own, path), last, &handed, at);
    }

    /// Whether what stands before a function written in place is what it is wrapped in.
    fn wraps(&self, file: usize, call: &Fact, name: &str) -> bool {
        let lower = name.to_lowercase();
        let Some(extract) = self.loom.linker.extract(file) else { return false };
        let inner = extract
            .facts
            .iter()
            .find(|fact| fact.kind == Kind::Call && fact.name == name && fact.line >= call.line && fact.end <= call.end);
        inner.is_some_and(|inner| inner.get("0").is_some_and(|first| first.contains("=>")))
            || lower.contains("async")
            || lower.contains("catch")
    }

    #[allow(clippy::too_many_arguments)]
    fn add(
        &mut self,
        file: usize,
        fact: &'p Fact,
        node: usize,
        framework: &'static str,
        method: String,
        path: &str,
        last: Option<Passed<'_>>,
        before: &[Passed<'_>],
        at: At,
    ) {
        let mut guards: Vec<Layer> = before.iter().map(|(passed, id)| self.loom.layer(file, fact, passed, *id)).collect();
        for key in ["of.onRequest", "of.preParsing", "of.preValidation", "of.preHandler", "of.pre", "of.auth"] {
            for one in fact.all(key) {
                guards.push(self.loom.layer(file, fact, one, None));
            }
        }
        let spot = last.and_then(|last| self.loom.target(file, last.0)).and_then(|found| Some((found.file, found.symbol?)));
        let handler = last.map_or_else(String::new, |last| self.loom.named(file, last.0));
        let schema =
            |part: &str| fact.attrs.iter().any(|(key, _)| key == part || key.strip_prefix(part).is_some_and(|rest| rest.starts_with('.')));
        let typed = (
            schema("schema.body")
                || schema("schema.querystring")
                || schema("schema.params")
                || schema("options.validate")
                || schema("schema") && !schema("schema.response"),
            schema("schema.response"),
        );
        let attrs = fact
            .attrs
            .iter()
            .filter(|(key, _)| key.starts_with("schema") || key.starts_with("config.") || key.starts_with("options.") || key == "bodyLimit")
            .take(20)
            .cloned()
            .collect();
        let route = Route {
            takes: false,
            method,
            path: path.to_owned(),
            framework,
            handler,
            spot,
            file,
            line: fact.line,
            end: fact.end,
            symbol: fact.symbol,
            guards: Vec::new(),
            typed,
            attrs,
        };
        self.routes.push((node, route, guards, at));
    }

    /// A route given by one object: Fastify's and hapi's `route({ method, url, handler })`.
    fn options(&mut self, file: usize, fact: &'p Fact, node: usize, framework: &'static str, at: At) {
        let Some(path) = fact.get("url").or_else(|| fact.get("path")) else { return };
        let path = path.replace('{', ":").replace('}', "");
        let handler = fact.get("of.handler").or_else(|| fact.get("handler"));
        let methods: Vec<String> = match fact.all("method.item").count() {
            0 => vec![fact.get("method").unwrap_or("GET").to_uppercase()],
            _ => fact.all("method.item").map(str::to_uppercase).collect(),
        };
        for method in methods {
            let method = if method == "*" { "ANY".to_owned() } else { method };
            self.add(file, fact, node, framework, method, &path, handler.map(|handler| (handler, None)), &[], at);
        }
    }

    /// `app.use(...)`: routers hang, functions with four parameters handle failures, everything else is a layer.
    fn used(&mut self, file: usize, fact: &'p Fact, node: usize, framework: &str, at: At) {
        let path = fact.get("0").filter(|path| path.starts_with('/') || *path == "*").unwrap_or("");
        let mut handed = passed(fact);
        let first = fact.get("0").unwrap_or("");
        let mut configured = None;
        if handed.len() > 1
            && handed.first().is_some_and(|one| one.0 == first)
            && ["path", "prefix", "url", "base"].iter().any(|word| first.to_lowercase().ends_with(word))
        {
            // The path is a setting, or the row of a table; see `tables`.
            let (name, _) = handed.remove(0);
            if !handed.iter().any(|one| self.router(file, fact.symbol, *one).is_some()) {
                return;
            }
            configured = self.setting(file, name);
        }
        let path = configured.as_deref().unwrap_or(path);
        let mut guards: Vec<Layer> = Vec::new();
        let mut hung = false;
        for (number, one) in handed.iter().enumerate() {
            if let Some(child) = self.router(file, fact.symbol, *one) {
                self.hang(child, node, path.trim_end_matches('*'), guards.clone(), at);
                hung = true;
                self.reach(file, fact, one.0);
                continue;
            }
            if let Some(field) = one.1.and_then(|id| self.of_element(file, id)) {
                self.each.push((node, field, path.trim_end_matches('*').to_owned(), at));
                hung = true;
                continue;
            }
            let target = self.loom.target(file, one.0).and_then(|found| Some((found.file, found.symbol?)));
            if framework == "express" && target.is_some_and(|spot| self.loom.parameters(spot) == 4) {
                self.handler(file, fact, "Error", Some(*one));
                continue;
            }
            // The name of a wrapper before its function.
            if handed.get(number + 1).is_some_and(|next| next.0.starts_with('#')) && self.wraps(file, fact, one.0) {
                continue;
            }
            let mut layer = self.loom.layer(file, fact, one.0, one.1);
            if !path.is_empty() && path != "*" && path != "/*" {
                layer.attrs.push(("path".to_owned(), path.to_owned()));
            }
            self.reach(file, fact, one.0);
            guards.push(layer);
        }
        // What stands before a router at a path stands before that router alone.
        if !hung {
            for layer in guards {
                self.layers.push((node, layer, Covers::Later));
            }
        }
    }

    /// The value of a setting by its name: `config.api.prefix`.
    fn setting(&self, file: usize, name: &str) -> Option<String> {
        let found = self.loom.target(file, name)?;
        let extract = self.loom.linker.extract(found.file)?;
        let settings = extract.facts.iter().filter(|fact| matches!(fact.kind, Kind::Setting | Kind::Assign));
        let parts: Vec<&str> = name.split('.').collect();
        let ends = |fact: &&Fact| (1..parts.len()).any(|from| parts.get(from..).is_some_and(|rest| rest.join(".") == fact.name));
        let value = settings.filter(ends).find_map(|fact| fact.get("default").or_else(|| fact.get("value")))?;
        value.starts_with('/').then(|| value.to_owned())
    }

    fn hooked(&mut self, file: usize, fact: &'p Fact, node: usize) {
        let name = fact.get("0").unwrap_or("");
        let Some(one) = passed(fact).first().copied() else { return };
        if matches!(name, "onClose" | "preClose" | "onReady" | "onListen") {
            let when = if name.ends_with("Close") { "shutdown" } else { "startup" };
            let layer = self.loom.layer(file, fact, one.0, one.1);
            let mut hook = Fact::new(Kind::Hook, when, fact.line, fact.end).with("handler", layer.name);
            hook.attrs.extend(layer.attrs);
            self.loom.put(file, fact.symbol, hook);
        } else {
            let mut layer = self.loom.layer(file, fact, one.0, one.1);
            layer.attrs.push(("hook".to_owned(), name.to_owned()));
            self.layers.push((node, layer, Covers::All));
        }
        self.reach(file, fact, one.0);
    }

    fn handler(&mut self, file: usize, call: &Fact, name: &str, what: Option<Passed<'_>>) {
        let mut fact = Fact::new(Kind::Handler, name, call.line, call.end);
        if let Some((passed, id)) = what {
            let layer = self.loom.layer(file, call, passed, id);
            fact = fact.with("handler", layer.name.clone());
            fact.attrs.extend(layer.attrs);
            self.reach(file, call, passed);
        }
        fact.guard = call.guard.clone();
        self.loom.put(file, call.symbol, fact);
    }

    /// What is handed over runs where it is handed over.
    pub(super) fn reach(&mut self, file: usize, call: &Fact, passed: &str) {
        if let Some(found) = self.loom.target(file, passed)
            && let Some(symbol) = found.symbol
        {
            self.loom.lead((file, call.symbol), (found.file, symbol));
        }
    }
}
