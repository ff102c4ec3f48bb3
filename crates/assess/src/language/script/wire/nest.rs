//! Nest: modules, controllers, guards at methods, classes and the whole app.

use std::collections::BTreeSet;

use super::{Loom, Route, Spot};
use crate::{
    fact::{Fact, Kind},
    language::graph::{Layer, join},
};

const COMMON: &str = "@nestjs/common.";
const APP: &str = "@nestjs/common.INestApplication.";

/// What decorators say about one definition.
type Marks<'p> = Vec<&'p Fact>;

pub(super) fn wire(loom: &mut Loom<'_>) {
    let facts = loom.facts();
    let made: Vec<(usize, &Fact)> = facts
        .iter()
        .copied()
        .filter(|(_, fact)| fact.kind == Kind::Call && fact.name.starts_with("@nestjs/core.NestFactory.create"))
        .collect();
    if made.is_empty() && !facts.iter().any(|(_, fact)| fact.kind == Kind::Decorator && fact.name == "@nestjs/common.Controller") {
        return;
    }
    let mut modules: Vec<Spot> = Vec::new();
    for (file, fact) in &made {
        let mut app = Fact::new(Kind::App, "nest", fact.line, fact.end).with("var", fact.get("result").unwrap_or(""));
        app.attrs.extend(fact.attrs.iter().filter(|(key, _)| key != "result" && key != "receiver").cloned());
        loom.put(*file, fact.symbol, app);
        loom.root(*file, 0);
        loom.lead((*file, 0), (*file, fact.symbol));
        if let Some(found) = fact.get("0").and_then(|name| loom.linker.find(*file, name))
            && let Some(symbol) = found.symbol
        {
            loom.lead((*file, fact.symbol), (found.file, symbol));
            modules.push((found.file, symbol));
        }
    }
    let controllers = walk_modules(loom, &facts, modules);
    let (prefix, version, mut layers) = whole(loom, &facts);
    layers.extend(provided(loom, &facts));
    for layer in &layers {
        let kind = if layer.attrs.iter().any(|(key, value)| key == "as" && value == "filter") { Kind::Handler } else { Kind::Middleware };
        let name = if kind == Kind::Handler { "Error" } else { layer.name.as_str() };
        let mut fact = Fact::new(kind, name, layer.line, layer.end);
        if kind == Kind::Handler {
            fact = fact.with("handler", &layer.name);
        }
        fact.attrs.extend(layer.attrs.iter().cloned());
        fact.attrs.push(("scope".to_owned(), "app".to_owned()));
        fact.file = layer.file;
        fact.symbol = layer.symbol;
        fact.guard = layer.guard.clone();
        loom.out.facts.push(fact);
    }
    let typed = layers.iter().any(|layer| layer.name.ends_with("ValidationPipe") || layer.name.contains("ZodValidation"));
    for (file, fact) in &facts {
        if fact.kind == Kind::Decorator && fact.name == "@nestjs/common.Controller" && fact.get("on_kind") == Some("class") {
            let mounted = made.is_empty() || controllers.contains(&(*file, fact.symbol));
            controller(loom, *file, fact, &prefix, version, &layers, typed, mounted);
        }
    }
    hooks(loom, &facts);
}

/// The modules that the app's module brings with it, and their controllers.
fn walk_modules(loom: &mut Loom<'_>, facts: &[(usize, &Fact)], first: Vec<Spot>) -> BTreeSet<Spot> {
    let (mut open, mut seen, mut controllers) = (first, BTreeSet::new(), BTreeSet::new());
    while let Some(spot) = open.pop() {
        if !seen.insert(spot) {
            continue;
        }
        let module = facts
            .iter()
            .find(|(file, fact)| (*file, fact.symbol) == spot && fact.kind == Kind::Decorator && fact.name == "@nestjs/common.Module");
        let Some((file, module)) = module else { continue };
        for (key, value) in &module.attrs {
            let Some(sort) = key.strip_suffix(".item") else { continue };
            // `X.forRoot(...)` brings X.
            let class = [".forRoot", ".forRootAsync", ".forFeature", ".forFeatureAsync", ".register", ".registerAsync"]
                .iter()
                .find_map(|call| value.strip_suffix(call))
                .unwrap_or(value);
            let Some(found) = loom.linker.find(*file, class) else { continue };
            let Some(symbol) = found.symbol else { continue };
            match sort {
                "imports" => open.push((found.file, symbol)),
                "controllers" => {
                    controllers.insert((found.file, symbol));
                    loom.lead(spot, (found.file, symbol));
                }
                _ => {}
            }
            if sort == "imports" {
                loom.lead(spot, (found.file, symbol));
            }
        }
    }
    controllers
}

