//! Routes: where they are mounted, what stands before them, what they take and give.

use std::collections::BTreeSet;

use super::{
    super::link::Linked,
    MOST, as_kind,
    before::verdict,
    object::{Draft, Objects},
    refuse::refusals,
};
use crate::{
    fact::{Fact, Guard, Kind},
    wiring::{Place, Wired},
};

/// The way from an app to a router.
#[derive(Clone)]
struct Way {
    object: usize,
    app: usize,
    prefix: String,
    guards: Vec<String>,
    middle: Vec<String>,
    guard: Option<Guard>,
    depth: u32,
}

impl Objects {
    /// Yields every route of every app.
    pub fn routes(&self, linked: &Linked<'_>, wired: &mut Wired) {
        let mut count = 0;
        // An app that another app mounts answers where it is mounted, and is told there.
        let mounted: BTreeSet<(usize, usize)> = self
            .all
            .iter()
            .enumerate()
            .filter(|(_, object)| object.app)
            .flat_map(|(parent, object)| object.mounts.iter().map(move |mount| (mount.child, parent)))
            .collect();
        let below = |number: usize| {
            let mut parents = mounted.range((number, 0)..=(number, usize::MAX)).map(|(_, parent)| *parent);
            parents.any(|parent| parent != number && !mounted.contains(&(parent, number)))
        };
        for (number, object) in self.all.iter().enumerate().filter(|(number, object)| object.app && !below(*number)) {
            let mut ways = vec![Way {
                object: number,
                app: number,
                prefix: String::new(),
                guards: Vec::new(),
                middle: Vec::new(),
                guard: None,
                depth: 0,
            }];
            while let Some(way) = ways.pop() {
                let Some(here) = self.all.get(way.object) else { continue };
                let mut guards = way.guards.clone();
                guards.extend(here.guards.iter().cloned());
                let mut middle = way.middle.clone();
                middle.extend(here.middle.iter().filter(|name| !way.middle.contains(name)).cloned());
                let from = object.place;
                if way.depth > 0 {
                    wired.leads.push((from, Place { file: here.place.file, symbol: here.place.symbol }));
                }
                for draft in &here.drafts {
                    count += 1;
                    if count > MOST {
                        return;
                    }
                    let own = if here.app && way.depth == 0 { String::new() } else { way.prefix.clone() };
                    wired.leads.extend(way.guard.is_none().then_some((from, draft.handler)));
                    self.route(linked, &way, (&middle, &guards), &own, draft, wired);
                }
                if way.depth > 8 {
                    continue;
                }
                for mount in here.mounts.iter().rev() {
                    let Some(child) = self.all.get(mount.child) else { continue };
                    // Flask's prefix of registration replaces that of the blueprint; FastAPI's is put before it.
                    let flask = child.framework == "flask" || child.framework == "quart";
                    let own = match (&mount.prefix, flask) {
                        (Some(prefix), true) => prefix.clone(),
                        (Some(prefix), false) => format!("{prefix}{}", child.prefix),
                        (None, _) => child.prefix.clone(),
                    };
                    let mut guards = guards.clone();
                    guards.extend(mount.guards.iter().cloned());
                    let guard = way.guard.clone().or_else(|| mount.guard.clone());
                    let prefix = format!("{}{own}", way.prefix);
                    ways.push(Way {
                        object: mount.child,
                        app: number,
                        prefix,
                        guards,
                        middle: middle.clone(),
                        guard,
                        depth: way.depth + 1,
                    });
                }
            }
        }
    }

