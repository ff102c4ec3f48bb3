//! Django: `manage.py`, the settings module, `urls.py`.

use super::{
    super::{
        declared,
        found::{Evidence, Gives, RouteSeen, Service, Start, is_plain, under},
        source::{Source, literal, literals},
        tree::{Tree, join, parent},
        words,
    },
    dependency, name, routes, sources, uploads, with_runner,
};

/// Most levels of `include`.
const LEVELS: usize = 4;

/// The projects of Django: one for each `manage.py`.
pub fn recognise(tree: &Tree) -> Vec<Service> {
    tree.sources
        .iter()
        .filter(|source| source.path.rsplit('/').next() == Some("manage.py") && source.text.contains("DJANGO_SETTINGS_MODULE"))
        .map(|manage| project(tree, manage))
        .collect()
}

fn project(tree: &Tree, manage: &Source) -> Service {
    let root = parent(&manage.path).to_owned();
    let mut service = Service::new(root.clone(), root.clone(), "Django");
    service.score = 60;
    let settings =
        manage.calls_of("setdefault").find(|call| call.positional(0).and_then(literal).as_deref() == Some("DJANGO_SETTINGS_MODULE"));
    let module = settings.and_then(|call| call.positional(1)).and_then(literal).unwrap_or_default();
    let line = settings.map_or(1, |call| call.line());
    let evidence = Evidence::line(&manage.path, line, format!("settings are in {module}"));
    let package = module.split('.').next().unwrap_or("").to_owned();
    // Settings may be one module or a package of several.
    let folder = join(&root, &module.replace('.', "/"));
    let files: Vec<&Source> = sources(tree, &root)
        .filter(|source| {
            source.path == format!("{folder}.py")
                || parent(&source.path) == folder
                || source.path.starts_with(&format!("{}/settings", join(&root, &package)))
        })
        .collect();
    service.start = start(tree, &root, &package, evidence);
    service.name = name(tree, &root);
    for source in &files {
        read_settings(source, &mut service);
    }
    for source in sources(tree, &root) {
        uploads(source, &mut service);
        if let Some(at) = source.word("FileField").or_else(|| source.word("ImageField")) {
            service.take_uploads(None, Evidence::line(&source.path, source.line(at), "a field that takes files"));
        }
    }
    let urls = files.iter().find_map(|source| source.assigned("ROOT_URLCONF").and_then(|(text, _)| literal(text)));
    let urls = urls.unwrap_or_else(|| format!("{package}.urls"));
    walk(tree, &root, &urls, "", 0, &mut service);
    service
}

fn start(tree: &Tree, root: &str, package: &str, evidence: Evidence) -> Start {
    let mut start = Start { evidence: vec![evidence], ..Start::default() };
    for one in declared::commands(tree, root) {
        let (program, line) = (words::program(&one.words).to_owned(), words::line(&one.words));
        if line.contains(package) && matches!(program.as_str(), "gunicorn" | "uvicorn" | "daphne" | "hypercorn" | "granian") {
            let fitted = words::fit(&one.words);
            start.evidence.push(one.evidence);
            start.words = with_runner(tree, root, &mut start.evidence, fitted.words);
            (start.before, start.notes) = (one.before, fitted.notes);
            return start;
        }
        start.notes.push(format!("not taken over: `{line}` ({})", one.evidence.place()));
    }
    let side = |name: &str| {
        tree.has(&join(root, package), &format!("{name}.py"))
            .then(|| Evidence::file(&join(&join(root, package), &format!("{name}.py")), format!("the {name} application")))
    };
    let servers = [("gunicorn", "wsgi"), ("uvicorn", "asgi"), ("daphne", "asgi"), ("hypercorn", "asgi"), ("waitress", "wsgi")];
    let found =
        servers.into_iter().find_map(|(server, side_name)| Some((server, side_name, dependency(tree, root, server)?, side(side_name)?)));
    let line: Vec<String> = match found {
        Some((server, side_name, needed, application)) => {
            start.evidence.extend([needed, application]);
            let program = if server == "waitress" { "waitress-serve" } else { server };
            let (target, port) =
                (format!("{package}.{side_name}:application"), words::port_words(program).iter().map(|word| (*word).to_owned()));
            if server == "waitress" {
                [program.to_owned()].into_iter().chain(port).chain([target]).collect()
            } else {
                [program.to_owned(), target].into_iter().chain(port).collect()
            }
        }
        None => {
            start.notes.push("runserver is for the author's desk; install gunicorn for users".into());
            ["python", "manage.py", "runserver", "127.0.0.1:$PORT", "--noreload"].into_iter().map(str::to_owned).collect()
        }
    };
    start.words = with_runner(tree, root, &mut start.evidence, line);
    start
}