/// What is put on the app: prefix, whether paths carry versions, layers.
fn whole(loom: &mut Loom<'_>, facts: &[(usize, &Fact)]) -> (String, bool, Vec<Layer>) {
    let (mut prefix, mut version, mut layers) = (String::new(), false, Vec::new());
    for (file, fact) in facts.iter().filter(|(_, fact)| fact.kind == Kind::Call) {
        if fact.name == "@nestjs/common.MiddlewareConsumer.apply" {
            for passed in fact.all("pass") {
                let mut layer = loom.layer(*file, fact, passed, None);
                layer.attrs.push(("as".to_owned(), "middleware".to_owned()));
                layer.attrs.extend(chosen_routes(facts, *file, fact).into_iter().map(|route| ("for".to_owned(), route)));
                layers.push(layer);
            }
            continue;
        }
        let Some(verb) = fact.name.strip_prefix(APP) else { continue };
        let sort = match verb {
            "setGlobalPrefix" => {
                prefix = fact.get("0").filter(|prefix| !prefix.contains(['.', '('])).unwrap_or("").to_owned();
                continue;
            }
            "enableVersioning" => {
                version = fact.get("type").is_none_or(|of| of.ends_with("URI"));
                continue;
            }
            "enableShutdownHooks" => {
                let hook = Fact::new(Kind::Hook, "shutdown", fact.line, fact.end).with("handler", fact.name.clone());
                loom.put(*file, fact.symbol, hook);
                continue;
            }
            "enableCors" => {
                let mut layer = loom.layer(*file, fact, "cors", None);
                layer.attrs = fact.attrs.iter().filter(|(key, _)| key != "receiver").cloned().collect();
                layer.attrs.push(("via".to_owned(), "enableCors".to_owned()));
                layers.push(layer);
                continue;
            }
            "useGlobalPipes" => "pipe",
            "useGlobalGuards" => "guard",
            "useGlobalFilters" => "filter",
            "useGlobalInterceptors" => "interceptor",
            "use" | "register" => "middleware",
            _ => continue,
        };
        let mut names: Vec<(&str, Option<&str>)> = Vec::new();
        for (key, value) in &fact.attrs {
            match (key.as_str(), names.last_mut()) {
                ("pass", _) => names.push((value, None)),
                ("id", Some(last)) => last.1 = Some(value),
                _ => {}
            }
        }
        for (passed, id) in names {
            let mut layer = loom.layer(*file, fact, passed, id);
            layer.attrs.push(("as".to_owned(), sort.to_owned()));
            if let Some(found) = loom.target(*file, passed)
                && let Some(symbol) = found.symbol
            {
                loom.lead((*file, fact.symbol), (found.file, symbol));
            }
            layers.push(layer);
        }
    }
    (prefix, version, layers)
}

/// The routes for which a module puts something on: `consumer.apply(Auth).forRoutes({ path: 'notes', method: RequestMethod.POST })`,
/// each as its method and path, or as `ALL` and a controller.
fn chosen_routes(facts: &[(usize, &Fact)], file: usize, apply: &Fact) -> Vec<String> {
    let after = facts.iter().filter(|(at, fact)| {
        *at == file
            && fact.kind == Kind::Call
            && fact.symbol == apply.symbol
            && fact.line >= apply.line
            && fact.name.starts_with("@nestjs/common.MiddlewareConsumer.apply.")
            && fact.name.ends_with(".forRoutes")
    });
    let Some((_, call)) = after.min_by_key(|(_, fact)| fact.line) else { return Vec::new() };
    let (mut routes, mut path): (Vec<String>, Option<&str>) = (Vec::new(), None);
    for (key, value) in &call.attrs {
        match key.as_str() {
            "path" => path = Some(value),
            "method" => {
                let method = value.rsplit('.').next().unwrap_or("ALL");
                routes.extend(path.take().map(|path| format!("{method} {path}")));
            }
            key if key.parse::<u8>().is_ok() => {
                routes.extend(path.take().map(|path| format!("ALL {path}")));
                if !value.starts_with('{') {
                    routes.push(format!("ALL {value}"));
                }
            }
            _ => {}
        }
    }
    routes.extend(path.map(|path| format!("ALL {path}")));
    routes
}

