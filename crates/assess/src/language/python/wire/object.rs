//! Apps and routers, and the names under which they are known.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::super::{link::Linked, name::join};
use crate::{
    fact::{Fact, Guard, Kind},
    wiring::Place,
};

/// An app or a router.
pub(super) struct Object {
    /// What it was made with.
    pub framework: &'static str,
    /// Whether it is served by itself.
    pub app: bool,
    /// The file, by number.
    pub file: usize,
    /// The call that made it.
    pub fact: usize,
    /// Where.
    pub place: Place,
    /// The variable.
    pub var: String,
    /// What all its paths begin with.
    pub prefix: String,
    /// What stands before all its routes.
    pub guards: Vec<String>,
    /// Middleware and hooks, which stand before everything else.
    pub middle: Vec<String>,
    /// What is mounted on it.
    pub mounts: Vec<Mount>,
    /// Its own routes.
    pub drafts: Vec<Draft>,
}

/// A router on an app or on another router.
#[derive(Clone)]
pub(super) struct Mount {
    pub child: usize,
    pub prefix: Option<String>,
    pub guards: Vec<String>,
    pub guard: Option<Guard>,
}

/// A route before it is known where it is mounted.
#[derive(Clone)]
pub(super) struct Draft {
    pub methods: Vec<String>,
    pub path: String,
    pub handler: Place,
    /// The registration: file and number.
    pub at: (usize, usize),
    pub guards: Vec<String>,
}

/// All of them.
pub(super) struct Objects {
    pub all: Vec<Object>,
    keys: HashMap<String, Vec<usize>>,
    aliases: HashMap<String, Vec<String>>,
    /// What a named annotation injects.
    pub injected: BTreeMap<String, Vec<String>>,
}

/// How many routers of one list are mounted.
const MANY: usize = 200;

/// What a constructor makes: whether an app, and of which framework.
pub(super) fn made_by(name: &str) -> Option<(bool, &'static str)> {
    Some(match name {
        "fastapi.FastAPI" => (true, "fastapi"),
        "starlette.applications.Starlette" => (true, "starlette"),
        "flask.Flask" => (true, "flask"),
        "quart.Quart" => (true, "quart"),
        "sanic.Sanic" => (true, "sanic"),
        "litestar.Litestar" => (true, "litestar"),
        "aiohttp.web.Application" => (true, "aiohttp"),
        "bottle.Bottle" => (true, "bottle"),
        "celery.Celery" => (true, "celery"),
        "rq.Worker" => (true, "rq"),
        "falcon.App" | "falcon.asgi.App" => (true, "falcon"),
        "apiflask.APIFlask" | "flask_openapi3.OpenAPI" => (true, "flask"),
        "fastapi.APIRouter" => (false, "fastapi"),
        "starlette.routing.Router" => (false, "starlette"),
        "flask.Blueprint" | "flask_smorest.Blueprint" | "apiflask.APIBlueprint" | "flask_openapi3.APIBlueprint" => (false, "flask"),
        "flask_restx.Namespace" | "flask_restx.Api" | "flask_restful.Api" | "flask_smorest.Api" => (false, "flask"),
        "quart.Blueprint" => (false, "quart"),
        "sanic.Blueprint" => (false, "sanic"),
        _ => return None,
    })
}

impl Objects {
    /// Finds everything that is constructed, and the names it gets.
    pub fn find(linked: &Linked<'_>) -> Objects {
        let mut found = Objects { all: Vec::new(), keys: HashMap::new(), aliases: HashMap::new(), injected: BTreeMap::new() };
        for (number, file) in linked.files.iter().enumerate() {
            for (count, fact) in file.extract.facts.iter().enumerate() {
                match fact.kind {
                    Kind::Call => {
                        let name = linked.canonical(number, &fact.name);
                        let kind = made_by(&name)
                            .or_else(|| linked.place(&name).and_then(|_| linked.bases(&name).iter().find_map(|base| made_by(base))));
                        match kind {
                            Some((app, framework)) => found.add(linked, number, count, fact, app, framework),
                            None => found.alias(linked, number, fact, &name),
                        }
                    }
                    Kind::Assign if fact.get("depends").is_some() => {
                        let depends = fact.all("depends").map(|name| linked.guard(number, name)).collect();
                        found.injected.insert(fact.name.clone(), depends);
                    }
                    _ => {}
                }
            }
        }
        found
    }

    fn add(&mut self, linked: &Linked<'_>, file: usize, count: usize, fact: &Fact, app: bool, framework: &'static str) {
        let Some(this) = linked.files.get(file) else { return };
        let var = fact.get("result").unwrap_or(if fact.get("returned").is_some() { "return" } else { "" }).to_owned();
        let key = key(&this.symbol(fact.symbol), &var);
        let guards = fact.all("depends").map(|name| linked.guard(file, name)).collect();
        let prefix = prefixed(linked, fact.get("prefix").or_else(|| fact.get("url_prefix")).unwrap_or(""));
        let place = Place { file: this.id, symbol: fact.symbol };
        self.keys.entry(key).or_default().push(self.all.len());
        self.all.push(Object {
            framework,
            app,
            file,
            fact: count,
            place,
            var,
            prefix,
            guards,
            middle: Vec::new(),
            mounts: Vec::new(),
            drafts: Vec::new(),
        });
    }

