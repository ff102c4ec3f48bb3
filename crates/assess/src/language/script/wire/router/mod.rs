//! Frameworks with routers as values: Express, Fastify, Koa, Hono, hapi and their like.

mod finish;
mod held;
mod plugin;
mod put;

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

/// Whether a function of this name only looks after the failures of what it is given.
fn only_wraps(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or("").to_lowercase();
    ["async", "catch", "wrap", "handleerrors", "safely", "promisify"].iter().any(|word| last.contains(word))
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
            // `asyncHandler(auth.required)`: what is wrapped stands before the route.
            "inner" => {
                if let Some(last) = found.last_mut().filter(|last| only_wraps(last.0)) {
                    *last = (value, None);
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
                        Some(_) => !first.starts_with('/') && call.get("id").is_some(),
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
}
