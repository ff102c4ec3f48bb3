//! What frameworks make of a program.

mod nest;
mod next;
mod process;
mod refuse;
mod router;

use std::collections::{BTreeMap, BTreeSet};

use super::link::{Found, Linker};
use crate::{
    fact::{Extract, Fact, FileId, Kind},
    language::graph::Layer,
    wiring::{Place, Program, Wired},
};

/// Apps, routes, middleware, handlers and hooks of all frameworks.
pub(super) fn wire(program: &Program<'_>) -> Wired {
    let mut loom = Loom::new(program);
    router::wire(&mut loom);
    nest::wire(&mut loom);
    next::wire(&mut loom);
    process::wire(&mut loom);
    loom.finish()
}

/// A definition by the number of its file in the program.
type Spot = (usize, u32);

/// What is wired so far.
pub(super) struct Loom<'p> {
    linker: Linker<'p>,
    out: Wired,
    /// The calls in each definition.
    calls: BTreeMap<Spot, Vec<&'p Fact>>,
    /// The fact about each definition.
    defs: BTreeMap<Spot, &'p Fact>,
    /// Handlers that only a mounted router runs.
    held: BTreeSet<Spot>,
    /// The definitions by their canonical names.
    spots: BTreeMap<String, Spot>,
}

impl<'p> Loom<'p> {
    fn new(program: &'p Program<'p>) -> Loom<'p> {
        let linker = Linker::new(program);
        let (mut calls, mut defs) = (BTreeMap::<Spot, Vec<&Fact>>::new(), BTreeMap::new());
        for (file, (_, _, extract)) in program.files.iter().enumerate() {
            for fact in &extract.facts {
                match fact.kind {
                    Kind::Call => calls.entry((file, fact.symbol)).or_default().push(fact),
                    Kind::Def => {
                        defs.insert((file, fact.symbol), fact);
                    }
                    _ => {}
                }
            }
        }
        let spots = defs.iter().map(|(spot, def): (&Spot, &&Fact)| (def.name.clone(), *spot)).collect();
        Loom { linker, out: Wired::default(), calls, defs, held: BTreeSet::new(), spots }
    }
    fn id(&self, file: usize) -> FileId {
        self.linker.files.get(file).map_or(FileId(0), |(id, _, _)| *id)
    }
    /// All facts of all files, with the file's number.
    fn facts(&self) -> Vec<(usize, &'p Fact)> {
        self.linker
            .files
            .iter()
            .enumerate()
            .flat_map(|(file, (_, _, extract))| extract.facts.iter().map(move |fact| (file, fact)))
            .collect()
    }
    /// Adds a fact about a place in a file.
    fn put(&mut self, file: usize, symbol: u32, mut fact: Fact) {
        fact.file = self.id(file);
        fact.symbol = symbol;
        self.out.facts.push(fact);
    }
    /// Where the first runs, the second does.
    fn lead(&mut self, from: Spot, to: Spot) {
        if from != to
            && let (Some(from), Some(to)) = (self.linker.place(from.0, from.1), self.linker.place(to.0, to.1))
        {
            self.out.leads.push((from, to));
        }
    }
    fn root(&mut self, file: usize, symbol: u32) {
        if let Some(place) = self.linker.place(file, symbol) {
            self.out.roots.push(place);
        }
    }
    /// What a name that was handed over means: a definition in this program.
    fn target(&self, file: usize, passed: &str) -> Option<Found> {
        if let Some(number) = passed.strip_prefix('#') {
            return Some(Found { file, symbol: number.parse().ok(), name: String::new() });
        }
        self.linker.find(file, passed)
    }
    /// The canonical name of a thing that was handed over.
    fn named(&self, file: usize, passed: &str) -> String {
        let Some(found) = self.target(file, passed) else { return passed.to_owned() };
        match found.symbol.and_then(|symbol| self.defs.get(&(found.file, symbol))) {
            Some(def) => def.name.clone(),
            None => passed.to_owned(),
        }
    }
    /// What a definition calls, and what its own functions called there call, down to a depth; at most sixty names.
    fn called(&self, spot: Spot, depth: u32) -> Vec<String> {
        let (mut names, mut seen, mut open) = (Vec::new(), BTreeSet::new(), vec![(spot, depth)]);
        while let Some((spot, depth)) = open.pop() {
            if !seen.insert(spot) || seen.len() > 200 || names.len() > 60 {
                continue;
            }
            for call in self.calls.get(&spot).into_iter().flatten() {
                if !names.contains(&call.name) {
                    names.push(call.name.clone());
                }
                if depth > 0
                    && let Some(found) = self.linker.find(spot.0, &call.name)
                    && let Some(symbol) = found.symbol
                {
                    open.push(((found.file, symbol), depth - 1));
                }
            }
            // Functions written in place belong to the definition around them.
            let symbols = self.linker.extract(spot.0).map_or(&[][..], |extract| extract.symbols.as_slice());
            if spot.1 != 0 {
                for (number, symbol) in symbols.iter().enumerate().skip(1).filter(|(_, symbol)| symbol.parent == spot.1) {
                    let class = symbols.get(spot.1 as usize).is_some_and(|around| around.class);
                    if class || symbol.name.contains(' ') {
                        open.push(((spot.0, u32::try_from(number).unwrap_or(0)), depth));
                    }
                }
            }
        }
        names.truncate(60);
        names
    }
    /// A layer made of what was handed over by a call: the library's own name and arguments where it was built by a call.
    fn layer(&self, file: usize, call: &Fact, passed: &str, id: Option<&str>) -> Layer {
        let mut layer = Layer {
            file: self.id(file),
            line: call.line,
            end: call.end,
            symbol: call.symbol,
            guard: call.guard.clone(),
            order: call.line,
            ..Layer::default()
        };
        let plain =
            |(key, _): &&(String, String)| !matches!(key.as_str(), "result" | "receiver" | "pass" | "id" | "await" | "new" | "route");
        let take = |fact: &Fact| fact.attrs.iter().filter(plain).cloned().collect::<Vec<_>>();
        let extract = self.linker.extract(file);
        let within = |fact: &&Fact| {
            fact.kind == Kind::Call && fact.name == passed && fact.line >= call.line && fact.end <= call.end && fact.line != 0
        };
        layer.name = self.named(file, passed);
        if let Some(inner) = extract.and_then(|extract| extract.facts.iter().find(within)) {
            layer.attrs = take(inner);
        }
        // A variable that holds what a library's function built.
        let local = id.and_then(|id| {
            extract.and_then(|extract| extract.facts.iter().find(|fact| fact.kind == Kind::Call && fact.get("result") == Some(id)))
        });
        let found = self.target(file, passed);
        let away = found.as_ref().filter(|found| found.symbol.is_none() && !found.name.is_empty()).and_then(|found| {
            let extract = self.linker.extract(found.file)?;
            let built = extract.facts.iter().find(|fact| fact.kind == Kind::Call && fact.get("result") == Some(found.name.as_str()))?;
            Some((found.file, built))
        });
        if let Some((from, built)) = local.map(|built| (file, built)).or(away) {
            layer.name = self.named(from, &built.name);
            layer.attrs = take(built);
            layer.attrs.push(("via".to_owned(), passed.to_owned()));
        }
        if let Some(given) = layer.attrs.iter().find(|(key, _)| key == "0").map(|(_, given)| given.clone())
            && layer.attrs.iter().all(|(key, _)| key.parse::<usize>().is_ok() || key == "via")
        {
            layer.attrs.extend(self.options(file, &given));
        }
        // A guard that lets everybody pass, known or not.
        if layer.name.starts_with("express-jwt") && layer.attrs.iter().any(|(key, value)| key == "credentialsRequired" && value == "false")
        {
            layer.name.push_str("(optional)");
        }
        if let Some(symbol) = found.as_ref().and_then(|found| found.symbol) {
            let spot = found.as_ref().map_or((file, symbol), |found| (found.file, symbol));
            layer.attrs.extend(self.called(spot, 1).into_iter().map(|name| ("calls".to_owned(), name)));
        }
        layer
    }
    /// What a configuration of another file holds under a name: the options of `session(config.session)`.
    fn options(&self, file: usize, name: &str) -> Vec<(String, String)> {
        let Some(found) = self.linker.find(file, name).filter(|found| found.symbol.is_none()) else { return Vec::new() };
        let Some(extract) = self.linker.extract(found.file) else { return Vec::new() };
        let parts: Vec<&str> = found.name.split('.').filter(|part| !part.is_empty() && *part != "default").collect();
        let below = |fact: &Fact| {
            let value = fact.get("default").map(str::to_owned).or_else(|| fact.get("env").map(|env| format!("process.env.{env}")))?;
            let inside = (0..parts.len()).find_map(|from| {
                let prefix = parts.get(from..)?.join(".");
                fact.name.strip_prefix(prefix.as_str())?.strip_prefix('.').map(str::to_owned)
            });
            let whole = || (fact.get("class") == parts.last().copied()).then(|| fact.name.clone());
            Some((inside.or_else(whole)?, value))
        };
        extract.facts.iter().filter(|fact| fact.kind == Kind::Setting).filter_map(below).take(40).collect()
    }
    /// How many parameters a definition has.
    fn parameters(&self, spot: Spot) -> usize {
        self.defs.get(&spot).map_or(0, |def| def.all("param").count())
    }

    fn finish(mut self) -> Wired {
        let files = self.linker.files;
        for (file, (_, _, extract)) in files.iter().enumerate() {
            // A function written in place runs with what is around it, and so does one inside a function that is no class, unless
            // a router has to be mounted first.
            for (number, symbol) in extract.symbols.iter().enumerate().skip(1) {
                let spot = (file, u32::try_from(number).unwrap_or(0));
                let around = extract.symbols.get(symbol.parent as usize);
                let inside = symbol.parent != 0 && !symbol.class && around.is_some_and(|around| !around.class);
                if (symbol.name.contains(' ') || inside) && !self.held.contains(&spot) {
                    self.lead((file, symbol.parent), spot);
                }
            }
            // Mentions of what others give as a whole: `require('./setup')(app)`, `new default()`.
            for used in extract.uses.iter().filter(|used| used.guard.is_none()) {
                let head = used.path.split('.').next().unwrap_or("");
                if !extract.imports.iter().any(|import| import.local == head) {
                    continue;
                }
                if let Some(found) = self.linker.within(file, &used.path, 0)
                    && let Some(symbol) = found.symbol
                {
                    self.lead((file, used.symbol), (found.file, symbol));
                }
            }
        }
        let held: Vec<Place> = self.held.iter().filter_map(|(file, symbol)| self.linker.place(*file, *symbol)).collect();
        self.out.held = held;
        self.out.leads.sort();
        self.out.leads.dedup();
        self.out.roots.sort();
        self.out.roots.dedup();
        self.out
    }
}

