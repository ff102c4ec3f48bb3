//! What servers serve: chains of wrappers around the handler, gRPC and connect services, and how serving ends.

use super::{Wiring, plain};
use crate::{
    fact::{Fact, FileId, Kind},
    language::graph::{Covers, Layer},
    wiring::{Place, Wired},
};

impl<'p> Wiring<'p> {
    /// Wrappers around what is served stand before all its routes.
    pub fn serve(&mut self, wired: &mut Wired) {
        let every: Vec<(FileId, &'p Fact, String)> = self.every().map(|(file, _, fact, name)| (file, fact, name.to_owned())).collect();
        // What stands before the methods of all services of one protocol.
        let mut guards: Vec<(&'static str, String)> = Vec::new();
        for (file, fact, name) in &every {
            let Some(protocol) = intercepts(name) else { continue };
            let layers = (0..20u32).map_while(|number| self.layer(*file, fact, &number.to_string()));
            guards.extend(layers.map(|layer| (protocol, layer.shown())));
        }
        for (file, fact, name) in &every {
            let key = match name.as_str() {
                "net/http.ListenAndServe" | "net/http.Serve" => "1",
                "net/http.ListenAndServeTLS" => "3",
                "net/http.Server" => "Handler",
                _ => {
                    self.rpc(*file, fact, name, &guards, wired);
                    continue;
                }
            };
            let Some(given) = fact.get(key) else { continue };
            if given == "nil" {
                let node = self.graph.node(*file, "~net/http.DefaultServeMux");
                let mut app = Fact::new(Kind::App, "net/http", fact.line, fact.end).within(fact.symbol);
                app.file = *file;
                self.graph.root(node, app);
                continue;
            }
            let peeled = self.peel(*file, fact, key, 0);
            let Some(node) = peeled.router else { continue };
            for layer in peeled.guards.into_iter() {
                self.graph.layer(node, layer, Covers::All);
            }
        }
        // `return logging(mux)`: whoever mounts or serves it gets the wrapped one.
        let makers = self.program.files.iter().flat_map(|(file, _, extract)| {
            let made = extract.facts.iter().filter(|fact| fact.kind == Kind::Def && fact.get("returns") == Some("net/http.Handler"));
            made.flat_map(|fact| fact.all("gives").filter(|value| value.starts_with('#')).map(|value| (*file, value.to_owned())))
        });
        for (file, value) in makers.collect::<Vec<_>>() {
            let peeled = self.handed_back(file, &value);
            let Some(node) = peeled.router else { continue };
            for layer in peeled.guards {
                self.graph.layer(node, layer, Covers::All);
            }
        }
        // `handler = logging(handler)` before it is served: the same variable takes the wrapped one.
        let mut seen = Vec::new();
        for (file, fact, _) in &every {
            let (Some(into), Some(id)) = (fact.get("into"), fact.get("id")) else { continue };
            let Some(key) = (0..8).map(|at| at.to_string()).find(|key| fact.get(&format!("{key}.ref")) == Some(into)) else { continue };
            let into = self.field(into);
            let Some(node) = self.graph.known(*file, &into).filter(|node| self.graph.is_router(*node)) else { continue };
            if seen.contains(&(*file, id)) || fact.get(&key).is_none() {
                continue;
            }
            seen.push((*file, id));
            let name = self.fact(*file, id).map(|(at, _)| self.name(*file, at).to_owned()).unwrap_or_default();
            let mut layer = Layer {
                name,
                file: *file,
                line: fact.line,
                end: fact.end,
                symbol: fact.symbol,
                guard: fact.guard.clone(),
                order: Self::spot(*file, fact).order,
                ..Layer::default()
            };
            layer.attrs = fact.attrs.iter().filter(|(key, _)| plain(key)).cloned().collect();
            layer.attrs.extend(self.within(&layer.name).into_iter().map(|name| ("calls".into(), name)));
            self.graph.layer(node, layer, Covers::All);
        }
    }

    /// Services of gRPC and connect.
    fn rpc(&mut self, file: FileId, fact: &'p Fact, name: &str, guards: &[(&str, String)], wired: &mut Wired) {
        let here = |kind: Kind, name: String| {
            let mut made = Fact::new(kind, name, fact.line, fact.end).within(fact.symbol);
            made.file = file;
            made.guard = fact.guard.clone();
            made
        };
        if name == "google.golang.org/grpc.NewServer" {
            let mut app = here(Kind::App, "grpc".into()).with("constructor", name);
            app.attrs.extend(fact.attrs.iter().filter(|(key, _)| plain(key)).cloned());
            wired.facts.push(app);
            return;
        }
        if intercepts(name).is_some() {
            for number in 0..20u32 {
                let Some(layer) = self.layer(file, fact, &number.to_string()) else { break };
                let mut middleware = here(Kind::Middleware, layer.name).with("order", number.to_string()).with("scope", "app");
                middleware.attrs.extend(layer.attrs);
                wired.facts.push(middleware);
            }
            return;
        }
        let last = name.rsplit('.').next().unwrap_or(name);
        let grpc = last.strip_prefix("Register").and_then(|rest| rest.strip_suffix("Server")).filter(|_| fact.get("1").is_some());
        let handler = last.strip_prefix("New").and_then(|rest| rest.strip_suffix("Handler")).filter(|_| name.contains("connect."));
        let (Some(service), key) = (grpc.or(handler), if grpc.is_some() { "1" } else { "0" }) else { return };
        if service.is_empty() {
            return;
        }
        let of = fact.get(&format!("{key}.type")).map(|of| self.names.follow(of)).unwrap_or_default();
        let framework = if grpc.is_some() { "grpc" } else { "connect" };
        let methods: Vec<String> =
            self.names.defs.range(format!("{of}.")..format!("{of}/")).filter(|_| !of.is_empty()).map(|(name, _)| name.clone()).collect();
        for method in methods.iter().filter(|name| name.rsplit('.').next().is_some_and(|last| last.starts_with(char::is_uppercase))) {
            let Some(place) = self.place(method) else { continue };
            let path = format!("/{service}/{}", method.rsplit('.').next().unwrap_or_default());
            let mut route = here(Kind::Route, format!("RPC {path}")).with("method", "RPC").with("path", path).with("handler", method);
            route = route.with("framework", framework).with("input", "typed").with("output", "typed");
            for (_, guard) in guards.iter().filter(|(protocol, _)| *protocol == framework) {
                route = route.with("guard", guard);
            }
            for call in self.within(method) {
                route = route.with("calls", call);
            }
            wired.facts.push(route);
            wired.leads.push((Place { file, symbol: fact.symbol }, place));
        }
        if methods.is_empty() {
            let path = format!("/{service}/*");
            let route = here(Kind::Route, format!("RPC {path}")).with("method", "RPC").with("path", path).with("handler", of);
            wired.facts.push(route.with("framework", framework).with("input", "typed").with("output", "typed"));
        }
    }

    /// Where serving ends in order.
    pub fn hooks(&self, wired: &mut Wired) {
        let signals = self.every().any(|(_, _, _, name)| matches!(name, "os/signal.Notify" | "os/signal.NotifyContext"));
        for (file, _, fact, name) in self.every() {
            let stops =
                ["net/http.Server.Shutdown", "google.golang.org/grpc.Server.GracefulStop", "github.com/labstack/echo.Echo.Shutdown"]
                    .contains(&name)
                    || name.starts_with("github.com/gofiber/fiber.App.Shutdown")
                    || name == "net/http.Server.RegisterOnShutdown";
            if !stops {
                continue;
            }
            let handler = self
                .index
                .get(&file)
                .and_then(|number| self.program.files.get(*number))
                .and_then(|(_, _, extract)| extract.symbols.get(fact.symbol as usize));
            let mut hook = Fact::new(Kind::Hook, "shutdown", fact.line, fact.end).within(fact.symbol);
            hook.file = file;
            hook.guard = fact.guard.clone();
            hook = hook.with("handler", handler.map_or("", |symbol| symbol.name.as_str())).with("call", name);
            hook = hook.with("signal", if signals { "yes" } else { "no" });
            wired.facts.push(hook);
        }
        for (file, _, extract) in &self.program.files {
            for fact in extract
                .facts
                .iter()
                .filter(|fact| fact.kind == Kind::Assign && fact.get("into").is_some_and(|into| into.ends_with("HTTPErrorHandler")))
            {
                let handler = fact.get("from").unwrap_or_default().trim_start_matches('~').to_owned();
                let mut handled = Fact::new(Kind::Handler, "error", fact.line, fact.end).within(fact.symbol).with("handler", handler);
                handled.file = *file;
                wired.facts.push(handled);
            }
        }
        for (file, _, fact, name) in self.every() {
            if let Some(handler) = fact.get("ErrorHandler").filter(|_| name == "github.com/gofiber/fiber.Config") {
                let mut handled =
                    Fact::new(Kind::Handler, "error", fact.line, fact.end).within(fact.symbol).with("handler", self.names.follow(handler));
                handled.file = file;
                wired.facts.push(handled);
            }
        }
    }
}

/// The protocol before whose methods the arguments of a call stand.
fn intercepts(name: &str) -> Option<&'static str> {
    if name.ends_with("connect.WithInterceptors") {
        return Some("connect");
    }
    (name.starts_with("google.golang.org/grpc.") && name.ends_with("Interceptor")).then_some("grpc")
}
