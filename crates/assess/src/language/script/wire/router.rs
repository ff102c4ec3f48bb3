//! Frameworks with routers as values: Express, Fastify, Koa, Hono, hapi and their like.

use std::collections::{BTreeMap, BTreeSet};

use super::{Loom, Route, Spot};
use crate::{
    fact::{Fact, Kind},
    language::{
        graph::{Covers, Graph, Layer, Spot as At},
        script::names::on_router,
    },
};

/// What constructs an app or a router: the call, the framework, whether it can be served by itself.
const MADE: &[(&str, &str, bool)] = &[
    ("express", "express", true),
    ("express.Router", "express", false),
    ("fastify", "fastify", true),
    ("koa", "koa", true),
    ("@koa/router", "koa", false),
    ("hono.Hono", "hono", true),
    ("@hapi/hapi.server", "hapi", true),
    ("restify.createServer", "restify", true),
    ("polka", "polka", true),
];

/// Something handed over: its canonical name, and the variable where it is one.
type Passed<'p> = (&'p str, Option<&'p str>);

struct Yard<'l, 'p> {
    loom: &'l mut Loom<'p>,
    graph: Graph,
    /// Routers made or taken in each definition.
    made: BTreeMap<Spot, Vec<usize>>,
    parents: BTreeMap<usize, BTreeSet<usize>>,
    apps: BTreeSet<usize>,
    routes: Vec<(usize, Route, Vec<Layer>, At)>,
    prefixes: BTreeMap<usize, String>,
    loaded: Vec<(usize, usize)>,
    hung: BTreeSet<(usize, usize, String, u32)>,
    layers: Vec<(usize, Layer, Covers)>,
    /// Plugins that put what they have on the router that registers them.
    open: BTreeMap<usize, usize>,
    /// Routers in fields of classes, with the field's name.
    fields: Vec<(usize, String)>,
    /// Fields of whatever a list holds that are hung somewhere: `routes.forEach((one) => app.use('/', one.router))`.
    each: Vec<(usize, String, String, At)>,
}

pub(super) fn wire(loom: &mut Loom<'_>) {
    let mut yard = Yard {
        loom,
        graph: Graph::default(),
        made: BTreeMap::new(),
        parents: BTreeMap::new(),
        apps: BTreeSet::new(),
        routes: Vec::new(),
        prefixes: BTreeMap::new(),
        loaded: Vec::new(),
        hung: BTreeSet::new(),
        layers: Vec::new(),
        open: BTreeMap::new(),
        fields: Vec::new(),
        each: Vec::new(),
    };
    yard.construct();
    // An app may be handed on: each round follows one more hand.
    for _ in 0..3 {
        yard.given();
    }
    yard.put_on();
    yard.tables();
    yard.held_by_classes();
    yard.autoload();
    yard.finish();
}

fn passed(fact: &Fact) -> Vec<Passed<'_>> {
    let mut found: Vec<Passed<'_>> = Vec::new();
    for (key, value) in &fact.attrs {
        match key.as_str() {
            "pass" => found.push((value, None)),
            "id" => {
                if let Some(last) = found.last_mut() {
                    last.1 = Some(value);
                }
            }
            _ => {}
        }
    }
    found
}