    /// What a call hands on: its arguments get the names of parameters, its result that of what the callee returns.
    fn alias(&mut self, linked: &Linked<'_>, file: usize, fact: &Fact, name: &str) {
        let (Some(this), Some(place)) = (linked.files.get(file), linked.place(name)) else { return };
        let (place, name) = match linked.methods(place).into_iter().find(|(method, _)| *method == "__init__") {
            Some((_, init)) => (init, format!("{name}.__init__")),
            None => (place, name.to_owned()),
        };
        let Some(definition) = linked.definition(place) else { return };
        for (count, parameter) in definition.all("param").enumerate() {
            let parameter = parameter.split([':', ' ']).next().unwrap_or("");
            let Some(value) = fact.get(&count.to_string()).or_else(|| fact.get(parameter)) else { continue };
            if value.len() < 160 && value.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.') {
                let from = candidates(linked, file, fact.symbol, value);
                self.aliases.entry(format!("{name}.{parameter}")).or_default().extend(from);
            }
        }
        if let Some(result) = fact.get("result") {
            let key = key(&this.symbol(fact.symbol), result);
            let from = definition.all("returned").map(|returned| format!("{name}.{returned}")).chain([format!("{name}.return")]);
            self.aliases.entry(key).or_default().extend(from);
        }
    }

    /// The objects that an expression of a definition means.
    pub fn named(&self, linked: &Linked<'_>, file: usize, symbol: u32, text: &str) -> Vec<usize> {
        if text.is_empty() || text.len() > 200 {
            return Vec::new();
        }
        for candidate in candidates(linked, file, symbol, text) {
            let found = self.behind(&candidate);
            if !found.is_empty() {
                return found;
            }
        }
        Vec::new()
    }

    /// What one turn of a loop means: `users.router`, or with `*ROUTERS` each thing in a list of that name.
    pub fn listed(&self, linked: &Linked<'_>, file: usize, symbol: u32, text: &str) -> Vec<usize> {
        let Some(list) = text.strip_prefix('*') else { return self.named(linked, file, symbol, text) };
        let Some(this) = linked.files.get(file) else { return Vec::new() };
        let names = [linked.canonical(file, list), join(&this.module, list)];
        for (number, other) in linked.files.iter().enumerate() {
            let ends = |name: &str| name.strip_suffix(list).is_some_and(|before| before.ends_with('.'));
            let held =
                other.extract.facts.iter().find(|fact| fact.kind == Kind::Assign && (names.contains(&fact.name) || ends(&fact.name)));
            let Some(value) = held.and_then(|fact| fact.get("value")) else { continue };
            let parts = value.split([',', '[', ']', '(', ')']).map(str::trim).filter(|part| !part.is_empty() && !part.contains('"'));
            let each = |part: &str| {
                let found = self.behind(part);
                if found.is_empty() { self.named(linked, number, 0, part) } else { found }
            };
            return parts.take(MANY).flat_map(each).collect();
        }
        Vec::new()
    }

    fn behind(&self, key: &str) -> Vec<usize> {
        let (mut found, mut work, mut seen) = (Vec::new(), vec![key], HashSet::new());
        while let Some(now) = work.pop() {
            if seen.len() > 200 || !seen.insert(now) {
                continue;
            }
            found.extend(self.keys.get(now).into_iter().flatten().copied());
            work.extend(self.aliases.get(now).into_iter().flatten().map(String::as_str));
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

fn key(scope: &str, var: &str) -> String {
    match var.strip_prefix("self.") {
        // An attribute belongs to the class of the method that sets it.
        Some(own) => join(scope.rsplit_once('.').map_or("", |(class, _)| class), own),
        None => join(scope, var),
    }
}

/// The keys that an expression may mean, the nearest first.
fn candidates(linked: &Linked<'_>, file: usize, symbol: u32, text: &str) -> Vec<String> {
    let Some(this) = linked.files.get(file) else { return Vec::new() };
    // A factory that is called in place.
    let called = text.strip_suffix("()").or_else(|| text.split_once('(').map(|(name, _)| name).filter(|_| text.ends_with(')')));
    if let Some(factory) = called {
        let name = linked.canonical(file, factory);
        let returned = linked.place(&name).and_then(|place| linked.definition(place));
        let mut found: Vec<String> =
            returned.map(|fact| fact.all("returned").map(|var| format!("{name}.{var}")).collect()).unwrap_or_default();
        found.push(format!("{name}.return"));
        return found;
    }
    let text = text.strip_suffix(".wsgi_app").unwrap_or(text);
    let mut found = Vec::new();
    let mut now = symbol;
    for _ in 0..32 {
        found.push(key(&this.symbol(now), text));
        if now == 0 {
            break;
        }
        now = this.extract.symbols.get(now as usize).map_or(0, |symbol| symbol.parent);
    }
    found.push(linked.canonical(file, &join(&this.module, text)));
    found.push(linked.canonical(file, text));
    found
}

/// A prefix as text: settings in it by their defaults, other expressions in braces.
pub(super) fn prefixed(linked: &Linked<'_>, raw: &str) -> String {
    if raw.is_empty() || raw.starts_with('/') {
        return raw.to_owned();
    }
    let one = |name: &str| {
        let last = name.rsplit('.').next().unwrap_or(name);
        linked.setting(last).map_or_else(|| format!("{{{last}}}"), str::to_owned)
    };
    let Some(inner) = raw.strip_prefix("f\"").or_else(|| raw.strip_prefix("f'")) else {
        let name = raw.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.');
        return if name && raw.contains('.') { one(raw) } else { raw.to_owned() };
    };
    let (mut out, mut rest) = (String::new(), inner.trim_end_matches(['"', '\'']));
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let (name, behind) = after.split_once('}').unwrap_or((after, ""));
        out.push_str(&one(name));
        rest = behind;
    }
    out + rest
}
