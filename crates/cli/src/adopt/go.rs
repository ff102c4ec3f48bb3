//! Go: `net/http` and the routers over it.

use super::{
    declared,
    found::{Evidence, Gives, RouteSeen, Service, Start, is_plain, method, under},
    source::{Call, Language, Source, literal, literals, size},
    tree::{Tree, below, parent},
    words,
};

const MANIFESTS: &[&str] = &["go.mod"];
/// Routers by their import path; the first that is imported names the framework.
const ROUTERS: &[(&str, &str)] = &[
    ("github.com/gin-gonic/gin", "Gin"),
    ("github.com/labstack/echo", "Echo"),
    ("github.com/gofiber/fiber", "Fiber"),
    ("github.com/go-chi/chi", "chi"),
    ("github.com/gorilla/mux", "gorilla/mux"),
    ("github.com/julienschmidt/httprouter", "httprouter"),
    ("net/http", "net/http"),
];

/// The services in Go: folders with a `main` that listens, or whose module does.
pub fn recognise(tree: &Tree) -> Vec<Service> {
    let mut found: Vec<Service> = Vec::new();
    let mains: Vec<&Source> = sources(tree, "")
        .filter(|source| source.word("main").is_some() && source.bare().lines().any(|line| line.trim_end() == "package main"))
        .filter(|source| source.bare().contains("func main()"))
        .collect();
    for main in &mains {
        let folder = parent(&main.path);
        let root = tree.unit(&main.path, MANIFESTS);
        let here = || sources(tree, &root).filter(|source| parent(&source.path) == folder);
        let own = here().find_map(listening);
        // A thin `main` calls a package that listens: sure only when it is the only program.
        let program = |other: &str| below(&root, other).is_some_and(|path| path.is_empty() || path.starts_with("cmd/"));
        let programs = mains.iter().filter(|other| tree.unit(&other.path, MANIFESTS) == root && program(parent(&other.path)));
        let only = program(folder) && programs.map(|other| parent(&other.path)).collect::<std::collections::BTreeSet<_>>().len() == 1;
        let Some((listens, call)) = own.or_else(|| only.then(|| sources(tree, &root).find_map(listening)).flatten()) else { continue };
        if !found.iter().any(|service| service.root == root && service.folder == folder) {
            found.push(service(tree, root.clone(), folder, main, listens, &call));
        }
    }
    found
}

fn sources<'a>(tree: &'a Tree, root: &'a str) -> impl Iterator<Item = &'a Source> {
    tree.sources.iter().filter(move |source| source.language == Language::Go && below(root, &source.path).is_some())
}

/// The call with which a file listens.
fn listening(source: &Source) -> Option<(&Source, Call<'_>)> {
    let framework = ROUTERS.iter().any(|(path, _)| source.text.contains(path));
    let call = source.calls().find(|call| match call.name {
        "ListenAndServe" | "ListenAndServeTLS" => true,
        "Serve" => {
            source.text.contains("\"net/http\"")
                && ["server", "srv", "http"].iter().any(|end| call.receiver.to_ascii_lowercase().ends_with(end))
        }
        "Run" | "Start" | "Listen" => {
            framework
                && !source.text.contains("os/exec")
                && matches!(call.receiver, "r" | "e" | "app" | "router" | "engine" | "g" | "server" | "echo" | "api")
        }
        _ => false,
    })?;
    Some((source, call))
}

fn service(tree: &Tree, root: String, folder: &str, main: &Source, listens: &Source, call: &Call<'_>) -> Service {
    let imported = |path: &str| sources(tree, &root).any(|source| source.code().contains(&format!("\"{path}")));
    let framework = ROUTERS.iter().find(|(path, _)| imported(path)).map_or("net/http", |(_, name)| name);
    let mut service = Service::new(root.clone(), folder, framework);
    service.score = 30;
    service.name = tree.text(&root, "go.mod").and_then(|(path, text)| {
        let module = text.lines().find_map(|line| line.trim().strip_prefix("module "))?;
        let last = if folder == root {
            module.trim().rsplit('/').find(|part| !(part.starts_with('v') && part[1..].bytes().all(|b| b.is_ascii_digit())))?
        } else {
            folder.rsplit('/').next()?
        };
        Some((last.to_owned(), Evidence::text(&path, text, "module ", "the module's name")))
    });
    service.start = start(tree, &root, folder, main, listens, call);
    for source in sources(tree, &root) {
        read(source, framework, &mut service);
    }
    service
}