/// Whether something that a module put on stands before a route of this method, path and handler.
fn stands_before(layer: &Layer, method: &str, path: &str, handler: &str) -> bool {
    let bare = |path: &str| path.trim_matches('/').to_owned();
    let path = bare(path);
    layer.attrs.iter().filter(|(key, _)| key == "for").any(|(_, chosen)| {
        let Some((verb, wanted)) = chosen.split_once(' ') else { return false };
        let wanted = bare(wanted);
        let all = matches!(wanted.as_str(), "*" | "(.*)" | "*path" | "*splat" | "{*path}" | "{*splat}");
        let below = wanted.strip_suffix("/*").or_else(|| wanted.strip_suffix("/(.*)")).or_else(|| wanted.strip_suffix("/*path"));
        (verb == "ALL" || verb.eq_ignore_ascii_case(method))
            && (all
                || path == wanted
                || below.is_some_and(|start| path == start || path.strip_prefix(start).is_some_and(|rest| rest.starts_with('/')))
                || handler.strip_prefix(wanted.as_str()).is_some_and(|rest| rest.starts_with('.')))
    })
}

/// What a module provides for the whole app: `{ provide: APP_GUARD, useClass: ThrottlerGuard }`.
fn provided(loom: &mut Loom<'_>, facts: &[(usize, &Fact)]) -> Vec<Layer> {
    let mut layers = Vec::new();
    for (file, module) in facts.iter().filter(|(_, fact)| fact.kind == Kind::Decorator && fact.name == "@nestjs/common.Module") {
        for item in module.all("providers.item") {
            let Some((_, rest)) = item.split_once("provide:APP_") else { continue };
            let sort = rest.split(|letter: char| !letter.is_ascii_uppercase()).next().unwrap_or("").to_lowercase();
            let Some((_, class)) =
                rest.split_once("useClass:").or_else(|| rest.split_once("useExisting:")).or_else(|| rest.split_once("useValue:new "))
            else {
                continue;
            };
            let word: String = class.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
            let import = loom.linker.extract(*file).and_then(|extract| extract.imports.iter().find(|import| import.local == word));
            let found = loom.linker.within(*file, &word, 0).and_then(|found| Some((found.file, found.symbol?)));
            let name = match (import, found) {
                (_, Some(spot)) => loom.defs.get(&spot).map_or_else(|| word.clone(), |def| def.name.clone()),
                (Some(import), None) => format!("{}.{word}", import.module),
                (None, None) => word.clone(),
            };
            let mut layer = loom.layer(*file, module, &name, None);
            layer.name = name.clone();
            layer.attrs.push(("as".to_owned(), sort));
            layer.attrs.push(("via".to_owned(), "provider".to_owned()));
            // The limits stand where the library's module is set up.
            if name.contains("Throttler") {
                let set = facts.iter().find(|(_, fact)| fact.kind == Kind::Call && fact.name.contains("ThrottlerModule.forRoot"));
                layer.attrs.extend(set.into_iter().flat_map(|(_, fact)| fact.attrs.iter().cloned()));
            }
            if let Some(spot) = found {
                loom.lead((*file, module.symbol), spot);
            }
            layers.push(layer);
        }
    }
    layers
}

