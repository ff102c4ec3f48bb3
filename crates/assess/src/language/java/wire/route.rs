//! Routes: controllers of Spring and Micronaut, resources of JAX-RS.

use std::collections::BTreeMap;

use super::{
    class::{Class, Classes, Method, last, strings},
    security::{self, Chain},
};
use crate::{
    fact::{Fact, Kind},
    wiring::Wired,
};

/// Annotations of methods that mount them, with their method and framework.
const MAPPINGS: &[(&str, &str, &str)] = &[
    ("org.springframework.web.bind.annotation.GetMapping", "GET", "spring"),
    ("org.springframework.web.bind.annotation.PostMapping", "POST", "spring"),
    ("org.springframework.web.bind.annotation.PutMapping", "PUT", "spring"),
    ("org.springframework.web.bind.annotation.DeleteMapping", "DELETE", "spring"),
    ("org.springframework.web.bind.annotation.PatchMapping", "PATCH", "spring"),
    ("org.springframework.web.bind.annotation.RequestMapping", "", "spring"),
    ("ws.rs.GET", "GET", "jax-rs"),
    ("ws.rs.POST", "POST", "jax-rs"),
    ("ws.rs.PUT", "PUT", "jax-rs"),
    ("ws.rs.DELETE", "DELETE", "jax-rs"),
    ("ws.rs.PATCH", "PATCH", "jax-rs"),
    ("ws.rs.HEAD", "HEAD", "jax-rs"),
    ("ws.rs.OPTIONS", "OPTIONS", "jax-rs"),
    ("io.micronaut.http.annotation.Get", "GET", "micronaut"),
    ("io.micronaut.http.annotation.Post", "POST", "micronaut"),
    ("io.micronaut.http.annotation.Put", "PUT", "micronaut"),
    ("io.micronaut.http.annotation.Delete", "DELETE", "micronaut"),
    ("io.micronaut.http.annotation.Patch", "PATCH", "micronaut"),
];

/// Annotations that guard a method or all of a class.
const GUARDS: &[&str] = &[
    "PreAuthorize",
    "Secured",
    "RolesAllowed",
    "DenyAll",
    "Authenticated",
    "PermissionsAllowed",
    "RequiresRoles",
    "RequiresPermissions",
    "RequiresAuthentication",
    "SaCheckLogin",
    "SaCheckPermission",
    "SaCheckRole",
];
/// Those that need to be switched on.
const SWITCHED: &[&str] =
    &["org.springframework.security.access.prepost.PreAuthorize", "org.springframework.security.access.annotation.Secured"];
/// Types that hold many.
const MANY: &[&str] = &[
    "List",
    "Collection",
    "Set",
    "Iterable",
    "Flux",
    "Stream",
    "Multi",
    "Page",
    "Slice",
    "PagedModel",
    "CollectionModel",
    "Flowable",
    "Publisher",
    "Window",
];

/// Adds the routes of all classes.
pub fn wire(classes: &Classes<'_>, chains: &[Chain], wired: &mut Wired) {
    let mut modules: BTreeMap<&str, bool> = BTreeMap::new();
    for class in &classes.all {
        let protected = *modules.entry(class.module).or_insert_with(|| security::method_security(classes, class.module));
        let web =
            class.marked(&["RestController", "Controller", "Path", "RepositoryRestController", "Endpoint", "GraphQlController"]).is_some();
        let composed = class
            .decorators
            .iter()
            .any(|fact| classes.named(&fact.name).is_some_and(|own| own.marked(&["RestController", "Controller"]).is_some()));
        // Mappings on an interface are mounted by the class that implements it; clients of other services look the same.
        let client = class.marked(&["FeignClient", "HttpExchange", "RegisterRestClient", "Client"]).is_some();
        if client || !(web || composed) {
            continue;
        }
        let mut prefixes: Vec<String> = class
            .decorators
            .iter()
            .filter(|fact| matches!(last(&fact.name), "RequestMapping" | "Path" | "Controller"))
            .filter(|fact| !fact.name.contains(".stereotype."))
            .find_map(|fact| paths(fact))
            .unwrap_or_default();
        if prefixes.is_empty() {
            prefixes.push(String::new());
        }
        for method in &class.methods {
            mount(class, method, method, &prefixes, classes, chains, protected, wired);
            // The mapping may stand on the interface's method.
            for base in class.bases() {
                let Some(base) = classes.named(base).filter(|other| other.def.get("sort") == Some("interface")) else {
                    continue;
                };
                let theirs = base.methods.iter().filter(|theirs| {
                    theirs.simple() == method.simple() && theirs.def.all("param").count() == method.def.all("param").count()
                });
                let shared: Vec<String> = base
                    .decorators
                    .iter()
                    .filter(|fact| matches!(last(&fact.name), "RequestMapping" | "Path"))
                    .find_map(|fact| paths(fact))
                    .unwrap_or_default();
                for theirs in theirs.take(1) {
                    let prefixes = if shared.is_empty() { &prefixes } else { &shared };
                    mount(class, method, theirs, prefixes, classes, chains, protected, wired);
                }
            }
        }
    }
}