fn start(tree: &Tree, root: &str, folder: &str, main: &Source, listens: &Source, call: &Call<'_>) -> Start {
    let line = main.bare().find("func main()").map_or(1, |at| main.line(at));
    let mut start =
        Start { evidence: vec![Evidence::line(&main.path, line, "func main()"), Evidence::call(call, "listens here")], ..Start::default() };
    let package = below(root, folder).filter(|path| !path.is_empty()).map_or_else(|| ".".to_owned(), |path| format!("./{path}"));
    let name = folder.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or("service");
    start.before.push(format!("go build -o ./bin/{name} {package}"));
    start.words = vec![format!("./bin/{name}")];
    let asks = sources(tree, root).find_map(|source| {
        let call = source
            .calls()
            .filter(|call| call.name.to_ascii_lowercase().contains("env") || call.name == "GetString")
            .find(|call| call.positional(0).and_then(literal).as_deref() == Some("PORT"))?;
        Some(Evidence::call(&call, "reads PORT"))
    });
    if let Some(evidence) = asks {
        start.evidence.push(evidence);
        return start;
    }
    if let Some((words, evidence)) = flag(main, listens) {
        start.words.extend(words);
        start.evidence.push(evidence);
        return start;
    }
    for one in declared::commands(tree, root) {
        let fitted = words::fit(&one.words);
        if fitted.port && fitted.words.len() > 1 {
            start.words.extend(fitted.words.into_iter().skip(1));
            start.notes.extend(fitted.notes);
            start.evidence.push(one.evidence);
            return start;
        }
    }
    let gin = call.name == "Run" && call.arguments().is_empty();
    if gin {
        start.evidence.push(Evidence::call(call, "Gin reads PORT when it is given no address"));
        return start;
    }
    let address = call.positional(0).and_then(|text| literal(text).or_else(|| literal(listens.assigned(text)?.0)));
    let server = || {
        listens
            .bare()
            .contains("http.Server{")
            .then(|| listens.code().split("Addr:").nth(1)?.split(['\n', ',']).next().and_then(literal))
            .flatten()
    };
    let port = address.or_else(server).and_then(|address| address.rsplit(':').next()?.parse().ok());
    match port {
        Some(port) => start.fixed_port = Some((port, Evidence::call(call, format!("listens on port {port}, whatever PORT says")))),
        None => start.notes.push("where the port comes from was not seen: tell the service to listen on $PORT".into()),
    }
    start
}

/// Flags for the address and the port: `flag.String("addr", ":8080", …)`. Where both are there, the
/// one for the address names the host alone.
fn flag(main: &Source, listens: &Source) -> Option<(Vec<String>, Evidence)> {
    [main, listens].into_iter().find_map(|source| {
        let declares = |call: &Call<'_>| {
            let receiver = call.receiver.to_ascii_lowercase();
            matches!(call.name, "String" | "Int" | "StringVar" | "IntVar" | "StringP" | "IntP")
                && (receiver.ends_with("flag") || receiver.ends_with("flags") || (receiver == ")" && source.text.contains("Flags()")))
        };
        let named = |call: Call<'_>| {
            let name = call.arguments().iter().find_map(|argument| literal(argument.text).filter(|name| is_port_flag(name)))?;
            Some((call.name.starts_with("Int") || name.contains("port"), name, Evidence::call(&call, "the flag it listens by")))
        };
        let flags: Vec<_> = source.calls().filter(declares).filter_map(named).collect();
        let dashes = if source.text.contains("spf13/") { "--" } else { "-" };
        let word = |name: &str| format!("{dashes}{name}");
        let address = flags.iter().find(|(port, ..)| !port);
        if let Some((_, name, evidence)) = flags.iter().find(|(port, ..)| *port) {
            let mut words = vec![word(name), words::PORT.to_owned()];
            words.extend(address.into_iter().flat_map(|(_, name, _)| [word(name), "127.0.0.1".to_owned()]));
            return Some((words, evidence.clone()));
        }
        let (_, name, evidence) = address?;
        Some((vec![word(name), format!("127.0.0.1:{}", words::PORT)], evidence.clone()))
    })
}

