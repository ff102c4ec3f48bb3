//! Routers on routers: nest, merge, scope, service, configure, mount.

use std::collections::BTreeMap;

use super::{Raw, Wiring, plain};
use crate::{
    fact::{Fact, FileId, Kind},
    language::graph::{Covers, Layer, Spot},
    wiring::{Place, Wired},
};

const VERBS: &[&str] = &["get", "post", "put", "patch", "delete", "head", "options", "trace", "any", "connect"];

impl<'p> Wiring<'p> {
    /// Builds the mount tree and gathers the routes on it.
    pub fn mount(&mut self, wired: &mut Wired) -> Vec<Raw> {
        let calls: Vec<(FileId, &'p Fact)> = self.calls().collect();
        self.identities(&calls);
        let mut raws = Vec::new();
        // Scopes and resources know their own path before anybody takes them up.
        let mut outer: BTreeMap<usize, usize> = BTreeMap::new();
        for (file, fact) in &calls {
            let id = fact.get("id").unwrap_or_default();
            if matches!(
                fact.name.as_str(),
                "actix_web.web.scope" | "actix_web.web.resource" | "actix_web.Scope.new" | "actix_web.Resource.new"
            ) {
                let (inner, around) = (self.graph.node(*file, id), self.graph.node(*file, &format!("^{id}")));
                self.graph.hang(inner, around, fact.get("0").unwrap_or_default(), Vec::new(), Self::spot(*file, fact));
                outer.insert(inner, around);
            }
        }
        for (file, fact) in &calls {
            let spot = Self::spot(*file, fact);
            let on = fact.get("from").unwrap_or_default();
            let name = self.named(*file, fact).to_owned();
            let Some((class, method)) = name.rsplit_once('.') else { continue };
            let axum = class.ends_with("axum.Router") || class.ends_with("OpenApiRouter") || class.ends_with("ApiRouter");
            let actix = matches!(class, "actix_web.App" | "actix_web.Scope" | "actix_web.Resource" | "actix_web.web.ServiceConfig");
            match (method, fact.get("0").unwrap_or_default()) {
                ("new" | "default" | "with_openapi", _) if axum || class == "actix_web.App" => {
                    self.app(*file, fact, if axum { "axum" } else { "actix-web" })
                }
                ("build" | "custom", _) if class == "rocket" => self.app(*file, fact, "rocket"),
                ("route" | "route_service", path) if axum => {
                    let node = self.graph.node(*file, on);
                    raws.extend(self.methods(*file, fact, "1", node, path, spot));
                }
                ("routes", _) if axum => {
                    let node = self.graph.node(*file, on);
                    let handlers = fact.get("0.ref").and_then(|id| self.call(*file, id)).filter(|call| call.name.ends_with("routes"));
                    for handler in
                        handlers.into_iter().flat_map(|call| call.attrs.iter().filter(|(key, _)| key.bytes().all(|b| b.is_ascii_digit())))
                    {
                        raws.extend(self.marked(*file, fact, &handler.1, node, "", spot, "axum"));
                    }
                }
                ("nest" | "nest_service", path) if axum => self.below(*file, fact, "1", on, path, spot),
                ("merge", _) if axum => self.below(*file, fact, "0", on, "", spot),
                ("layer" | "route_layer", _) if axum => {
                    let node = self.graph.node(*file, on);
                    for layer in self.layers(*file, fact, "0") {
                        self.graph.layer(node, layer, Covers::Earlier);
                    }
                }
                ("fallback", handler) if axum => wired.facts.push(self.here(*file, fact, Kind::Handler, "404").with("handler", handler)),
                ("wrap" | "wrap_fn", _) if actix => {
                    let node = self.graph.node(*file, on);
                    for layer in self.layers(*file, fact, "0") {
                        self.graph.layer(node, layer, Covers::All);
                    }
                }
                ("route", path) if actix => {
                    let node = self.graph.node(*file, on);
                    let (key, path) = if class == "actix_web.Resource" { ("0", "") } else { ("1", path) };
                    raws.extend(self.to(*file, fact, key, node, path, spot));
                }
                ("to", handler) if class == "actix_web.Resource" => {
                    let node = self.graph.node(*file, on);
                    raws.push(self.raw(*file, fact, node, spot, "ANY", "", handler, "actix-web"));
                }
                ("service", handler) if actix => {
                    let node = self.graph.node(*file, on);
                    let value = fact.get("0.ref").unwrap_or_default();
                    if let Some(child) = self.graph.known(*file, value).filter(|_| !value.starts_with('~')) {
                        let inner = outer
                            .iter()
                            .find(|(inner, _)| self.graph.known(*file, value).is_some() && self.same(**inner, child))
                            .map_or(child, |(_, around)| *around);
                        self.graph.hang(inner, node, "", Vec::new(), spot);
                    } else {
                        raws.extend(self.marked(*file, fact, handler, node, "", spot, "actix-web"));
                    }
                }
                ("configure", handler) if actix => {
                    let node = self.graph.node(*file, on);
                    if let Some(params) = fact.get("0.params") {
                        let child = self.graph.node(*file, params.split(',').next().unwrap_or_default());
                        self.graph.hang(child, node, "", Vec::new(), spot);
                    } else if let Some((place, param)) =
                        self.own(*file, handler).and_then(|own| Some((own.place, own.fact.get("params")?.split(',').next()?.to_owned())))
                    {
                        let child = self.graph.node(place.file, &param);
                        self.graph.hang(child, node, "", Vec::new(), spot);
                        wired.leads.push((Place { file: *file, symbol: fact.symbol }, place));
                    }
                }
                // What is called on may be a parameter of a closure, whose type nobody wrote; the list of routes says it.
                ("mount", _) if matches!(class, "rocket.Rocket" | "?") => {
                    let node = self.graph.node(*file, on);
                    raws.extend(self.mounted(*file, fact, node, spot));
                }
                ("attach", _) if class == "rocket.Rocket" => {
                    let node = self.graph.node(*file, on);
                    for layer in self.layers(*file, fact, "0") {
                        self.graph.layer(node, layer, Covers::All);
                    }
                }
                ("register", _) if class == "rocket.Rocket" => {
                    for (at, list, handler) in self.listed(*file, fact, "1", "catchers") {
                        wired.facts.push(self.here(at, list, Kind::Handler, "status").with("handler", handler));
                    }
                }
                ("serve", _) if class == "warp" => {
                    wired.facts.push(self.here(*file, fact, Kind::App, "warp").with("constructor", &fact.name))
                }
                ("builder", _) if class == "tonic.transport.Server" => {
                    wired.facts.push(self.here(*file, fact, Kind::App, "grpc").with("constructor", &fact.name))
                }
                // A router of its own: `routes.delete("/notes", WRITE, forget)`.
                (verb, path) if VERBS.contains(&verb) && path.starts_with('/') && !class.starts_with("reqwest") => {
                    let last = (1..10).take_while(|at: &u32| fact.get(&at.to_string()).is_some()).last();
                    let Some(key) = last.map(|at| at.to_string()) else { continue };
                    let Some(handler) = fact.get(&key).filter(|name| {
                        self.own(*file, name).is_some_and(|own| matches!(own.fact.get("kind"), Some("function" | "method")))
                    }) else {
                        continue;
                    };
                    let node = self.graph.node(*file, &format!("own {}", fact.get("from").unwrap_or_default()));
                    let mut raw = self.raw(*file, fact, node, spot, &verb.to_ascii_uppercase(), path, handler, "own");
                    for at in 1..last.unwrap_or(1) {
                        raw.guards.extend(self.layers(*file, fact, &at.to_string()));
                    }
                    raws.push(raw);
                }
                _ => {}
            }
        }
        raws
    }

    fn same(&self, a: usize, b: usize) -> bool {
        self.graph.root_of(a) == self.graph.root_of(b)
    }

    fn here(&self, file: FileId, fact: &Fact, kind: Kind, name: &str) -> Fact {
        let mut made = Fact::new(kind, name, fact.line, fact.end).within(fact.symbol);
        made.file = file;
        made.guard = fact.guard.clone();
        made
    }

    fn app(&mut self, file: FileId, fact: &'p Fact, framework: &str) {
        let node = self.graph.node(file, fact.get("id").unwrap_or_default());
        let mut app = self.here(file, fact, Kind::App, framework).with("constructor", &fact.name);
        app.attrs.extend(fact.attrs.iter().filter(|(key, _)| plain(key)).cloned());
        if let Some(var) = fact.get("result") {
            app = app.with("var", var);
        }
        self.graph.root(node, app);
    }

    fn below(&mut self, file: FileId, fact: &'p Fact, key: &str, on: &str, path: &str, spot: Spot) {
        let Some(value) = fact.get(&format!("{key}.ref")) else { return };
        let (child, parent) = (self.graph.node(file, value), self.graph.node(file, on));
        self.graph.hang(child, parent, path, Vec::new(), spot);
    }

    /// Values that are the same router: a chain's, a variable's and what it takes, what a function gives.
    fn identities(&mut self, calls: &[(FileId, &'p Fact)]) {
        let chained = [
            "axum.Router",
            "OpenApiRouter",
            "ApiRouter",
            "actix_web.App",
            "actix_web.Scope",
            "actix_web.Resource",
            "actix_web.web.ServiceConfig",
            "rocket.Rocket",
        ];
        for (file, fact) in calls {
            let Some(id) = fact.get("id") else { continue };
            let name = self.named(*file, fact).to_owned();
            let class = name.rsplit_once('.').map_or("", |(class, _)| class);
            let routing = chained.iter().any(|name| class.ends_with(name));
            if let Some(on) = fact.get("from").filter(|_| routing) {
                let (a, b) = (self.graph.node(*file, id), self.graph.node(*file, on));
                self.graph.unite(a, b);
            }
            let own = self.own(*file, &name).filter(|own| own.fact.get("kind") != Some("class")).map(|own| (own.place, own.fact));
            let gives = own.and_then(|(place, def)| Some((place, def.get("gives")?))).filter(|(_, _)| {
                own.is_some_and(|(_, def)| def.get("returns").is_some_and(|of| chained.iter().any(|name| of.ends_with(name))))
            });
            if let Some((place, given)) = gives {
                let (a, b) = (self.graph.node(*file, id), self.graph.node(place.file, given));
                self.graph.unite(a, b);
            }
            if let Some(into) =
                fact.get("into").filter(|_| routing || gives.is_some() || class.starts_with("actix_web.web") || class == "rocket")
            {
                let (a, b) = (self.graph.node(*file, id), self.graph.node(*file, into));
                self.graph.unite(a, b);
            }
            // A router that is handed to a function and comes back with more on it.
            if let Some((place, def)) = own {
                for (number, param) in def.get("params").unwrap_or_default().split(',').enumerate() {
                    let local = param.split('@').next().unwrap_or_default();
                    let of =
                        def.all("param").find_map(|one| one.rsplit_once(':').filter(|(name, _)| name.trim_start_matches("mut ") == local));
                    if let (Some(_), Some(value)) =
                        (of.filter(|(_, of)| chained.iter().any(|name| of.ends_with(name))), fact.get(&format!("{number}.ref")))
                    {
                        let (a, b) = (self.graph.node(*file, value), self.graph.node(place.file, param));
                        self.graph.unite(a, b);
                    }
                }
            }
        }
    }

    #[allow(clippy::too_many_arguments, reason = "a route is that many things")]
    fn raw(
        &self,
        file: FileId,
        fact: &Fact,
        node: usize,
        spot: Spot,
        method: &str,
        path: &str,
        handler: &str,
        framework: &'static str,
    ) -> Raw {
        Raw {
            node,
            spot,
            method: method.to_owned(),
            path: path.to_owned(),
            handler: handler.to_owned(),
            lines: None,
            data: None,
            framework,
            guards: Vec::new(),
            file,
            line: fact.line,
            end: fact.end,
            symbol: fact.symbol,
            guard: fact.guard.clone(),
        }
    }

    /// `get(a).post(b).layer(c)` of axum.
    fn methods(&self, file: FileId, fact: &'p Fact, key: &str, node: usize, path: &str, spot: Spot) -> Vec<Raw> {
        let Some(last) = fact.get(&format!("{key}.ref")).and_then(|id| self.call(file, id)) else { return Vec::new() };
        let mut out: Vec<Raw> = Vec::new();
        for call in self.chain(file, last) {
            let method = call.name.rsplit('.').next().unwrap_or_default();
            let verb = method.trim_end_matches("_service");
            if matches!(method, "layer" | "route_layer") {
                let layers: Vec<Layer> = self.layers(file, call, "0");
                for raw in &mut out {
                    raw.guards.extend(layers.iter().cloned());
                }
            } else if VERBS.contains(&verb) || method == "on" {
                let key = if method == "on" { "1" } else { "0" };
                let verb = if method == "on" { call.get("0").unwrap_or_default().rsplit('.').next().unwrap_or_default() } else { verb };
                let mut raw = self.raw(file, call, node, spot, &verb.to_ascii_uppercase(), path, call.get(key).unwrap_or_default(), "axum");
                raw.lines = call.get(&format!("{key}.lines")).map(str::to_owned);
                // A chain begins where its first call does; the handler's own line is that of its argument.
                raw.end = call.end;
                raw.line = call.end.max(call.line);
                out.push(raw);
            }
        }
        out
    }

    /// `web::get().guard(g).to(handler)` of actix.
    fn to(&self, file: FileId, fact: &'p Fact, key: &str, node: usize, path: &str, spot: Spot) -> Option<Raw> {
        let last = fact.get(&format!("{key}.ref")).and_then(|id| self.call(file, id))?;
        let chain = self.chain(file, last);
        let verb = chain.first()?.name.rsplit('.').next().unwrap_or_default().to_ascii_uppercase();
        let to = chain.iter().find(|call| call.name.ends_with(".to"))?;
        let verb = if VERBS.contains(&verb.to_ascii_lowercase().as_str()) { verb } else { "ANY".to_owned() };
        let mut raw = self.raw(file, to, node, spot, &verb, path, to.get("0").unwrap_or_default(), "actix-web");
        raw.lines = to.get("0.lines").map(str::to_owned);
        for call in chain.iter().filter(|call| call.name.ends_with(".wrap")) {
            raw.guards.extend(self.layers(file, call, "0"));
        }
        Some(raw)
    }

    /// A function whose attribute names method and path.
    #[allow(clippy::too_many_arguments, reason = "a route is that many things")]
    pub(super) fn marked(
        &self,
        file: FileId,
        fact: &'p Fact,
        handler: &str,
        node: usize,
        prefix: &str,
        spot: Spot,
        framework: &'static str,
    ) -> Option<Raw> {
        let own = self.own(file, handler)?;
        let marks = self.marks.get(&own.place)?;
        let documented = |mark: &&&Fact| mark.name == "utoipa.path";
        let mark = marks
            .iter()
            .find(|mark| mark.name.rsplit('.').next().is_some_and(|last| VERBS.contains(&last) || last == "route"))
            .or(marks.iter().find(documented))?;
        let verb =
            if mark.name == "utoipa.path" { mark.get("0").unwrap_or_default() } else { mark.name.rsplit('.').next().unwrap_or_default() };
        // `#[route("/x", method = "GET")]` and `#[route(GET, uri = "/x")]`.
        let verb = match (verb, mark.get("uri")) {
            ("route", Some(_)) => mark.get("0").unwrap_or("ANY").rsplit(['.', ':']).next().unwrap_or("ANY").to_owned(),
            ("route", None) => mark.get("method").unwrap_or("ANY").to_owned(),
            (verb, _) => verb.to_ascii_uppercase(),
        };
        let path = crate::language::graph::join(prefix, mark.get("path").or(mark.get("uri")).or(mark.get("0")).unwrap_or_default());
        let mut raw = self.raw(file, fact, node, spot, &verb, &path, &own.fact.name, framework);
        // The attribute is where people look for the route.
        (raw.file, raw.line, raw.end, raw.symbol) = (own.place.file, mark.line, mark.end, own.place.symbol);
        if let Some(wrap) = mark.get("wrap") {
            raw.guards.push(Layer { name: wrap.to_owned(), file: own.place.file, line: mark.line, end: mark.end, ..Layer::default() });
        }
        Some(raw)
    }
}
