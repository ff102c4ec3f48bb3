//! Django and its REST framework: settings, addresses, views.

use super::{
    super::link::Linked,
    address::{bases, declares, deployed, own},
    as_kind,
    before::nested,
    handler::{describe, path},
};
use crate::{
    fact::{Fact, Kind},
    wiring::{Place, Wired},
};

/// What a settings file says for all views.
struct Site<'p> {
    file: usize,
    place: Place,
    root: Option<&'p str>,
    middle: Vec<String>,
    /// What stands before views of the REST framework that say nothing.
    rest: Vec<String>,
}

/// Yields the apps, middleware and routes of each settings file.
pub(super) fn wire(linked: &Linked<'_>, wired: &mut Wired) {
    let mut seen = Vec::new();
    for number in 0..linked.files.len() {
        let Some(site) = settings(linked, number, wired) else { continue };
        let Some(root) = site.root.and_then(|root| linked.module(root)) else { continue };
        if seen.contains(&root) {
            continue;
        }
        seen.push(root);
        let above = deployed(linked, number).into_iter().filter_map(|above| linked.files.get(above));
        wired.leads.extend(above.map(|above| (site.place, Place { file: above.id, symbol: 0 })));
        let mut work = vec![(root, String::new(), Vec::new(), 0)];
        while let Some((file, prefix, guards, depth)) = work.pop() {
            if depth > 8 || seen.len() > 4_000 {
                continue;
            }
            seen.push(usize::MAX);
            if let Some(this) = linked.files.get(file) {
                wired.leads.push((site.place, Place { file: this.id, symbol: 0 }));
            }
            addresses(linked, &site, file, &prefix, &guards, wired)
                .into_iter()
                .for_each(|(to, prefix, guards)| work.push((to, prefix, guards, depth + 1)));
        }
    }
}

fn settings<'p>(linked: &Linked<'p>, number: usize, wired: &mut Wired) -> Option<Site<'p>> {
    let file = linked.files.get(number)?;
    let place = Place { file: file.id, symbol: 0 };
    let own = |last: &str| {
        file.inside
            .first()?
            .iter()
            .filter_map(|number| file.extract.facts.get(*number))
            .find(|fact| fact.kind == Kind::Assign && fact.name.ends_with(last) && fact.name.len() == file.module.len() + last.len())
    };
    let root = own(".ROOT_URLCONF");
    let (middleware, rest) = (own(".MIDDLEWARE"), own(".REST_FRAMEWORK"));
    root.or(own(".INSTALLED_APPS"))?;
    if let Some(root) = root {
        let mut app = as_kind(root, Kind::App, "django", place).with("var", root.get("value").unwrap_or(""));
        for name in ["DEBUG", "ALLOWED_HOSTS", "SECRET_KEY"] {
            if let Some(value) = own(&format!(".{name}")).and_then(|fact| fact.get("value")) {
                app.attrs.push((name.to_lowercase(), value.to_owned()));
            }
        }
        wired.facts.push(app);
        wired.roots.push(place);
    }
    let middle: Vec<String> = middleware.map(|fact| fact.all("item").map(|item| linked_name(linked, item)).collect()).unwrap_or_default();
    if let Some(fact) = middleware {
        for (order, name) in middle.iter().enumerate() {
            wired.facts.push(as_kind(fact, Kind::Middleware, name.clone(), place).with("scope", "app").with("order", order.to_string()));
            let Some(to) = linked.place(name) else { continue };
            wired.leads.push((place, to));
            wired.leads.extend(linked.methods(to).into_iter().map(|(_, method)| (place, method)));
        }
    }
    let mut guards = Vec::new();
    if let Some(fact) = rest {
        for key in [".DEFAULT_PERMISSION_CLASSES", ".DEFAULT_THROTTLE_CLASSES"] {
            guards.extend(fact.all(key).map(|name| linked_name(linked, name)));
        }
        if let Some(handler) = fact.get(".EXCEPTION_HANDLER") {
            let handler = linked_name(linked, handler);
            wired.leads.extend(linked.place(&handler).map(|to| (place, to)));
            wired.facts.push(as_kind(fact, Kind::Handler, "rest_framework.exceptions.APIException", place).with("handler", handler));
        }
    }
    Some(Site { file: number, place, root: root.and_then(|root| root.get("value")), middle, rest: guards })
}