fn read_settings(source: &Source, service: &mut Service) {
    if let Some((text, at)) = source.assigned("ALLOWED_HOSTS")
        && let Some(hosts) = literals(text).filter(|hosts| !hosts.is_empty() && !hosts.iter().any(|host| host == "*"))
    {
        // A leading dot means the name and everything below it.
        let hosts = hosts.into_iter().flat_map(|host| match host.strip_prefix('.') {
            Some(name) => vec![name.to_owned(), format!("*.{name}")],
            None => vec![host],
        });
        service.hosts.get_or_insert((hosts.collect(), Evidence::line(&source.path, source.line(at), "ALLOWED_HOSTS")));
    }
    for key in ["CORS_ALLOWED_ORIGINS", "CORS_ORIGIN_WHITELIST"] {
        if let Some((text, at)) = source.assigned(key) {
            let credentials = source.assigned("CORS_ALLOW_CREDENTIALS").is_some_and(|(text, _)| text == "True");
            service.take_origins(literals(text), credentials, Evidence::line(&source.path, source.line(at), key));
        }
    }
    for key in ["CORS_ALLOW_ALL_ORIGINS", "CORS_ORIGIN_ALLOW_ALL"] {
        if let Some((_, at)) = source.assigned(key).filter(|(text, _)| *text == "True") {
            service.take_origins(None, false, Evidence::line(&source.path, source.line(at), key));
        }
    }
    if let Some((text, at)) = source.assigned("STATIC_URL")
        && let Some(url) = literal(text).filter(|url| !url.contains("://") && url.len() > 1)
    {
        let path = under(&format!("/{}", url.trim_matches('/')), "{*rest}");
        let evidence = Evidence::line(&source.path, source.line(at), format!("STATIC_URL is {url}"));
        service.routes.push(RouteSeen { method: Some("GET"), certain: is_plain(&path), path, gives: Gives::Files, evidence });
    }
}

/// Follows `path(…)` and `include(…)` from the root of the addresses.
fn walk(tree: &Tree, root: &str, module: &str, prefix: &str, level: usize, service: &mut Service) {
    let file = join(root, &format!("{}.py", module.replace('.', "/")));
    let package = join(root, &format!("{}/__init__.py", module.replace('.', "/")));
    let Some(source) = tree.source(&file).or_else(|| tree.source(&package)).filter(|_| level < LEVELS) else { return };
    for call in source.calls_of("path") {
        if service.is_full() {
            return;
        }
        let (Some(path), Some(view)) = (call.positional(0).and_then(literal), call.positional(1)) else { continue };
        let full = under(prefix, &path);
        if let Some(included) = view.strip_prefix("include(") {
            let end = included.find([',', ')']).unwrap_or(included.len());
            if let Some(module) = literal(included[..end].trim_start_matches('(')) {
                walk(tree, root, &module, &full, level + 1, service);
            }
            continue;
        }
        let path = routes::template(&full);
        let (path, gives) =
            if view.ends_with("site.urls") { (under(&path, "{*rest}"), Gives::Administration) } else { (path, Gives::Answers) };
        let evidence = Evidence::call(&call, format!("route {path}"));
        service.routes.push(RouteSeen { method: None, certain: is_plain(&path), path, gives, evidence });
    }
}