/// A route before it is written down.
#[derive(Debug, Default, Clone)]
struct Route {
    method: String,
    path: String,
    framework: &'static str,
    handler: String,
    spot: Option<Spot>,
    file: usize,
    line: u32,
    end: u32,
    symbol: u32,
    guards: Vec<Layer>,
    /// Whether a schema types the input, and the output.
    typed: (bool, bool),
    /// Whether it takes a body by a parameter.
    takes: bool,
    attrs: Vec<(String, String)>,
}

impl Loom<'_> {
    /// Writes a route down, with what its handler does.
    fn route(&mut self, route: Route) {
        let path = if route.path.is_empty() { "/".to_owned() } else { route.path.clone() };
        let mut fact = Fact::new(Kind::Route, format!("{} {path}", route.method), route.line, route.end)
            .with("method", &route.method)
            .with("path", &path)
            .with("handler", &route.handler)
            .with("framework", route.framework);
        let mut validated = route.typed.0;
        for guard in &route.guards {
            fact = fact.with("guard", &guard.name);
            let lower = guard.name.to_lowercase();
            validated |= ["valid", "celebrate", "checkschema", "zod", "joi", "schema"].iter().any(|word| lower.contains(word));
        }
        for guard in &route.guards {
            for (_, call) in guard.attrs.iter().filter(|(key, _)| key == "calls").take(12) {
                fact = fact.with("guard_calls", call);
            }
        }
        for part in path.split('/').filter_map(|part| part.strip_prefix(':')) {
            fact = fact.with("param", format!("{} in=path", part.trim_end_matches('?')));
        }
        let (auth, rejects) = self.turned_away(route.file, &route.guards);
        let auth = auth || route.framework == "next" && route.spot.is_some_and(|spot| self.asks_itself(spot));
        fact = fact.with("auth", if auth { "yes" } else { "no" });
        for status in rejects {
            fact = fact.with("rejects", status);
        }
        let Some(spot) = route.spot else {
            fact.attrs.extend(route.attrs);
            let fact = fact.with("input", if validated { "typed" } else { "none" }).with("output", "none");
            self.put(route.file, route.symbol, fact);
            return;
        };
        let calls = self.called(spot, 0);
        let deep = self.called(spot, 2);
        let uses = self.linker.extract(spot.0).map_or(&[][..], |extract| extract.uses.as_slice());
        let mut raw = route.takes;
        let mut queries: BTreeSet<&str> = BTreeSet::new();
        for used in uses.iter().filter(|used| used.symbol == spot.1) {
            let parts: Vec<&str> = used.path.split('.').collect();
            if let ["req" | "request" | "ctx" | "c", rest @ ..] = parts.as_slice() {
                raw |= rest.contains(&"body") || rest.contains(&"query") || rest.contains(&"files");
                if let Some(at) = rest.iter().position(|part| *part == "query") {
                    queries.extend(rest.get(at + 1));
                }
            }
        }
        let picked = self.linker.extract(spot.0).map_or_else(Vec::new, |extract| picked(extract, spot.1));
        for query in queries.iter().copied().chain(picked.iter().map(String::as_str).filter(|name| !queries.contains(name))) {
            fact = fact.with("param", format!("{query} in=query"));
        }
        raw |= calls.iter().any(|call| call.ends_with("req.json") || call.ends_with("request.json") || call.ends_with(".formData"));
        validated |= calls.iter().any(|call| {
            call.starts_with("zod.")
                || call.ends_with(".safeParse")
                || call.ends_with(".parseAsync")
                || call.ends_with(".validateAsync")
                || call.ends_with("validationResult")
                || call.ends_with("req.valid")
        });
        let list = route.method == "GET" && collects(&path, &route.handler, &deep);
        let answers = |call: &String| {
            let head = call.split('.').next().unwrap_or("");
            matches!(head, "res" | "reply" | "response" | "c" | "ctx" | "NextResponse" | "Response" | "next" | "h")
                || ["next/server.NextResponse", "express.Response", "fastify.FastifyReply", "hono.Context"]
                    .iter()
                    .any(|known| call.starts_with(known))
                || matches!(
                    call.as_str(),
                    "process.uptime" | "Date" | "Date.now" | "Date.toISOString" | "console.log" | "process.memoryUsage" | "JSON.stringify"
                )
        };
        let extract = self.linker.extract(spot.0);
        let reads = extract.is_some_and(|extract| extract.facts.iter().any(|fact| fact.symbol == spot.1 && fact.kind == Kind::Raise));
        let body = self.defs.get(&spot).and_then(|def| def.get("body")).unwrap_or("normal");
        let named = uses.iter().any(|used| {
            used.symbol == spot.1
                && !matches!(
                    used.path.split('.').next(),
                    Some(
                        "res" | "Date" | "process" | "NextResponse" | "Response" | "console" | "undefined" | "c" | "ctx" | "reply" | "JSON"
                    )
                )
        });
        let constant = body == "constant" || calls.iter().all(answers) && !raw && !reads && !named && body != "raises";
        for call in &calls {
            fact = fact.with("calls", call);
        }
        let mut seen: BTreeSet<&String> = calls.iter().collect();
        for call in deep.iter().filter(|call| seen.insert(call)).take(40) {
            fact = fact.with("deep_calls", call);
        }
        let input = if validated {
            "typed"
        } else if raw {
            "raw"
        } else {
            "none"
        };
        fact = fact.with("input", input).with("output", if route.typed.1 { "typed" } else { "none" });
        if list {
            fact = fact.with("list", "yes");
        }
        if constant {
            fact = fact.with("constant", "yes");
        }
        fact.attrs.extend(route.attrs);
        // A route stands in its handler where both are in one file; otherwise at the place where it is mounted.
        let symbol = if spot.0 == route.file { spot.1 } else { route.symbol };
        self.put(route.file, symbol, fact);
    }
}