/// A dotted text as the canonical name of what it means.
fn linked_name(linked: &Linked<'_>, dotted: &str) -> String {
    let Some((module, name)) = dotted.rsplit_once('.') else { return dotted.to_owned() };
    match linked.module(module).and_then(|number| Some((number, linked.files.get(number)?))) {
        Some((number, file)) => linked.canonical(number, &format!("{}.{name}", file.module)),
        None => dotted.to_owned(),
    }
}

/// The routes of one file of addresses; what it includes is handed back.
fn addresses(
    linked: &Linked<'_>,
    site: &Site<'_>,
    number: usize,
    prefix: &str,
    before: &[String],
    wired: &mut Wired,
) -> Vec<(usize, String, Vec<String>)> {
    let mut included = Vec::new();
    let Some(file) = linked.files.get(number) else { return included };
    let declared = file.extract.facts.iter().filter(|fact| declares(fact));
    let each = declared.flat_map(|fact| bases(file, fact, prefix, 0).into_iter().map(move |base| (fact, base)));
    for (fact, base) in each {
        let whole = path(&base, &own(file, fact));
        let (mut guards, mut view) = (before.to_vec(), fact.get("1").or_else(|| fact.get("view")).unwrap_or(""));
        // What is wrapped around a view stands before it.
        while let Some((name, inner)) = view.split_once('(') {
            if name.ends_with(".as_view") {
                view = name.strip_suffix(".as_view").unwrap_or(name);
                break;
            }
            if name.ends_with("include") {
                view = view.get(name.len()..).unwrap_or("");
                break;
            }
            guards.push(linked.canonical(number, name));
            view = inner.trim_end_matches(')');
        }
        if view.starts_with('(') {
            let inner = view.trim_matches(['(', ')']);
            if let Some(module) = inner.split('"').nth(1) {
                included.extend(linked.module(module).map(|to| (to, whole.clone(), guards.clone())));
            } else if let Some(router) = inner.strip_suffix(".urls") {
                sets(linked, site, number, router, &whole, &guards, wired);
            } else if let Some(module) = linked.module(&linked.canonical(number, inner)) {
                included.push((module, whole.clone(), guards.clone()));
            }
            continue;
        }
        if let Some(router) = view.strip_suffix(".urls") {
            sets(linked, site, number, router, &whole, &guards, wired);
            continue;
        }
        let name = linked.canonical(number, view);
        let Some(place) = linked.place(&name) else { continue };
        views(linked, site, fact, (number, place), &name, &whole, &guards, wired);
    }
    // `urlpatterns += router.urls`
    let routers =
        file.extract.facts.iter().filter(|fact| fact.kind == Kind::Assign && fact.symbol == 0 && fact.name.ends_with(".urlpatterns"));
    for router in routers.filter_map(|fact| fact.get("value")?.strip_suffix(".urls")) {
        sets(linked, site, number, router, prefix, before, wired);
    }
    included
}