    fn route(&self, linked: &Linked<'_>, way: &Way, before: (&[String], &[String]), prefix: &str, draft: &Draft, wired: &mut Wired) {
        let Some(fact) = linked.files.get(draft.at.0).and_then(|this| this.extract.facts.get(draft.at.1)) else { return };
        let Some(file) = linked.number(draft.handler.file) else { return };
        let framework = self.all.get(way.app).map_or("", |object| object.framework);
        let path = path(prefix, &draft.path);
        let mut direct = before.1.to_vec();
        direct.extend(draft.guards.iter().cloned());
        // What else the handler is wrapped in.
        for (_, other) in linked.inside(draft.handler).filter(|(_, other)| other.kind == Kind::Decorator) {
            let name = linked.typed(file, &other.name);
            if other.line != fact.line && !is_route(&name) {
                // `@jwt_required(optional=True)` lets everybody pass.
                let lenient = other.get("optional") == Some("true") || other.get("optional") == Some("True");
                direct.push(if lenient { format!("{name}(optional)") } else { name });
            }
        }
        direct.extend(self.injections(linked, draft.handler));
        let guards = self.expand(linked, &direct);
        let mut base = as_kind(fact, Kind::Route, "", draft.handler);
        base.end = linked.definition(draft.handler).map_or(fact.end, |definition| fact.end.max(definition.line));
        base.guard = fact.guard.clone().or_else(|| way.guard.clone());
        for method in &draft.methods {
            let mut route = base.clone();
            route.name = format!("{method} {path}");
            let mut say = |name: &str, value: String| route.attrs.push((name.to_owned(), value));
            say("method", method.clone());
            say("path", path.clone());
            say("handler", linked.files.get(file).map_or_else(String::new, |this| this.symbol(draft.handler.symbol)));
            say("framework", framework.to_owned());
            describe(linked, &mut route, draft.handler, (before.0, &guards), Some((draft.at.0, fact)));
            wired.facts.push(route);
        }
    }
}

/// Writes what stands before a route and what its handler takes, gives and calls.
pub(super) fn describe(
    linked: &Linked<'_>,
    route: &mut Fact,
    handler: Place,
    stands: (&[String], &[String]),
    registration: Option<(usize, &Fact)>,
) {
    let Some(file) = linked.number(handler.file) else { return };
    let (mut auth, mut rejects) = (false, Vec::new());
    let (middle, guards) = stands;
    for guard in middle.iter().chain(guards) {
        let found = verdict(linked, guard);
        // Readers pass a guard that is for writers.
        auth |= found.auth && !(guard.ends_with("OrReadOnly") && matches!(route.get("method"), Some("GET" | "HEAD" | "OPTIONS")));
        rejects.extend(found.rejects);
        route.attrs.push(("guard".into(), guard.clone()));
    }
    rejects.sort();
    rejects.dedup();
    route.attrs.push(("auth".into(), if auth { "yes" } else { "no" }.into()));
    route.attrs.extend(rejects.into_iter().map(|code| ("rejects".to_owned(), code)));
    route.attrs.extend(refusals(linked, handler, guards).into_iter().map(|code| ("refuses".to_owned(), code)));
    let calls = calls(linked, handler, guards);
    let definition = linked.definition(handler);
    let path = route.get("path").unwrap_or("").to_owned();
    let method = route.get("method").unwrap_or("").to_owned();
    let (parameters, input) = parameters(linked, file, handler, guards, &path, &calls);
    let many = parameters.1;
    route.attrs.extend(parameters.0.into_iter().map(|parameter| ("param".to_owned(), parameter)));
    route.attrs.push(("input".into(), input.into()));
    let answer = registration.and_then(|(number, fact)| Some((number, fact.get("response_model").filter(|model| *model != "none")?)));
    let returned = definition.and_then(|definition| definition.get("returns")).map(|returns| (file, returns));
    let answer = answer.or(returned);
    let text = answer.map_or("", |(_, text)| text);
    // An answer of the framework's own type says nothing of what stands in it.
    let bare = ["fastapi.", "starlette.", "flask.", "werkzeug.", "django.", "dict[", "typing.Dict", "typing.Any"]
        .iter()
        .any(|known| text.starts_with(known));
    let untyped = bare || ["", "none", "None", "dict", "Any", "str", "Dict", "Response"].contains(&text);
    route.attrs.push(("output".into(), if untyped { "none" } else { "typed" }.into()));
    if !untyped {
        route.attrs.push(("model".into(), text.to_owned()));
    }
    if let Some((_, fact)) = registration {
        for name in ["status_code", "deprecated", "include_in_schema", "responses", "tags", "summary", "response_class"] {
            if let Some(value) = fact.get(name) {
                route.attrs.push((name.into(), value.to_owned()));
            }
        }
    }
    let lower = text.to_lowercase();
    let listed = ["list[", "sequence[", "page[", "paginated", "listresponse", "iterable["].iter().any(|word| lower.contains(word))
        || lower.ends_with("page")
        || lower.ends_with("list");
    let fetched = calls.iter().any(|call| {
        ["all", "fetchall", "scalars", "paginate", "to_list", "fetch_all", "find"].contains(&call.rsplit('.').next().unwrap_or(""))
    });
    let name = route.get("handler").and_then(|name| name.rsplit('.').next()).unwrap_or("").to_lowercase();
    let collection = !path.trim_end_matches('/').ends_with('}')
        && (name.contains("list") || name.starts_with("get_all") || name.starts_with("read_all"));
    if method == "GET"
        && ((listed && (text.contains('[') || !path.trim_end_matches('/').ends_with('}')))
            || many
            || (fetched && !path.trim_end_matches('/').ends_with('}'))
            || collection)
    {
        route.attrs.push(("list".into(), "yes".into()));
    }
    if definition.is_some_and(|definition| definition.get("constant") == Some("yes") || definition.get("body") == Some("constant")) {
        route.attrs.push(("constant".into(), "yes".into()));
    }
    if definition.is_some_and(|definition| definition.get("async") == Some("yes")) {
        route.attrs.push(("async".into(), "yes".into()));
    }
    route.attrs.extend(calls.into_iter().map(|call| ("calls".to_owned(), call)));
    route.attrs.extend(own_calls(linked, handler).into_iter().map(|call| ("own_calls".to_owned(), call)));
}