fn is_port_flag(name: &str) -> bool {
    matches!(
        name,
        "addr"
            | "address"
            | "listen"
            | "port"
            | "http"
            | "http-addr"
            | "listen-addr"
            | "http.addr"
            | "listen-address"
            | "bind"
            | "http-port"
    )
}

fn read(source: &Source, framework: &str, service: &mut Service) {
    for call in source.calls() {
        if service.is_full() {
            return;
        }
        match call.name {
            "FormFile" | "ParseMultipartForm" | "MultipartReader" | "MultipartForm" => {
                // What ParseMultipartForm bounds is memory, not the body.
                service.take_uploads(None, Evidence::call(&call, format!("takes files ({})", call.name)));
            }
            "MaxBytesReader" => {
                if let Some(bytes) = call.positional(2).and_then(|text| size(text).or_else(|| size(source.assigned(text)?.0))) {
                    service.take_uploads(Some(bytes), Evidence::call(&call, format!("a body of {bytes} bytes at most")));
                }
            }
            _ => {}
        }
        if let Some(route) = route(&call, framework) {
            service.routes.push(route);
        }
    }
    for key in ["AllowedOrigins:", "AllowOrigins:"] {
        if let Some(at) = source.code().find(key).filter(|_| source.text.contains(key)) {
            let rest = &source.code()[at + key.len()..];
            let list = rest.find('}').and_then(|end| literals(&rest[..=end]));
            let credentials = source.code().contains("AllowCredentials: true") || source.code().contains("AllowCredentials:   true");
            service.take_origins(list, credentials, Evidence::line(&source.path, source.line(at), key.trim_end_matches(':')));
        }
    }
}

fn route(call: &Call<'_>, framework: &str) -> Option<RouteSeen> {
    let text = literal(call.positional(0)?)?;
    let (verb, path, files) = match call.name {
        "HandleFunc" | "Handle" => {
            let (verb, path) = text.split_once(' ').map_or((None, text.as_str()), |(verb, path)| (method(verb), path.trim()));
            (verb, path.to_owned(), call.inside().contains("FileServer("))
        }
        "Static" | "StaticFS" | "ServeFiles" => (Some("GET"), text, true),
        verb if method(verb).is_some() && (verb.bytes().all(|b| b.is_ascii_uppercase()) || matches!(framework, "chi" | "Fiber")) => {
            (method(verb), text, false)
        }
        _ => return None,
    };
    if !path.starts_with('/') || call.receiver.is_empty() {
        return None;
    }
    let tree_like = path.len() > 1 && path.ends_with('/');
    let written = super::node::template(path.trim_end_matches("/*").trim_end_matches("{$}")).replace("...}", "}");
    let path = match (files, tree_like || path.ends_with("/*")) {
        (true, _) | (_, true) if path != "/" => under(&written, "{*rest}"),
        _ => written,
    };
    // On a group the beginning is not known; on the usual names of the top it is.
    let top = matches!(call.receiver, "http" | "mux" | "r" | "e" | "app" | "router" | "engine" | "m");
    let gives = if files { Gives::Files } else { Gives::Answers };
    let grouped =
        call.source.bare().contains(".Group(") || call.source.bare().contains(".Route(") || call.source.bare().contains(".PathPrefix(");
    let certain = top && !grouped && is_plain(&path);
    Some(RouteSeen { method: verb, evidence: Evidence::call(call, format!("route {path}")), path, gives, certain })
}