/// What a router of the REST framework registers.
fn sets(linked: &Linked<'_>, site: &Site<'_>, number: usize, router: &str, prefix: &str, guards: &[String], wired: &mut Wired) {
    let short = router.rsplit('.').next().unwrap_or(router);
    // The router may be made in another file.
    let module = linked.canonical(number, router).rsplit_once('.').and_then(|(module, _)| linked.module(module)).unwrap_or(number);
    let Some(file) = linked.files.get(module) else { return };
    for fact in file.extract.facts.iter().filter(|fact| fact.kind == Kind::Call && fact.name.ends_with(".register")) {
        if fact.get("receiver").and_then(|receiver| receiver.rsplit('.').next()) != Some(short) {
            continue;
        }
        let name = linked.canonical(module, fact.get("1").or_else(|| fact.get("viewset")).unwrap_or(""));
        let Some(place) = linked.place(&name) else { continue };
        let base = path(prefix, fact.get("0").or_else(|| fact.get("prefix")).unwrap_or("").trim_start_matches('r'));
        let bases = linked.bases(&name);
        let methods = linked.methods(place);
        let one = format!("{base}/{{pk}}/");
        let many = format!("{base}/");
        for (action, verb, path, word) in [
            ("list", "GET", &many, "List"),
            ("create", "POST", &many, "Create"),
            ("retrieve", "GET", &one, "Retrieve"),
            ("update", "PUT", &one, "Update"),
            ("partial_update", "PATCH", &one, "Update"),
            ("destroy", "DELETE", &one, "Destroy"),
        ] {
            let given = bases.iter().any(|base| {
                base.ends_with(".ModelViewSet")
                    || base.ends_with(&format!("mixins.{word}ModelMixin"))
                    || (base.ends_with(".ReadOnlyModelViewSet") && verb == "GET")
            });
            let own = methods.iter().find(|(method, _)| *method == action).map(|(_, place)| *place);
            if own.is_some() || given {
                let mut found = view(linked, site, fact, (place, own), &name, verb, path, guards, wired);
                if action == "list" {
                    found.attrs.push(("list".into(), "yes".into()));
                }
                wired.facts.push(found);
            }
        }
        for (method, own) in &methods {
            let Some((_, action)) =
                linked.inside(*own).find(|(_, fact)| fact.kind == Kind::Decorator && fact.name.ends_with("decorators.action"))
            else {
                continue;
            };
            let below = if action.get("detail") == Some("true") { format!("{base}/{{pk}}/") } else { many.clone() };
            let path = format!("{below}{}/", action.get("url_path").unwrap_or(method));
            let verbs = words(action.get("methods").unwrap_or("[\"get\"]"));
            for verb in verbs {
                let found = view(linked, site, fact, (place, Some(*own)), &name, &verb, &path, guards, wired);
                wired.facts.push(found);
            }
        }
    }
}

/// The routes of a view by its methods.
#[allow(clippy::too_many_arguments)] // The parts of one address; a struct would be built in two places and read in one.
fn views(
    linked: &Linked<'_>,
    site: &Site<'_>,
    fact: &Fact,
    at: (usize, Place),
    name: &str,
    path: &str,
    guards: &[String],
    wired: &mut Wired,
) {
    let place = at.1;
    let Some(definition) = linked.definition(place) else { return };
    let mut verbs: Vec<(String, Option<Place>)> = Vec::new();
    if definition.get("kind") == Some("class") {
        for (method, own) in linked.methods(place) {
            if matches!(method, "get" | "post" | "put" | "patch" | "delete" | "head" | "options") {
                verbs.push((method.to_uppercase(), Some(own)));
            }
        }
        for base in linked.bases(name) {
            let last = base.rsplit('.').next().unwrap_or("");
            let rest = base.starts_with("rest_framework.");
            let generic = rest || base.starts_with("django.views");
            let mut add = |words: &[&str], verb: &str| {
                if generic && words.iter().any(|word| last.contains(word)) && !verbs.iter().any(|(known, _)| known == verb) {
                    verbs.push((verb.to_owned(), None));
                }
            };
            if rest {
                add(&["List", "Retrieve"], "GET");
                add(&["Create"], "POST");
                add(&["Update"], "PUT");
                add(&["Update"], "PATCH");
                add(&["Destroy"], "DELETE");
            } else {
                add(
                    &["ListView", "DetailView", "TemplateView", "CreateView", "UpdateView", "FormView", "DeleteView", "RedirectView"],
                    "GET",
                );
                add(&["CreateView", "UpdateView", "FormView", "DeleteView"], "POST");
            }
        }
    } else {
        for (_, decorator) in linked.inside(place).filter(|(_, fact)| fact.kind == Kind::Decorator) {
            let last = decorator.name.rsplit('.').next().unwrap_or("");
            let named = match last {
                "api_view" => words(decorator.get("0").or_else(|| decorator.get("http_method_names")).unwrap_or("[\"GET\"]")),
                "require_http_methods" => words(decorator.get("0").unwrap_or("")),
                "require_GET" | "require_safe" => vec!["GET".into()],
                "require_POST" => vec!["POST".into()],
                _ => Vec::new(),
            };
            verbs.extend(named.into_iter().map(|verb| (verb, None)));
        }
        if verbs.is_empty() {
            verbs.push(("GET".into(), None));
            let file = linked.number(place.file).and_then(|number| linked.files.get(number));
            let writes = file.is_some_and(|file| {
                file.extract.uses.iter().any(|used| {
                    used.symbol == place.symbol
                        && (used.path.starts_with("request.POST") || used.path == "request.method" || used.path == "request.body")
                })
            });
            if writes {
                verbs.push(("POST".into(), None));
            }
        }
    }
    for (verb, own) in verbs {
        let found = view(linked, site, fact, (place, own), name, &verb, path, guards, wired);
        wired.facts.push(found);
    }
}