/// What a handler itself calls, without what stands before it and what its callees do.
fn own_calls(linked: &Linked<'_>, handler: Place) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for (file, fact) in linked.inside(handler).filter(|(_, fact)| fact.kind == Kind::Call && fact.get("param").is_none()) {
        let name = linked.called(file, &fact.name);
        if found.len() < 60 && !found.contains(&name) {
            found.push(name);
        }
    }
    found
}

/// What a handler calls, one step through functions of the repository, and what its guards call.
fn calls(linked: &Linked<'_>, handler: Place, guards: &[String]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut places = vec![(handler, 0)];
    places.extend(guards.iter().filter_map(|guard| linked.place(guard)).map(|place| (place, 1)));
    let mut next = 0;
    while let Some((place, depth)) = places.get(next).copied() {
        next += 1;
        if next > 60 {
            break;
        }
        for (file, fact) in linked.inside(place).filter(|(_, fact)| fact.kind == Kind::Call && fact.get("param").is_none()) {
            let name = linked.called(file, &fact.name);
            if depth == 0
                && let Some(to) = linked.place(&name)
                && !places.iter().any(|(seen, _)| *seen == to)
            {
                places.push((to, 1));
            }
            if found.len() < 150 && !found.contains(&name) {
                found.push(name);
            }
        }
    }
    found
}