fn guards_of(loom: &Loom<'_>, file: usize, marks: &Marks<'_>) -> Vec<Layer> {
    let used = marks.iter().filter(|mark| matches!(mark.name.strip_prefix(COMMON), Some("UseGuards" | "UseInterceptors" | "UsePipes")));
    let mut layers: Vec<Layer> =
        used.flat_map(|mark| mark.all("pass").map(|name| loom.layer(file, mark, name, None)).collect::<Vec<_>>()).collect();
    // Decorators of one's own that gather others, such as `@Auth(Role.Admin)`.
    for mark in marks.iter().filter(|mark| !mark.name.starts_with('@')) {
        let Some(found) = loom.linker.find(file, &mark.name) else { continue };
        let Some(symbol) = found.symbol else { continue };
        for call in loom.calls.get(&(found.file, symbol)).into_iter().flatten().filter(|call| call.name == "@nestjs/common.UseGuards") {
            for (_, guard) in call.attrs.iter().filter(|(key, _)| key.parse::<u8>().is_ok()) {
                layers.push(Layer { name: guard.clone(), ..Layer::default() });
            }
        }
    }
    layers
}

#[allow(clippy::too_many_arguments)]
fn controller(loom: &mut Loom<'_>, file: usize, mark: &Fact, prefix: &str, versions: bool, layers: &[Layer], typed: bool, mounted: bool) {
    let Some(extract) = loom.linker.extract(file) else { return };
    let base = mark.get("path").or_else(|| mark.get("0").filter(|path| !path.starts_with('{'))).unwrap_or("");
    let marks_of =
        |symbol: u32| -> Marks<'_> { extract.facts.iter().filter(|fact| fact.kind == Kind::Decorator && fact.symbol == symbol).collect() };
    let class_marks = marks_of(mark.symbol);
    let class_guards = guards_of(loom, file, &class_marks);
    let methods: Vec<u32> = extract
        .symbols
        .iter()
        .enumerate()
        .skip(1)
        .filter(|(_, symbol)| symbol.parent == mark.symbol)
        .map(|(number, _)| u32::try_from(number).unwrap_or(0))
        .collect();
    for symbol in methods {
        let marks = marks_of(symbol);
        for verb in &marks {
            let Some(method) = verb.name.strip_prefix(COMMON) else { continue };
            if !matches!(method, "Get" | "Post" | "Put" | "Patch" | "Delete" | "Head" | "Options" | "All" | "Sse") {
                continue;
            }
            let public = marks.iter().chain(&class_marks).any(|mark| {
                let last = mark.name.rsplit('.').next().unwrap_or("").to_lowercase();
                last.contains("public") || last.contains("skipauth") || last.contains("anonymous") || last.contains("noauth")
            });
            let mut guards: Vec<Layer> = layers
                .iter()
                .filter(|layer| {
                    let lower = layer.name.to_lowercase();
                    layer.attrs.iter().any(|(key, value)| key == "as" && value == "guard")
                        && !(public && (lower.contains("auth") || lower.contains("jwt")))
                })
                .cloned()
                .collect();
            guards.extend(class_guards.iter().cloned());
            guards.extend(guards_of(loom, file, &marks));
            let own = verb.get("0").filter(|path| !path.starts_with('{')).unwrap_or("");
            let handler = loom.defs.get(&(file, symbol)).map_or("", |def| def.name.as_str());
            let verb_word = if method == "All" { "ALL" } else { method };
            guards.extend(layers.iter().filter(|layer| stands_before(layer, verb_word, &join(&join("", base), own), handler)).cloned());
            let version = mark.get("version").filter(|_| versions).map(|version| format!("v{version}")).unwrap_or_default();
            let path =
                join(&join(&join(&join("", prefix), &version), base), verb.get("0").filter(|path| !path.starts_with('{')).unwrap_or(""));
            let path = if path.starts_with('/') { path } else { format!("/{path}") };
            let def = loom.defs.get(&(file, symbol)).copied();
            let bodies: Vec<&&Fact> =
                marks.iter().filter(|mark| matches!(mark.name.strip_prefix(COMMON), Some("Body" | "Query"))).collect();
            let simple = |of: &str| matches!(of, "any" | "string" | "number" | "object" | "unknown" | "") || of.starts_with('{');
            let input = !bodies.is_empty()
                && bodies
                    .iter()
                    .all(|body| !simple(body.get("type").unwrap_or("")) && (typed || body.all("pass").any(|pipe| pipe.contains("Pipe"))));
            let returns = def.and_then(|def| def.get("returns")).unwrap_or("");
            let inner = returns.strip_prefix("Promise<").map_or(returns, |inner| inner.trim_end_matches('>'));
            let mut attrs: Vec<(String, String)> =
                marks.iter().chain(&class_marks).map(|mark| ("decorator".to_owned(), mark.name.clone())).collect();
            for parameter in marks.iter().filter(|mark| matches!(mark.name.strip_prefix(COMMON), Some("Query"))) {
                let own = parameter.get("0").filter(|name| !name.contains('{'));
                let fields =
                    own.map_or_else(|| fields(loom, file, parameter.get("type").unwrap_or_default()), |name| vec![name.to_owned()]);
                let whole = fields.is_empty().then(|| parameter.get("type").unwrap_or_default().to_owned());
                attrs.extend(fields.into_iter().chain(whole).map(|name| ("param".to_owned(), format!("{name} in=query"))));
            }
            if !mounted {
                attrs.push(("mounted".to_owned(), "no".to_owned()));
            }
            if inner.ends_with("[]") {
                attrs.push(("list".to_owned(), "yes".to_owned()));
            }
            let handler = def.map_or_else(String::new, |def| def.name.clone());
            let line = marks.iter().map(|mark| mark.line).min().unwrap_or(verb.line);
            let end = def.map_or(verb.end, |def| def.end);
            let method = match method {
                "All" => "ANY".to_owned(),
                "Sse" => "GET".to_owned(),
                other => other.to_uppercase(),
            };
            let takes = marks.iter().any(|mark| mark.name.strip_prefix(COMMON) == Some("Body"));
            let typed = (input, !simple(inner) && !inner.is_empty() && inner != "void");
            loom.route(Route {
                takes,
                method,
                path,
                framework: "nest",
                handler,
                spot: Some((file, symbol)),
                file,
                line,
                end,
                symbol,
                guards,
                typed,
                attrs,
            });
            loom.lead((file, mark.symbol), (file, symbol));
            for guard in class_guards.iter().chain(&guards_of(loom, file, &marks)) {
                if let Some(found) = loom.linker.find(file, &guard.name)
                    && let Some(to) = found.symbol
                {
                    loom.lead((file, mark.symbol), (found.file, to));
                }
            }
        }
    }
}