/// One route of a view.
#[allow(clippy::too_many_arguments)] // As above.
fn view(
    linked: &Linked<'_>,
    site: &Site<'_>,
    fact: &Fact,
    place: (Place, Option<Place>),
    name: &str,
    verb: &str,
    path: &str,
    guards: &[String],
    wired: &mut Wired,
) -> Fact {
    let (class, own) = place;
    let handler = own.unwrap_or(class);
    let number = linked.number(handler.file).unwrap_or(site.file);
    let mut before = guards.to_vec();
    let (mut said, mut serializer) = (false, false);
    for place in [Some(class), own].into_iter().flatten() {
        for (_, inner) in linked.inside(place) {
            let last = inner.name.rsplit('.').next().unwrap_or("");
            match inner.kind {
                Kind::Decorator if last == "permission_classes" => {
                    said = true;
                    before.extend(names(inner.get("0").unwrap_or("")).map(|name| linked.typed(number, name)));
                }
                Kind::Decorator if last == "method_decorator" => {
                    before.push(linked.typed(number, inner.get("0").unwrap_or("").split('(').next().unwrap_or("")))
                }
                Kind::Decorator if !matches!(last, "api_view" | "action") => before.push(linked.typed(number, &inner.name)),
                Kind::Assign if matches!(last, "permission_classes" | "throttle_classes") => {
                    said |= last == "permission_classes";
                    before.extend(inner.all("item").flat_map(names).map(|name| linked.typed(number, name)));
                }
                Kind::Assign if last == "serializer_class" || last == "form_class" => serializer = true,
                _ => {}
            }
        }
    }
    let bases = linked.bases(name);
    before.extend(bases.iter().filter(|base| base.contains("Mixin") && !base.contains("ModelMixin")).cloned());
    let rest = bases.iter().any(|base| base.starts_with("rest_framework."))
        || linked.inside(class).any(|(_, fact)| fact.kind == Kind::Decorator && fact.name.ends_with("api_view"));
    if rest && !said {
        before.extend(site.rest.iter().cloned());
    }
    wired.leads.push((site.place, handler));
    wired.leads.push((handler, class));
    wired.held.extend(linked.definition(class).filter(|definition| definition.get("kind") != Some("class")).map(|_| class));
    wired.leads.extend(nested(linked, handler).into_iter().map(|inner| (handler, inner)));
    let definition = linked.definition(handler).unwrap_or(fact);
    let mut route = as_kind(definition, Kind::Route, format!("{verb} {path}"), handler).with("method", verb).with("path", path);
    route.end = route.line;
    let name = linked.files.get(number).map_or_else(String::new, |file| file.symbol(handler.symbol));
    route = route.with("handler", name).with("framework", if rest { "django-rest" } else { "django" });
    describe(linked, &mut route, handler, (&site.middle, &before), None);
    if serializer && matches!(verb, "POST" | "PUT" | "PATCH") {
        route.attrs.retain(|(name, _)| name != "input");
        route.attrs.push(("input".into(), "typed".into()));
    }
    if serializer {
        route.attrs.retain(|(name, _)| name != "output");
        route.attrs.push(("output".into(), "typed".into()));
    }
    route
}

/// The words of a list as methods.
fn words(list: &str) -> Vec<String> {
    list.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| !word.is_empty()).map(str::to_uppercase).collect()
}

/// The names in a list.
fn names(list: &str) -> impl Iterator<Item = &str> {
    list.split([',', '[', ']', '(', ')', '|', '&', ' ']).filter(|name| name.contains('.'))
}
