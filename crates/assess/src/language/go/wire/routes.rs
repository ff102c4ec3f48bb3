//! The mount tree and the routes on it.

use super::{
    Wiring, plain,
    routers::{Does, Handler, framework},
};
use crate::{
    fact::{Fact, FileId, Kind},
    language::graph::{Covers, Layer, join},
    wiring::{Place, Wired},
};

/// A variable, parameter or function of a file.
pub(super) type Named = (FileId, String);

/// What stands behind a handler's argument.
pub(super) struct Peeled {
    pub guards: Vec<Layer>,
    pub name: String,
    pub lines: Option<String>,
    pub router: Option<usize>,
}

impl<'p> Wiring<'p> {
    /// Builds the mount tree.
    pub fn mount(&mut self) {
        self.identities();
        let every: Vec<(FileId, usize, &'p Fact, String)> =
            self.every().map(|(file, at, fact, name)| (file, at, fact, name.to_owned())).collect();
        for (file, _, fact, name) in &every {
            let Some(does) = self.does(name) else { continue };
            let id = fact.get("id").unwrap_or_default();
            let spot = Self::spot(*file, fact);
            let forward = self.forward(name).cloned();
            let (there, on) = match &forward {
                Some(_) => self.on(*file, fact, name),
                None => (*file, fact.get("from").unwrap_or("~net/http.DefaultServeMux").to_owned()),
            };
            let (there, on) = (there, on.as_str());
            let fixed = forward.map(|forward| forward.guards).unwrap_or_default();
            match does {
                Does::Makes(framework) => {
                    let node = self.graph.node(*file, id);
                    let mut app = Fact::new(Kind::App, framework, fact.line, fact.end).within(fact.symbol);
                    app.file = *file;
                    app.guard = fact.guard.clone();
                    app.attrs = fact.attrs.iter().filter(|(key, _)| plain(key)).cloned().collect();
                    if let Some(var) = fact.get("result") {
                        app = app.with("var", var);
                    }
                    app = app.with("constructor", name.clone());
                    self.graph.root(node, app);
                }
                Does::Group { prefix, guards } => {
                    let (child, parent) = (self.graph.node(*file, id), self.graph.node(there, on));
                    let prefix = prefix.and_then(|at| fact.get(&at.to_string())).unwrap_or_default();
                    let mut guards = guards.map(|from| self.layers(*file, fact, from)).unwrap_or_default();
                    guards.extend(fixed);
                    self.graph.hang(child, parent, prefix, guards, spot);
                }
                Does::Inside { prefix, body } => {
                    let parent = self.graph.node(there, on);
                    let prefix = prefix.and_then(|at| fact.get(&at.to_string())).unwrap_or_default();
                    if let Some(params) = fact.get(&format!("{body}.params")) {
                        let child = self.graph.node(*file, params.split(',').next().unwrap_or_default());
                        self.graph.hang(child, parent, prefix, fixed.clone(), spot);
                    } else if let Some(own) =
                        fact.get(&body.to_string()).map(|name| self.names.follow(name)).and_then(|name| self.names.defs.get(&name))
                    {
                        // `r.Route("/users", h.routes)`: the function's own first parameter is the router.
                        if let Some(param) = own.fact.get("params").and_then(|params| params.split(',').next()) {
                            let child = self.graph.node(own.place.file, param);
                            self.graph.hang(child, parent, prefix, fixed.clone(), spot);
                        }
                    }
                    let child = self.graph.node(*file, id);
                    self.graph.hang(child, parent, prefix, fixed.clone(), spot);
                }
                Does::Mount { prefix, what } => {
                    let parent = self.graph.node(there, on);
                    let path = fact.get(&prefix.to_string()).unwrap_or_default().to_owned();
                    if let Some(value) = fact.get(&format!("{what}.ref")) {
                        let child = self.graph.node(*file, value);
                        self.graph.hang(child, parent, &path, Vec::new(), spot);
                    }
                }
                Does::Same => {
                    let (a, b) = (self.graph.node(*file, id), self.graph.node(there, on));
                    self.graph.unite(a, b);
                }
                Does::Use(_) | Does::Route { .. } | Does::Failure(_) => {
                    self.graph.node(there, on);
                }
            }
        }
        // What stands before them comes last, when every router has its node.
        for (file, _, fact, name) in &every {
            let Some(Does::Use(from)) = self.does(name) else { continue };
            let (there, on) = match (self.forward(name), fact.get("from")) {
                (Some(_), _) => self.on(*file, fact, name),
                (None, Some(on)) => (*file, on.to_owned()),
                (None, None) => continue,
            };
            let node = self.graph.node(there, &on);
            let framework = self.forward(name).map(|forward| forward.framework).or_else(|| framework_of(name)).unwrap_or_default();
            let covers = if ["gin", "fiber", "ozzo"].contains(&framework) { Covers::Later } else { Covers::All };
            for layer in self.layers(*file, fact, from) {
                self.graph.layer(node, layer, covers);
            }
        }
    }

    /// Values that are the same router: variables and what they take, parameters and arguments, functions and what they give.
    fn identities(&mut self) {
        let mut handed: std::collections::BTreeMap<Named, Vec<(FileId, String, Fact)>> = std::collections::BTreeMap::new();
        let mut pairs: Vec<(Named, Named)> = Vec::new();
        let mut given: std::collections::BTreeMap<Named, Named> = std::collections::BTreeMap::new();
        for ((file, path, extract), names) in self.program.files.iter().zip(&self.calls) {
            if path.ends_with("_test.go") {
                continue;
            }
            for (fact, name) in extract.facts.iter().zip(names) {
                if !matches!(fact.kind, Kind::Call | Kind::Assign) {
                    continue;
                }
                let value = if fact.kind == Kind::Call { fact.get("id") } else { fact.get("from") };
                if let (Some(value), Some(into)) = (value, fact.get("into"))
                    && (fact.kind == Kind::Assign || self.is_router(name, 0))
                {
                    pairs.push(((*file, value.to_owned()), (*file, self.field(into))));
                }
                let wraps = self.forwards.wrappers.contains_key(name);
                if fact.get("literal").is_some() && wraps {
                    // A wrapped router is the one that it wraps; which one a field holds differs from value to value.
                    for (key, value) in fact.attrs.iter().filter_map(|(key, value)| key.strip_suffix(".ref").map(|key| (key, value))) {
                        if fact.get(&format!("{key}.type")).is_some_and(|of| self.routes_of(of).is_some())
                            && let Some(id) = fact.get("id")
                        {
                            pairs.push(((*file, value.clone()), (*file, id.to_owned())));
                        }
                    }
                } else if fact.get("literal").is_some() {
                    for (key, value) in fact.attrs.iter().filter_map(|(key, value)| key.strip_suffix(".ref").map(|key| (key, value))) {
                        if fact.get(&format!("{key}.type")).is_some_and(|of| self.routes_of(of).is_some()) {
                            pairs.push(((*file, value.clone()), (*file, self.field(&format!("~{name}.{key}")))));
                        }
                    }
                }
                let Some(own) = self.names.defs.get(name).filter(|own| own.fact.get("kind") != Some("class")) else { continue };
                let forwards = self.forward(name);
                if let (Some(id), Some(given)) = (fact.get("id").filter(|_| forwards.is_none()), own.fact.get("gives")) {
                    pairs.push(((*file, id.to_owned()), (own.place.file, self.field(given))));
                }
                let wraps = name.rsplit_once('.').is_some_and(|(class, _)| self.forwards.wrappers.contains_key(class));
                if let (Some(held), Some(from)) = (own.fact.get("self").filter(|_| wraps && forwards.is_none()), fact.get("from")) {
                    handed.entry((own.place.file, held.to_owned())).or_default().push((*file, self.field(from), fact.clone()));
                }
                for (number, param) in own.fact.get("params").unwrap_or_default().split(',').enumerate() {
                    let of = own
                        .fact
                        .all("param")
                        .find_map(|one| one.split_once(':').filter(|(name, _)| Some(*name) == param.split('@').next()));
                    if of.is_none_or(|(_, of)| self.routes_of(of).is_none()) {
                        // Something to put before routes, which a caller hands over: the first one tells which.
                        if let Some(value) = fact.get(&format!("{number}.ref")).filter(|_| of.is_some_and(|(_, of)| guards(of))) {
                            given.entry((own.place.file, param.to_owned())).or_insert_with(|| (*file, value.to_owned()));
                        }
                        continue;
                    }
                    if let Some(value) = fact.get(&format!("{number}.ref")) {
                        handed.entry((own.place.file, param.to_owned())).or_default().push((*file, self.field(value), fact.clone()));
                    }
                }
            }
        }
        self.given = given;
        for ((file, a), (other, b)) in pairs {
            let (a, b) = (self.graph.node(file, &a), self.graph.node(other, &b));
            self.graph.unite(a, b);
        }
        for ((file, param), mut values) in handed {
            let child = self.graph.node(file, &param);
            values.dedup_by(|a, b| a.0 == b.0 && a.1 == b.1);
            let single = values.len() == 1;
            for (from, value, call) in values {
                let parent = self.graph.node(from, &value);
                if single {
                    self.graph.unite(child, parent);
                } else {
                    self.graph.hang(child, parent, "", Vec::new(), Self::spot(from, &call));
                }
            }
        }
    }

    /// A field's value by its followed name.
    pub fn field(&self, value: &str) -> String {
        value.strip_prefix('~').map_or_else(|| value.to_owned(), |name| format!("~{}", self.names.follow(name)))
    }

    /// Whether a call gives a router: a library's, or a function of this repository that gives one.
    pub fn is_router(&self, name: &str, depth: usize) -> bool {
        if matches!(self.does(name), Some(Does::Makes(_) | Does::Group { .. } | Does::Same | Does::Inside { .. })) {
            return true;
        }
        let Some(own) = self.names.defs.get(name).filter(|_| depth < 4) else { return false };
        own.fact
            .get("returns")
            .is_some_and(|of| self.routes_of(of).is_some() || of == "net/http.Handler" && own.fact.get("gives").is_some())
    }

    /// What the arguments from this one on put before routes.
    fn layers(&self, file: FileId, fact: &'p Fact, from: usize) -> Vec<Layer> {
        let mut out = Vec::new();
        for number in from..from + 20 {
            let key = number.to_string();
            let Some(written) = fact.get(&key) else { break };
            // Fiber's `app.Use("/api", mw)` names a path first.
            if !written.starts_with('/') {
                out.extend(self.layer(file, fact, &key));
            }
        }
        out
    }

    /// Takes wrappers off a handler.
    pub fn peel(&self, file: FileId, call: &'p Fact, key: &str, depth: usize) -> Peeled {
        let out = Peeled {
            guards: Vec::new(),
            name: self.names.follow(call.get(key).unwrap_or_default()),
            lines: call.get(&format!("{key}.lines")).map(str::to_owned),
            router: None,
        };
        if depth > 12 || out.lines.is_some() {
            return out;
        }
        let Some(value) = call.get(&format!("{key}.ref")) else { return out };
        self.unwrapped(file, value, Some(call), out, depth)
    }

    /// What a function hands back, without its wrappers.
    pub fn handed_back(&self, file: FileId, value: &str) -> Peeled {
        let out = Peeled { guards: Vec::new(), name: String::new(), lines: None, router: None };
        self.unwrapped(file, value, None, out, 0)
    }

    fn unwrapped(&self, file: FileId, value: &str, call: Option<&'p Fact>, mut out: Peeled, depth: usize) -> Peeled {
        let value = self.field(value);
        if let Some(node) = self.graph.known(file, &value).filter(|node| self.graph.is_router(*node)) {
            out.router = Some(node);
            return out;
        }
        let made = if value.starts_with('#') {
            self.fact(file, &value).map(|(at, fact)| (file, at, fact))
        } else {
            self.taken(file, &value).into_iter().last().filter(|(_, _, fact)| call.is_none_or(|call| !std::ptr::eq(*fact, call)))
        };
        let Some((from, at, made)) = made else { return out };
        let name = self.name(from, at).to_owned();
        out.name.clone_from(&name);
        if made.get("literal").is_some() {
            // A type with a `ServeHTTP` of its own.
            out.name = format!("{name}.ServeHTTP");
            return out;
        }
        let inner = (0..12usize).rev().map(|number| number.to_string()).find(|key| self.handles(from, made, key));
        if let Some(inner) = inner {
            if !name.ends_with("http.StripPrefix") {
                let mut layer = Layer {
                    name: name.clone(),
                    file: from,
                    line: made.line,
                    end: made.end,
                    symbol: made.symbol,
                    guard: made.guard.clone(),
                    order: Self::spot(from, made).order,
                    ..Layer::default()
                };
                let maker =
                    made.get("from").filter(|from| from.starts_with('#')).and_then(|id| self.fact(from, id)).map_or(made, |(_, fact)| fact);
                layer.attrs = maker.attrs.iter().filter(|(key, _)| plain(key)).cloned().collect();
                layer.attrs.extend(self.within(&name).into_iter().map(|name| ("calls".into(), name)));
                out.guards.push(layer);
            }
            let deeper = self.peel(from, made, &inner, depth + 1);
            out.guards.extend(deeper.guards);
            (out.name, out.lines, out.router) = (deeper.name, deeper.lines, deeper.router);
        }
        out
    }

    /// Whether an argument is something that answers requests.
    fn handles(&self, file: FileId, call: &Fact, key: &str) -> bool {
        let Some(written) = call.get(key) else { return false };
        if call.get(&format!("{key}.lines")).is_some() {
            return true;
        }
        let kind = |of: &str| {
            matches!(
                of,
                "net/http.Handler"
                    | "net/http.HandlerFunc"
                    | "github.com/gin-gonic/gin.HandlerFunc"
                    | "github.com/labstack/echo.HandlerFunc"
            )
        };
        if call.get(&format!("{key}.type")).is_some_and(|of| kind(of) || framework(of).is_some()) {
            return true;
        }
        if let Some(value) = call.get(&format!("{key}.ref")) {
            if value.starts_with('#') {
                let Some((at, _)) = self.fact(file, value) else { return false };
                let name = self.name(file, at);
                return self.is_router(name, 0)
                    || name.ends_with("Handler")
                    || name.ends_with("HandlerFor")
                    || name.ends_with("FileServer")
                    || name.ends_with("StripPrefix")
                    || self.names.defs.get(name).is_some_and(|own| own.fact.get("returns").is_some_and(kind));
            }
            if self.graph.known(file, &self.field(value)).is_some_and(|node| self.graph.is_router(node)) {
                return true;
            }
        }
        let name = self.names.follow(written);
        self.names.defs.get(&name).is_some_and(|own| {
            matches!(own.fact.get("kind"), Some("function" | "method"))
                && own.fact.all("param").any(|one| {
                    ["net/http.Request", "gin.Context", "echo.Context", "fiber.Ctx", "routing.Context"].iter().any(|of| one.ends_with(of))
                })
        })
    }

    /// The routes, on all their ways.
    pub fn routes(&mut self, wired: &mut Wired) {
        let every: Vec<(FileId, &'p Fact, String)> = self.every().map(|(file, _, fact, name)| (file, fact, name.to_owned())).collect();
        // A handler that is itself a router is a mount: all of them before the first route.
        let mut routes = Vec::new();
        for (file, fact, name) in &every {
            let forward = self.forward(name);
            match self.does(name) {
                Some(Does::Route { method, path, handler }) => {
                    let key = match handler {
                        Handler::At(at) => at,
                        Handler::Last => {
                            (path + 1..path + 30).take_while(|at| fact.get(&at.to_string()).is_some()).last().unwrap_or(path + 1)
                        }
                    };
                    let (there, on) = self.on(*file, fact, name);
                    let beside = forward.map(|forward| self.beside(*file, fact, forward));
                    let (verb, prefix) = forward.map(|forward| (forward.verb, forward.prefix.clone())).unwrap_or_default();
                    let forwards = forward.is_some();
                    let node = self.graph.node(there, &on);
                    let mut peeled = self.peel(*file, fact, &key.to_string(), 0);
                    let between = match handler {
                        Handler::Last => (path + 1..key).collect::<Vec<_>>(),
                        Handler::At(_) if forwards => Vec::new(),
                        Handler::At(at) => (at + 1..at + 20).take_while(|at| fact.get(&at.to_string()).is_some()).collect(),
                    };
                    let mut guards: Vec<Layer> = between.into_iter().filter_map(|at| self.layer(*file, fact, &at.to_string())).collect();
                    guards.extend(beside.unwrap_or_default());
                    guards.append(&mut peeled.guards);
                    let written = if path == usize::MAX { "" } else { fact.get(&path.to_string()).unwrap_or_default() };
                    let named = verb
                        .and_then(|at| fact.get(&at.to_string()))
                        .map(|verb| verb.rsplit("Method").next().unwrap_or(verb).to_ascii_uppercase());
                    let method = named.unwrap_or(method);
                    let (method, written) = self.method(*file, fact, &method, if forwards { 0 } else { path }, written);
                    let written = join(&prefix, &written);
                    if let Some(child) = peeled.router.filter(|child| *child != node) {
                        self.graph.hang(child, node, &written, guards, Self::spot(*file, fact));
                    } else {
                        routes.push((*file, *fact, name.clone(), node, method, written, guards, peeled));
                    }
                }
                Some(Does::Failure(status)) => {
                    let handler = fact.get("0").map(|name| self.names.follow(name)).unwrap_or_default();
                    let mut failure = Fact::new(Kind::Handler, status, fact.line, fact.end).within(fact.symbol).with("handler", handler);
                    failure.file = *file;
                    wired.facts.push(failure);
                }
                _ => {}
            }
        }
        for (file, fact, name, node, method, path, guards, peeled) in &routes {
            let place = self.place(&peeled.name);
            for way in self.graph.ways(*node, Self::spot(*file, fact)) {
                let full = join(&way.prefix, path);
                let full = if full.is_empty() { "/".to_owned() } else { full };
                let framework = self.forward(name).map(|forward| forward.framework).or_else(|| framework_of(name)).unwrap_or("net/http");
                let mut route = Fact::new(Kind::Route, format!("{method} {full}"), fact.line, fact.end).within(fact.symbol);
                route.file = *file;
                route.guard = fact.guard.clone();
                route = route.with("method", method).with("path", &full).with("handler", &peeled.name).with("framework", framework);
                for guard in way.guards.iter().chain(guards) {
                    route = route.with("guard", guard.shown());
                }
                for part in full.split('/').filter(|part| part.starts_with([':', '{', '*', '<'])) {
                    route = route.with("param", part.trim_matches(['{', '}', ':', '*', '<', '>']).split(':').next().unwrap_or_default());
                }
                let at = match (&peeled.lines, place) {
                    (Some(_), _) => Some(Place { file: *file, symbol: fact.symbol }),
                    (None, place) => place,
                };
                if let Some(at) = at {
                    let lines = peeled.lines.as_deref();
                    for param in self.asked(at.file, at, lines) {
                        route = route.with("param", param);
                    }
                    if self.leaks(at.file, at, lines) {
                        route = route.with("leaks", "yes");
                    }
                }
                let calls = match (&peeled.lines, place) {
                    (Some(range), _) => self.inside(*file, fact.symbol, range),
                    (None, Some(_)) => self.within(&peeled.name),
                    _ => vec![peeled.name.clone()],
                };
                route = handled(route, &calls, place.is_some() || peeled.lines.is_some());
                if let Some(place) = place {
                    // The place of a route's registration runs its handler.
                    wired.leads.push((Place { file: *file, symbol: fact.symbol }, place));
                }
                wired.facts.push(route);
            }
        }
        let mut apps: Vec<Fact> = Vec::new();
        for (node, app) in self.graph.roots() {
            // Sub-routers are routers, no apps.
            if self.graph.is_top(node) {
                apps.push(app.clone());
            }
        }
        wired.facts.extend(apps);
        let layers = self.graph.middleware();
        wired.facts.extend(layers);
    }

    /// Method and path: from the pattern (`GET /users`), from `.Methods("GET")`, from the call itself.
    pub fn method(&self, file: FileId, fact: &Fact, method: &str, path: usize, written: &str) -> (String, String) {
        if !method.is_empty() {
            return (method.to_owned(), written.to_owned());
        }
        if path == 1 {
            let verb = fact.get("0").unwrap_or_default();
            let verb = verb.rsplit("Method").next().unwrap_or(verb).to_ascii_uppercase();
            return (verb, written.to_owned());
        }
        if let Some((verb, rest)) = written.split_once(' ')
            && verb.bytes().all(|byte| byte.is_ascii_uppercase())
        {
            // A pattern may name a host before the path.
            return (verb.to_owned(), rest.find('/').map_or(rest, |at| &rest[at..]).trim().to_owned());
        }
        let asked = |text: &str| {
            text.strip_prefix("Methods(")
                .map(|rest| rest.trim_end_matches(')').replace("net/http.Method", "").to_ascii_uppercase().replace(',', "|"))
        };
        let mut found = fact.all("then").find_map(asked);
        let mut before = fact.get("from").filter(|id| id.starts_with('#')).map(str::to_owned);
        for _ in 0..6 {
            let Some((_, call)) = before.as_deref().and_then(|id| self.fact(file, id)) else { break };
            found = found.or_else(|| {
                call.name.ends_with(".Methods").then(|| {
                    (0..8)
                        .map_while(|at: u32| call.get(&at.to_string()))
                        .collect::<Vec<_>>()
                        .join("|")
                        .replace("net/http.Method", "")
                        .to_ascii_uppercase()
                })
            });
            before = call.get("from").filter(|id| id.starts_with('#')).map(str::to_owned);
        }
        (found.unwrap_or_else(|| "ANY".into()), written.to_owned())
    }
}

/// Whether a type is one of what stands before routes.
fn guards(of: &str) -> bool {
    of == "func" || [".HandlerFunc", ".MiddlewareFunc", "fiber.Handler", "routing.Handler"].iter().any(|end| of.ends_with(end))
}

pub(super) fn framework_of(name: &str) -> Option<&'static str> {
    let class = name.rsplit_once('.').map_or(name, |(class, _)| class);
    framework(class)
}

/// What a handler's calls say of its input and output.
fn handled(mut route: Fact, calls: &[String], known: bool) -> Fact {
    let any = |words: &[&str]| calls.iter().any(|call| words.iter().any(|word| call.ends_with(word)));
    let input = if any(&[
        "Bind",
        "BindJSON",
        "ShouldBindJSON",
        "ShouldBind",
        "ShouldBindQuery",
        "ShouldBindUri",
        "BodyParser",
        "Decoder.Decode",
        "json.NewDecoder",
        "DecodeJSON",
        "json.Unmarshal",
        "BindAndValidate",
    ]) {
        "typed"
    } else if any(&["io.ReadAll", "ioutil.ReadAll", "GetRawData", "FormValue", "PostForm", "ParseForm", ".Body"]) {
        "raw"
    } else {
        "none"
    };
    let output = any(&[
        ".JSON",
        "Encoder.Encode",
        "json.NewEncoder",
        "json.Marshal",
        "render.JSON",
        "IndentedJSON",
        "RespondJSON",
        "WriteJSON",
        "writeJSON",
        "JSONPretty",
    ]);
    let name = route.get("handler").unwrap_or_default().rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    let reads = matches!(route.get("method"), Some("GET" | "ANY"));
    let list = reads && ["list", "index", "all", "search", "find"].iter().any(|word| name.contains(word)) && !name.contains("byid");
    let answers = [
        "JSON",
        "String",
        "Write",
        "WriteHeader",
        "WriteString",
        "Status",
        "SendString",
        "SendStatus",
        "NoContent",
        "Header",
        "Set",
        "Encode",
        "NewEncoder",
        "Fprint",
        "Fprintf",
        "Fprintln",
        "Error",
        "H",
        "Map",
        "byte",
        "Now",
        "Since",
        "HTML",
        "Text",
        "Marshal",
        "JSONPretty",
        "Data",
        "Add",
    ];
    let constant = known && calls.iter().all(|call| answers.contains(&call.rsplit('.').next().unwrap_or(call)));
    route = route.with("input", input).with("output", if output { "typed" } else { "none" });
    route = route.with("list", if list { "yes" } else { "no" }).with("constant", if constant { "yes" } else { "no" });
    for call in calls {
        route.attrs.push(("calls".into(), call.clone()));
    }
    route
}