impl<'p> Yard<'_, 'p> {
    fn calls(&self) -> Vec<(usize, &'p Fact)> {
        self.loom.facts().into_iter().filter(|(_, fact)| fact.kind == Kind::Call).collect()
    }
    /// The definition that a variable belongs to: fields belong to their class.
    fn owner(&self, file: usize, symbol: u32, name: &str) -> u32 {
        if !name.starts_with("this.") {
            return symbol;
        }
        let mut at = symbol;
        for _ in 0..50 {
            let Some(symbol) = self.loom.linker.extract(file).and_then(|extract| extract.symbols.get(at as usize)) else { return 0 };
            if symbol.class || at == 0 {
                return at;
            }
            at = symbol.parent;
        }
        0
    }
    fn node(&mut self, file: usize, symbol: u32, name: &str) -> usize {
        let (id, symbol) = (self.loom.id(file), self.owner(file, symbol, name));
        let node = self.graph.node(id, &format!("{symbol}:{name}"));
        let made = self.made.entry((file, symbol)).or_default();
        if !made.contains(&node) {
            made.push(node);
        }
        node
    }
    /// The router of this name, seen from a definition.
    fn look(&self, file: usize, symbol: u32, name: &str) -> Option<usize> {
        let id = self.loom.id(file);
        let mut at = self.owner(file, symbol, name);
        for _ in 0..50 {
            if let Some(node) = self.graph.known(id, &format!("{at}:{name}")) {
                return Some(node);
            }
            if at == 0 {
                break;
            }
            at = self.loom.linker.extract(file)?.symbols.get(at as usize)?.parent;
        }
        let found = self.loom.linker.within(file, name, 0)?;
        self.inside(found.file, found.symbol, &found.name).filter(|_| found.file != file || found.name != name)
    }
    /// The router that a found name is, or that a found function makes.
    fn inside(&self, file: usize, symbol: Option<u32>, name: &str) -> Option<usize> {
        if let Some(symbol) = symbol {
            return self.made.get(&(file, symbol)).and_then(|made| made.first().copied());
        }
        let id = self.loom.id(file);
        let whole = if name.is_empty() { "default" } else { name };
        self.graph.known(id, &format!("0:{whole}"))
    }
    fn router(&self, file: usize, symbol: u32, (name, id): Passed<'_>) -> Option<usize> {
        if let Some(node) = id.and_then(|id| self.look(file, symbol, id)) {
            return Some(node);
        }
        let found = self.loom.target(file, name)?;
        self.inside(found.file, found.symbol, &found.name)
    }

    fn construct(&mut self) {
        for (file, fact) in self.calls() {
            let Some((_, framework, app)) = MADE.iter().find(|(name, _, _)| *name == fact.name) else { continue };
            let Some(result) = fact.get("result") else { continue };
            // A field that is given its router where it is declared.
            let class = self.loom.linker.extract(file).and_then(|extract| extract.symbols.get(fact.symbol as usize));
            let field = class.is_some_and(|symbol| symbol.class).then(|| format!("this.{result}"));
            let node = self.node(file, fact.symbol, field.as_deref().unwrap_or(result));
            if let Some(name) = field.as_deref().unwrap_or(result).strip_prefix("this.") {
                self.fields.push((node, name.to_owned()));
            }
            if let Some(prefix) = fact.get("prefix") {
                self.prefixes.insert(node, prefix.to_owned());
            }
            if *app {
                let mut app = Fact::new(Kind::App, *framework, fact.line, fact.end).within(fact.symbol).with("var", result);
                app.attrs.extend(fact.attrs.iter().filter(|(key, _)| key != "result" && key != "receiver").cloned());
                app.file = self.loom.id(file);
                app.guard = fact.guard.clone();
                self.graph.root(node, app);
                self.apps.insert(node);
            }
        }
        // Parameters: a plugin gets the app from whoever registers it.
        for (file, fact) in self.loom.facts() {
            if fact.kind != Kind::Def {
                continue;
            }
            for parameter in fact.all("param") {
                let Some((name, of)) = parameter.rsplit_once(':') else { continue };
                if MADE.iter().any(|(kind, _, _)| *kind == of) {
                    for name in name.trim_matches(['{', '}', ' ']).split(',') {
                        self.node(file, fact.symbol, name.trim());
                    }
                }
            }
        }
    }

    /// Apps given to functions of ours: the parameter is the same app.
    fn given(&mut self) {
        for (file, fact) in self.calls() {
            if on_router(&fact.name).is_some() {
                continue;
            }
            for (key, id) in fact.attrs.iter().filter_map(|(key, id)| Some((key.strip_prefix("id.")?, id))) {
                let Some(mine) = self.look(file, fact.symbol, id) else { continue };
                let found = fact.name.split('.').next().and_then(|_| self.loom.target(file, &fact.name));
                let Some((to, symbol)) = found.and_then(|found| Some((found.file, found.symbol?))) else { continue };
                let parameters: Vec<String> =
                    self.loom.defs.get(&(to, symbol)).map_or_else(Vec::new, |def| def.all("param").map(str::to_owned).collect());
                let name = match key.parse::<usize>() {
                    Ok(number) => parameters.get(number).map(|parameter| parameter.split(':').next().unwrap_or("").to_owned()),
                    Err(_) => Some(key.to_owned()),
                };
                let Some(name) = name else { continue };
                let theirs = self.node(to, symbol, &name);
                self.hang(theirs, mine, "", Vec::new(), At { file: self.loom.id(file), symbol: fact.symbol, order: fact.line });
                self.loom.lead((file, fact.symbol), (to, symbol));
            }
        }
    }

    fn hang(&mut self, child: usize, parent: usize, prefix: &str, guards: Vec<Layer>, at: At) {
        if child != parent && self.hung.insert((child, parent, prefix.to_owned(), at.order)) {
            self.graph.hang(child, parent, prefix, guards, at);
            self.parents.entry(child).or_default().insert(parent);
        }
    }

    fn put_on(&mut self) {
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
    fn reach(&mut self, file: usize, call: &Fact, passed: &str) {
        if let Some(found) = self.loom.target(file, passed)
            && let Some(symbol) = found.symbol
        {
            self.loom.lead((file, call.symbol), (found.file, symbol));
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
        self.add(file, fact, node, framework, method, &crate::language::graph::join(own, path), last, &handed, at);
    }

    /// A path with fields in it: `${this.path}/:id` with what the class says its path is; of others nothing is known.
    fn filled(&self, file: usize, symbol: u32, template: &str) -> String {
        let (mut path, mut rest) = (String::new(), template.trim_matches('`'));
        let class = self.owner(file, symbol, "this.");
        let extract = self.loom.linker.extract(file);
        while let Some((before, after)) = rest.split_once("${") {
            path.push_str(before);
            let (inside, after) = after.split_once('}').unwrap_or((after, ""));
            rest = after;
            let own = |fact: &&Fact| {
                fact.kind == Kind::Assign && fact.symbol == class && Some(fact.name.as_str()) == inside.strip_prefix("this.")
            };
            match extract.and_then(|extract| extract.facts.iter().find(own)).and_then(|fact| fact.get("value")) {
                Some(value) => path.push_str(value),
                None if !path.is_empty() => path.push_str(&format!(":{}", inside.rsplit('.').next().unwrap_or("part"))),
                None => {}
            }
        }
        path.push_str(rest);
        if path.starts_with('/') || path.is_empty() { path } else { format!("/{path}") }
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

    /// Fastify's `register(plugin, options)`.
    fn registered(&mut self, file: usize, fact: &'p Fact, node: usize, at: At) {
        let Some(first) = passed(fact).first().copied() else { return };
        if first.0.ends_with("autoload") || first.0.ends_with("AutoLoad") {
            self.loaded.push((file, node));
            return;
        }
        // `register(fp(plugin))` registers the plugin.
        let inner = fact.get("inner").filter(|inner| self.loom.target(file, inner).is_some_and(|found| found.symbol.is_some()));
        let target = self.loom.target(file, inner.unwrap_or(first.0)).and_then(|found| Some((found.file, found.symbol?)));
        let Some((to, symbol)) = target else {
            let layer = self.loom.layer(file, fact, first.0, first.1);
            let mut layer = Layer { name: first.0.to_owned(), ..layer };
            layer.attrs =
                fact.attrs.iter().filter(|(key, _)| !matches!(key.as_str(), "pass" | "id" | "receiver" | "0" | "await")).cloned().collect();
            self.layers.push((node, layer, Covers::All));
            return;
        };
        let child = match self.made.get(&(to, symbol)).and_then(|made| made.first().copied()) {
            Some(child) => child,
            None => {
                let name = self
                    .loom
                    .defs
                    .get(&(to, symbol))
                    .and_then(|def| def.get("param"))
                    .map(|parameter| parameter.split(':').next().unwrap_or("").to_owned());
                self.node(to, symbol, &name.unwrap_or_default())
            }
        };
        if first.0.starts_with("fastify-plugin") || self.is_open(to) {
            self.open.insert(child, node);
        }
        self.hang(child, node, fact.get("prefix").unwrap_or(""), Vec::new(), at);
        self.loom.lead((file, fact.symbol), (to, symbol));
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

    /// The field of a thing that nothing in the file names, such as the parameter of a loop: `router` of `one.router`.
    fn of_element(&self, file: usize, id: &str) -> Option<String> {
        let (head, field) = id.split_once('.')?;
        let extract = self.loom.linker.extract(file)?;
        let known = head == "this"
            || extract.imports.iter().any(|import| import.local == head)
            || extract.symbols.iter().any(|symbol| symbol.name == head)
            || extract.facts.iter().any(|fact| fact.get("result") == Some(head));
        (!known && self.fields.iter().any(|(_, name)| name == field)).then(|| field.to_owned())
    }

    /// Routers in fields of classes hang where a list of such things is mounted, unless something else mounts them.
    fn held_by_classes(&mut self) {
        let free: Vec<(usize, String)> = self.fields.iter().filter(|(node, _)| !self.parents.contains_key(node)).cloned().collect();
        for (parent, field, path, at) in std::mem::take(&mut self.each) {
            let of = |(child, name): &&(usize, String)| *name == field && *child != parent && !self.apps.contains(child);
            let children: Vec<usize> = free.iter().filter(of).map(|(child, _)| *child).collect();
            for child in children {
                self.hang(child, parent, &path, Vec::new(), at);
            }
        }
    }

    /// Tables of routers: `[{ path: '/users', route: userRoute }].forEach((row) => router.use(row.path, row.route))`.
    fn tables(&mut self) {
        let calls = self.calls();
        for (file, fact) in self.loom.facts() {
            let Some(path) = fact.get("path").filter(|_| fact.kind == Kind::Assign) else { continue };
            let onto = calls.iter().copied().find(|(other, call)| {
                *other == file
                    && call.name.ends_with(".use")
                    && on_router(&call.name).is_some()
                    && call.get("0").is_some_and(|first| match fact.get("keyed") {
                        Some(_) => !first.starts_with('/') && call.attrs.iter().filter(|(key, _)| key == "id").count() > 0,
                        None => first.ends_with(".path") || first.ends_with(".prefix") || first.ends_with(".url"),
                    })
            });
            let Some((_, onto)) = onto else { continue };
            let Some(parent) = self.look(file, onto.symbol, onto.get("receiver").unwrap_or("")) else { continue };
            let at = At { file: self.loom.id(file), symbol: onto.symbol, order: onto.line };
            let children: Vec<usize> = fact.all("mounts").filter_map(|name| self.router(file, 0, (name, None))).collect();
            for child in children {
                self.hang(child, parent, path, Vec::new(), at);
            }
        }
    }

    /// Plugins that are loaded by folder: everything below the file that loads them and takes an app as its parameter.
    fn autoload(&mut self) {
        for (file, node) in self.loaded.clone() {
            let Some((_, path, _)) = self.loom.linker.files.get(file) else { continue };
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
            let at = At { file: self.loom.id(file), symbol: 0, order: 0 };
            let plugins: Vec<(usize, u32)> = self.made.keys().copied().filter(|(other, symbol)| *other != file && *symbol != 0).collect();
            let hooks: Vec<(String, usize)> = plugins
                .iter()
                .filter_map(|spot| {
                    let (_, path, _) = self.loom.linker.files.get(spot.0)?;
                    let (folder, name) = path.rsplit_once('/')?;
                    let node = self.made.get(spot).and_then(|made| made.first().copied())?;
                    name.starts_with("autohooks.").then(|| (folder.to_owned(), node))
                })
                .collect();
            for (other, symbol) in plugins {
                let Some((_, path, extract)) = self.loom.linker.files.get(other) else { continue };
                let Some(below) = path.strip_prefix(folder.as_str()).map(|below| below.trim_start_matches('/')) else { continue };
                let first = extract.symbols.get(symbol as usize).is_some_and(|symbol| symbol.parent == 0);
                let Some(child) = self.made.get(&(other, symbol)).and_then(|made| made.first().copied()).filter(|_| first) else {
                    continue;
                };
                // Folders below `routes` are the prefix.
                let prefix = below.split_once("routes/").map_or("", |(_, rest)| rest.rsplit_once('/').map_or("", |(folder, _)| folder));
                let prefix = prefix.replace("/_", "/:").replace(['[', ']'], "");
                // The hooks of a folder stand before everything in it and below.
                let inside = |(folder, _): &&(String, usize)| path.strip_prefix(folder.as_str()).is_some_and(|rest| rest.starts_with('/'));
                let above = hooks.iter().filter(inside).max_by_key(|(folder, _)| folder.len()).map(|(_, node)| *node);
                if path.contains("/autohooks.") {
                    self.hang(child, node, "", Vec::new(), at);
                } else {
                    self.hang(child, above.unwrap_or(node), &prefix, Vec::new(), at);
                }
                if self.is_open(other) && above.is_none() {
                    self.open.insert(child, node);
                }
                self.loom.lead((file, 0), (other, symbol));
            }
        }
    }

    /// Whether a file gives its plugin in a wrapper that leaves it no scope of its own.
    fn is_open(&self, file: usize) -> bool {
        let wrapped =
            |fact: &Fact| fact.kind == Kind::Call && fact.name.starts_with("fastify-plugin") && fact.get("result") == Some("default");
        self.loom.linker.extract(file).is_some_and(|extract| extract.facts.iter().any(wrapped))
    }

    /// Whether an app is above.
    fn served(&self, node: usize) -> bool {
        let (mut open, mut seen) = (vec![node], BTreeSet::new());
        while let Some(node) = open.pop() {
            if self.apps.contains(&node) {
                return true;
            }
            if seen.insert(node) {
                open.extend(self.parents.get(&node).into_iter().flatten());
            }
        }
        false
    }

    fn finish(mut self) {
        let roots: Vec<Fact> = self.graph.roots().filter(|(node, _)| self.graph.is_top(*node)).map(|(_, fact)| fact.clone()).collect();
        for app in roots {
            if app.symbol == 0
                && let Some(file) = self.loom.linker.files.iter().position(|(id, _, _)| *id == app.file)
            {
                self.loom.root(file, 0);
            }
            self.loom.out.facts.push(app);
        }
        for (node, layer, covers) in std::mem::take(&mut self.layers) {
            let (mut at, mut moved) = (node, false);
            for _ in 0..8 {
                let Some(above) = self.open.get(&at) else { break };
                (at, moved) = (*above, true);
            }
            self.graph.layer(at, layer, if moved { Covers::All } else { covers });
        }
        let layers = self.graph.middleware();
        self.loom.out.facts.extend(layers);
        // A router that something else takes in hand may be mounted in a way that cannot be read.
        let any = !self.apps.is_empty();
        for (node, route, own, at) in std::mem::take(&mut self.routes) {
            let served = !any || self.served(node);
            for way in self.graph.ways(node, at) {
                let mut guards: Vec<Layer> = way.guards.into_iter().filter(|layer| covers(layer, &way.prefix, &route.path)).collect();
                guards.extend(own.iter().cloned());
                let mut attrs = route.attrs.clone();
                if !served {
                    attrs.push(("mounted".to_owned(), "no".to_owned()));
                }
                let path = crate::language::graph::join(&way.prefix, &route.path);
                let route = Route { path, guards, attrs, ..route.clone() };
                self.loom.route(route);
            }
            let Some(spot) = route.spot else { continue };
            if served {
                self.loom.lead((route.file, route.symbol), spot);
                for (to, symbol) in own
                    .iter()
                    .filter_map(|layer| self.loom.target(route.file, &layer.name))
                    .filter_map(|found| Some((found.file, found.symbol?)))
                    .collect::<Vec<_>>()
                {
                    self.loom.lead((route.file, route.symbol), (to, symbol));
                }
            } else if spot.0 == route.file {
                self.loom.held.insert(spot);
            }
        }
    }
}

/// Whether a layer at a path covers a route.
fn covers(layer: &Layer, prefix: &str, path: &str) -> bool {
    let Some((_, at)) = layer.attrs.iter().find(|(key, _)| key == "path") else { return true };
    let whole = crate::language::graph::join(prefix, path);
    let at = at.trim_end_matches('*').trim_end_matches('/');
    let below = |path: &str| path.strip_prefix(at).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    below(&whole) || below(path)
}