/// The parameters of a handler with their bounds, whether it pages, and what its body is: `typed`, `raw` or `none`.
pub(super) fn parameters(
    linked: &Linked<'_>,
    file: usize,
    handler: Place,
    guards: &[String],
    path: &str,
    calls: &[String],
) -> ((Vec<String>, bool), &'static str) {
    let mut found = Vec::new();
    let mut input = "none";
    let mut places = vec![(file, handler)];
    for guard in guards {
        let Some(place) = linked.place(guard) else { continue };
        let Some(number) = linked.number(place.file) else { continue };
        // A factory's own parameters are not the caller's.
        if super::before::chosen(linked, place).is_empty() && super::before::nested(linked, place).is_empty() {
            places.push((number, place));
        }
        places.extend(linked.methods(place).into_iter().filter(|(name, _)| *name == "__init__").map(|(_, init)| (number, init)));
    }
    for (count, (file, place)) in places.into_iter().enumerate() {
        let Some(definition) = linked.definition(place).filter(|definition| definition.get("kind") != Some("class")) else { continue };
        for parameter in definition.all("param") {
            let (head, default) = parameter.split_once(" = ").map_or((parameter, None), |(head, default)| (head, Some(default)));
            let (name, kind) = head.split_once(": ").unwrap_or((head, ""));
            let call = linked.inside(place).map(|(_, fact)| fact).find(|fact| {
                let last = fact.name.rsplit('.').next().unwrap_or("");
                fact.kind == Kind::Call && fact.get("param") == Some(name) && SOURCES.contains(&last)
            });
            let source = call.map_or("", |fact| fact.name.rsplit('.').next().unwrap_or(""));
            if matches!(source, "Depends" | "Security" | "Provide") {
                continue;
            }
            let bound_in_path = path.contains(&format!("{{{name}}}")) || path.contains(&format!("{{{name}:"));
            let simple = SIMPLE.contains(
                &kind
                    .trim_start_matches("typing.Optional[")
                    .trim_start_matches("typing.Annotated[")
                    .split([',', '|', ']', '['])
                    .next()
                    .unwrap_or("")
                    .trim(),
            );
            let place_in = match source {
                "Query" => "query",
                "Path" => "path",
                "Header" => "header",
                "Cookie" => "cookie",
                "Body" => "body",
                "Form" => "form",
                "File" => "file",
                _ if bound_in_path => "path",
                _ if kind.ends_with("UploadFile") => "file",
                _ if simple || kind.is_empty() && default.is_some() => "query",
                _ => "",
            };
            let type_name = linked.canonical(file, kind.split(['[', '|']).next().unwrap_or(""));
            if count == 0 && place_in.is_empty() {
                input = match body(linked, file, kind, &type_name) {
                    "typed" => "typed",
                    "raw" if input != "typed" => "raw",
                    _ => input,
                };
                continue;
            }
            if count == 0 && matches!(place_in, "body" | "form" | "file") && input == "none" {
                input = if matches!(kind, "dict" | "" | "typing.Any" | "Any" | "typing.Dict")
                    || kind.starts_with("dict[")
                    || kind.starts_with("typing.Dict[")
                {
                    "raw"
                } else {
                    "typed"
                };
            }
            if place_in.is_empty() {
                continue;
            }
            let mut text = format!("{name} in={place_in}");
            if !kind.is_empty() {
                text.push_str(&format!(" type={}", kind.split(',').next().unwrap_or(kind).replace("typing.Annotated[", "")));
            }
            let given = match call {
                Some(call) => call.get("0").or_else(|| call.get("default")).or(default.filter(|default| !default.contains('('))),
                None => default,
            };
            if let Some(given) = given.filter(|given| *given != "...") {
                text.push_str(&format!(" default={given}"));
            }
            for bound in ["ge", "gt", "le", "lt", "max_length", "min_length", "pattern", "regex", "max_items"] {
                if let Some(value) = call.and_then(|call| call.get(bound)) {
                    text.push_str(&format!(" {bound}={value}"));
                }
            }
            checked(definition, name, &mut text);
            found.push(text);
        }
    }
    // Flask reads its parameters inside of the handler.
    let mut validated = false;
    for (number, fact) in linked.inside(handler) {
        if fact.kind != Kind::Call && fact.kind != Kind::Decorator {
            continue;
        }
        let name = linked.called(number, &fact.name);
        if name.ends_with("request.args.get") || name.ends_with("query_params.get") || name.ends_with("request.GET.get") {
            let Some(parameter) = fact.get("0") else { continue };
            let mut text = format!("{parameter} in=query");
            for (key, attr) in [("type", "type"), ("default", "1"), ("default", "default")] {
                if let Some(value) = fact.get(attr) {
                    text.push_str(&format!(" {key}={value}"));
                }
            }
            if let (Some(definition), Some(variable)) = (linked.definition(handler), fact.get("result").or_else(|| fact.get("into"))) {
                checked(definition, variable, &mut text);
            }
            found.push(text);
        }
        let last = name.rsplit('.').next().unwrap_or("");
        validated |= name.starts_with("marshmallow.") && matches!(last, "load" | "loads" | "validate")
            || matches!(
                last,
                "model_validate"
                    | "parse_obj"
                    | "model_validate_json"
                    | "is_valid"
                    | "use_args"
                    | "use_kwargs"
                    | "arguments"
                    | "TypeAdapter"
                    | "validate_python"
            )
            || name.starts_with("flask_pydantic")
            || (fact.get("**").is_some() && linked.bases(&name).iter().any(|base| base.ends_with("BaseModel")));
    }
    let raw = calls.iter().any(|call| {
        call.ends_with("request.get_json")
            || call.ends_with("Request.json")
            || call.ends_with("Request.body")
            || call.ends_with("Request.form")
            || call.ends_with("request.form.get")
            || call.ends_with("request.json.get")
            || call.ends_with("request.data.get")
    });
    if validated {
        input = "typed";
    } else if raw && input == "none" {
        input = "raw";
    }
    let pages = found.iter().any(|text| {
        let name = text.split(' ').next().unwrap_or("").to_lowercase();
        matches!(
            name.as_str(),
            "limit" | "page" | "page_size" | "per_page" | "size" | "offset" | "skip" | "cursor" | "pagesize" | "perpage"
        )
    });
    ((found, pages), input)
}