/// The paths of a mapping.
fn paths(fact: &Fact) -> Option<Vec<String>> {
    fact.get("0").or(fact.get("value")).or(fact.get("path")).or(fact.get("uri")).map(strings)
}

#[allow(clippy::too_many_arguments, reason = "a route is where all of these meet")]
fn mount(
    class: &Class<'_>,
    method: &Method<'_>,
    declared: &Method<'_>,
    prefixes: &[String],
    classes: &Classes<'_>,
    chains: &[Chain],
    protected: bool,
    wired: &mut Wired,
) {
    for mapping in &declared.decorators {
        let Some((_, verb, framework)) = MAPPINGS
            .iter()
            .find(|(name, _, _)| mapping.name == *name || (name.starts_with("ws.rs") && mapping.name.ends_with(&format!(".{name}"))))
        else {
            continue;
        };
        let verbs: Vec<String> = if verb.is_empty() {
            mapping.get("method").map_or(vec!["ANY".to_owned()], |said| strings(said).iter().map(|verb| last(verb).to_owned()).collect())
        } else {
            vec![(*verb).to_owned()]
        };
        let mut ends = if *framework == "jax-rs" {
            declared.marked(&["Path"]).and_then(paths).unwrap_or_default()
        } else {
            paths(mapping).unwrap_or_default()
        };
        if ends.is_empty() {
            ends.push(String::new());
        }
        for prefix in prefixes {
            for end in &ends {
                for verb in &verbs {
                    let path = join(prefix, end);
                    let fact = route(class, method, declared, verb, &path, framework, classes, chains, protected);
                    wired.facts.push(fact);
                }
            }
        }
        wired.leads.push((class.place(), method.place(class)));
    }
}

fn join(prefix: &str, end: &str) -> String {
    let (prefix, end) = (prefix.trim_matches('/'), end.trim_start_matches('/'));
    let path = match (prefix.is_empty(), end.is_empty()) {
        (true, _) => format!("/{end}"),
        (false, true) => format!("/{prefix}"),
        (false, false) => format!("/{prefix}/{end}"),
    };
    if path.len() > 1 { path.trim_end_matches('/').to_owned() } else { path }
}

#[allow(clippy::too_many_arguments, reason = "a route is where all of these meet")]
fn route(
    class: &Class<'_>,
    method: &Method<'_>,
    declared: &Method<'_>,
    verb: &str,
    path: &str,
    framework: &str,
    classes: &Classes<'_>,
    chains: &[Chain],
    protected: bool,
) -> Fact {
    let handler = format!("{}.{}", class.name, method.simple());
    let mut fact = Fact::new(Kind::Route, format!("{verb} {path}"), method.def.line, method.def.end).within(method.symbol);
    fact.file = class.file;
    fact = fact.with("method", verb).with("path", path).with("handler", handler).with("framework", framework);
    for decorator in method.decorators.iter().chain(&declared.decorators).chain(&class.decorators) {
        let word = last(&decorator.name);
        let inactive = SWITCHED.contains(&decorator.name.as_str()) && !protected;
        if inactive {
            fact = fact.with("inactive", decorator.name.clone());
        } else if GUARDS.contains(&word)
            && !decorator.get("0").is_some_and(|said| said.contains("permitAll") || said.contains("IS_ANONYMOUS"))
            && !fact.all("guard").any(|guard| guard == decorator.name)
        {
            fact = fact.with("guard", decorator.name.clone());
        }
    }
    // Annotations of one's own that carry a guard.
    for decorator in method.decorators.iter().chain(&class.decorators) {
        let own = classes.named(&decorator.name);
        if own.is_some_and(|own| own.marked(GUARDS).is_some()) && protected {
            fact = fact.with("guard", decorator.name.clone());
        }
    }
    if framework == "spring"
        && let Some(rule) = security::rule(chains, classes, class.module, verb, path)
    {
        fact = match rule.access.as_str() {
            "permitAll" | "anonymous" => fact.with("open", rule.name.clone()),
            _ => fact.with("guard", rule.name.clone()),
        };
    }
    // Every guard that is known here asks who calls.
    if fact.get("guard").is_some() {
        fact = fact.with("auth", "yes");
    }
    input(fact, method, declared, verb)
}