/// The fields of a class that types a query, as far as they carry decorators.
fn fields(loom: &Loom<'_>, file: usize, class: &str) -> Vec<String> {
    let Some((at, Some(symbol))) = loom.linker.find(file, class).map(|found| (found.file, found.symbol)) else { return Vec::new() };
    let Some(extract) = loom.linker.extract(at) else { return Vec::new() };
    let mut names: Vec<String> = Vec::new();
    for fact in extract.facts.iter().filter(|fact| fact.kind == Kind::Decorator && fact.symbol == symbol) {
        let name = fact.get("on").filter(|_| fact.get("on_kind") == Some("property")).unwrap_or_default();
        if !name.is_empty() && names.len() < 24 && !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}

/// Methods that Nest calls by their name.
fn hooks(loom: &mut Loom<'_>, facts: &[(usize, &Fact)]) {
    for (file, fact) in facts.iter().filter(|(_, fact)| fact.kind == Kind::Def && fact.get("kind") == Some("method")) {
        let when = match fact.name.rsplit('.').next() {
            Some("onModuleDestroy" | "onApplicationShutdown" | "beforeApplicationShutdown") => "shutdown",
            Some("onModuleInit" | "onApplicationBootstrap") => "startup",
            _ => continue,
        };
        let mut hook = Fact::new(Kind::Hook, when, fact.line, fact.end).with("handler", fact.name.clone());
        hook.attrs.extend(loom.called((*file, fact.symbol), 1).into_iter().map(|name| ("calls".to_owned(), name)));
        loom.put(*file, fact.symbol, hook);
    }
}