/// Where a parameter's value comes from.
const SOURCES: &[&str] = &["Depends", "Security", "Provide", "Query", "Path", "Header", "Cookie", "Body", "Form", "File"];

const SIMPLE: &[&str] = &[
    "int",
    "str",
    "float",
    "bool",
    "uuid.UUID",
    "datetime.datetime",
    "datetime.date",
    "decimal.Decimal",
    "typing.Literal",
    "Literal",
    "list",
    "typing.List",
    "pydantic.EmailStr",
    "pydantic.UUID4",
];

/// What a parameter that is no plain value makes of the body.
fn body(linked: &Linked<'_>, file: usize, kind: &str, name: &str) -> &'static str {
    let plain = matches!(name, "dict" | "typing.Dict" | "typing.Any" | "Any" | "typing.Mapping");
    if plain {
        return "raw";
    }
    if kind.is_empty()
        || LIBRARY.contains(&name)
        || name.starts_with("starlette.")
        || name.starts_with("fastapi.")
        || name.starts_with("sqlalchemy.")
    {
        return "none";
    }
    let bases = linked.bases(name);
    let model = bases
        .iter()
        .any(|base| base.ends_with("BaseModel") || base.ends_with("SQLModel") || base.ends_with("TypedDict") || base.ends_with("Struct"));
    let inner = kind.split(['[', ']', ',', '|']).map(|part| linked.canonical(file, part.trim()));
    let held =
        inner.into_iter().any(|part| linked.bases(&part).iter().any(|base| base.ends_with("BaseModel") || base.ends_with("SQLModel")));
    let class =
        linked.place(name).and_then(|place| linked.definition(place)).is_some_and(|definition| definition.get("kind") == Some("class"));
    if model || held || (class && bases.is_empty()) { "typed" } else { "none" }
}

const LIBRARY: &[&str] =
    &["fastapi.Request", "fastapi.Response", "fastapi.BackgroundTasks", "fastapi.WebSocket", "starlette.requests.Request"];

/// Bounds that the handler checks by itself.
fn checked(definition: &Fact, name: &str, text: &mut String) {
    for check in definition.all("check") {
        if let Some(rest) = check.strip_prefix("min(").and_then(|rest| rest.strip_suffix(')')) {
            if let Some((one, other)) = rest.split_once(',') {
                let bound = if one == name {
                    other
                } else if other == name {
                    one
                } else {
                    continue;
                };
                text.push_str(&format!(" le={bound}"));
            }
            continue;
        }
        let Some(rest) = check.strip_prefix(name) else { continue };
        if text.contains(" le=") && rest.starts_with('>') || text.contains(" ge=") && rest.starts_with('<') {
            continue;
        }
        let bound = rest.trim_start_matches(['<', '>', '=']);
        if bound.is_empty() || (rest.starts_with('>') && bound.len() < 2) || !bound.bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        match rest.as_bytes().first() {
            Some(b'>') => text.push_str(&format!(" le={bound}")),
            Some(b'<') => text.push_str(&format!(" ge={bound}")),
            _ => {}
        }
    }
}

/// Whether a decorator registers a route.
fn is_route(name: &str) -> bool {
    let (object, last) = name.rsplit_once('.').unwrap_or(("", name));
    let verb =
        matches!(last, "get" | "post" | "put" | "patch" | "delete" | "head" | "options" | "route" | "api_route" | "websocket" | "trace");
    verb && (super::object::made_by(object).is_some() || matches!(object, "app" | "router" | "bp" | "blueprint" | "api"))
}

/// A path in one form: `{name}` for parameters.
pub(super) fn path(prefix: &str, own: &str) -> String {
    let joined =
        if own.is_empty() || own.starts_with('/') || prefix.ends_with('/') { format!("{prefix}{own}") } else { format!("{prefix}/{own}") };
    let mut out = String::with_capacity(joined.len() + 1);
    if !joined.starts_with('/') {
        out.push('/');
    }
    let mut inside: Option<String> = None;
    for character in joined.chars().take(400) {
        match (character, &mut inside) {
            ('<', None) => inside = Some(String::new()),
            ('>', Some(name)) => {
                out.push('{');
                out.push_str(name.rsplit(':').next().unwrap_or(""));
                out.push('}');
                inside = None;
            }
            (other, Some(name)) => name.push(other),
            (other, None) => out.push(other),
        }
    }
    while out.contains("//") {
        out = out.replace("//", "/");
    }
    out
}