/// Names that a handler takes out of the query by a list of them: `pick(req.query, ['limit', 'page'])`.
fn picked(extract: &Extract, symbol: u32) -> Vec<String> {
    let calls = extract.facts.iter().filter(|fact| fact.symbol == symbol && fact.kind == Kind::Call);
    let lists = calls.filter(|call| matches!(call.get("0"), Some("req.query" | "request.query" | "ctx.query" | "c.query")));
    let mut names = Vec::new();
    for list in lists.filter_map(|call| call.get("1")).filter(|list| list.starts_with('[')) {
        let words = list.split(['\'', '"', '`', ',', '[', ']']).map(str::trim).filter(|word| !word.is_empty());
        names.extend(words.filter(|word| !names.iter().any(|name| name == word)).map(str::to_owned).take(16).collect::<Vec<_>>());
    }
    names
}

/// Whether a route that reads answers many things: by what it calls, or by its own name.
fn collects(path: &str, handler: &str, deep: &[String]) -> bool {
    const MANY: &[&str] = &["findAndCountAll", "paginate", "getMany", "getManyAndCount", "findAndCount", "toArray", "manyOrNone"];
    const ROWS: &[&str] = &["query", "all", "any", "select", "execute"];
    let last = path.rsplit('/').next().unwrap_or_default();
    if last.starts_with([':', '{', '[']) {
        return false;
    }
    let name = handler.rsplit('.').next().unwrap_or_default();
    let own = ["list", "findAll", "getAll", "index"].iter().any(|word| name.starts_with(word));
    let plural = last.ends_with('s') && !last.ends_with("ss") && !last.ends_with("status");
    own && plural
        || deep.iter().any(|call| {
            let told = call.rsplit('.').next().unwrap_or_default();
            MANY.contains(&told)
                || ["findMany", "findAll", "getAll"].iter().any(|word| told.starts_with(word))
                || told == "find" && !call.contains("Array")
                || plural && ROWS.contains(&told) && call.contains('.') && !call.starts_with("Promise")
        })
}