/// What a route takes and gives.
fn input(mut fact: Fact, method: &Method<'_>, declared: &Method<'_>, verb: &str) -> Fact {
    let (mut input, mut valid, mut paged) = ("none", false, false);
    for (number, param) in method.def.all("param").enumerate() {
        let theirs = declared.def.all("param").nth(number).unwrap_or(param);
        let (name, rest) = param.split_once(": ").unwrap_or((param, ""));
        let mut parts = rest.split(" @");
        let of = parts.next().unwrap_or_default();
        let marks: Vec<&str> = parts.chain(theirs.split(" @").skip(1)).collect();
        let base = of.split('<').next().unwrap_or(of);
        fact = fact.with("param", name);
        paged |= matches!(base, "Pageable" | "PageRequest")
            || matches!(name, "page" | "size" | "limit" | "offset" | "pageSize" | "pageNumber" | "perPage" | "cursor");
        let body = marks.iter().any(|mark| matches!(*mark, "RequestBody" | "Body" | "ModelAttribute" | "RequestPart"))
            || (marks.is_empty() && fact.get("framework") == Some("jax-rs") && !matches!(verb, "GET" | "HEAD" | "DELETE"));
        valid |= marks.iter().any(|mark| matches!(*mark, "Valid" | "Validated"));
        if body {
            let untyped = matches!(
                base,
                "String"
                    | "Map"
                    | "Object"
                    | "JsonNode"
                    | "ObjectNode"
                    | "JSONObject"
                    | "JsonObject"
                    | "HashMap"
                    | "byte[]"
                    | "InputStream"
            );
            input = if untyped { "raw" } else { "typed" };
        } else if matches!(base, "HttpServletRequest" | "ServerHttpRequest" | "MultipartFile")
            && input == "none"
            && !matches!(verb, "GET" | "HEAD" | "DELETE")
        {
            input = "raw";
        }
    }
    let gives = method.def.get("returns").unwrap_or("void");
    let inner = gives
        .trim_start_matches("ResponseEntity<")
        .trim_start_matches("Mono<")
        .trim_start_matches("Uni<")
        .trim_start_matches("CompletableFuture<")
        .trim_start_matches("HttpResponse<")
        .trim_start_matches("ResponseEntity<");
    let base = inner.split(['<', '>']).next().unwrap_or(inner);
    let untyped = matches!(
        base,
        "void" | "Void" | "?" | "Object" | "String" | "Map" | "Response" | "ResponseEntity" | "ModelAndView" | "JsonNode" | ""
    );
    let many = MANY.contains(&base) || base.ends_with("[]") || base.ends_with("Page") || base.ends_with("List");
    paged |= matches!(base, "Page" | "Slice" | "PagedModel" | "Window") || base.ends_with("Page");
    // `Result<List<User>>`: an envelope of their own around many.
    let within = |part: &str| MANY.contains(&part) || part.ends_with("[]") || part.ends_with("Page") || part.ends_with("List");
    let wrapped = base != "Map" && gives.split(['<', '>', ',', ' ']).any(within);
    // An answer that says nothing of its type is a list where the caller pages through it.
    let many = many || wrapped || paged && untyped && verb == "GET";
    let yes = |is: bool| if is { "yes" } else { "no" };
    fact = fact.with("input", input).with("valid", yes(valid)).with("output", if untyped { "none" } else { "typed" });
    if many {
        fact = fact.with("list", "yes");
    }
    if paged {
        fact = fact.with("paged", "yes");
    }
    let mut seen: Vec<&str> = Vec::new();
    for call in method.calls.iter().take(200) {
        if !seen.contains(&call.name.as_str()) {
            seen.push(&call.name);
            fact = fact.with("calls", call.name.clone());
        }
    }
    if matches!(method.def.get("body"), Some("constant")) {
        fact = fact.with("constant", "yes");
    }
    fact
}
