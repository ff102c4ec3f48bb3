//! Which methods of which libraries make routers, hang them on others, put something before them, and add routes.

/// What a call does to a router.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Does {
    /// Makes an application or router of a framework.
    Makes(&'static str),
    /// Gives a router below this one: the prefix's argument, the first argument that stands before it.
    Group { prefix: Option<usize>, guards: Option<usize> },
    /// Hands a router below this one to a function.
    Inside { prefix: Option<usize>, body: usize },
    /// Hangs a router or handler below this one.
    Mount { prefix: usize, what: usize },
    /// Puts something before its routes, from this argument on.
    Use(usize),
    /// Adds a route.
    Route { method: String, path: usize, handler: Handler },
    /// Gives the same router back.
    Same,
    /// Registers a handler of failures.
    Failure(&'static str),
}

/// Where the handler is among the arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Handler {
    /// The last one; what stands between path and it stands before it.
    Last,
    /// This one; what follows stands before it.
    At(usize),
}

/// The framework of a canonical name, and what follows.
fn split(name: &str) -> Option<(&'static str, &str)> {
    const LIBRARIES: &[(&str, &str)] = &[
        ("github.com/gin-gonic/gin.", "gin"),
        ("github.com/labstack/echo.", "echo"),
        ("github.com/go-chi/chi.", "chi"),
        ("github.com/gofiber/fiber.", "fiber"),
        ("github.com/gorilla/mux.", "gorilla"),
        ("github.com/julienschmidt/httprouter.", "httprouter"),
        ("github.com/go-ozzo/ozzo-routing.", "ozzo"),
        ("net/http.", "net/http"),
        ("google.golang.org/grpc.", "grpc"),
    ];
    LIBRARIES.iter().find_map(|(prefix, framework)| name.strip_prefix(prefix).map(|rest| (*framework, rest)))
}

/// The framework that a type belongs to, where the type is a router.
pub(super) fn framework(of: &str) -> Option<&'static str> {
    let (framework, rest) = split(of)?;
    ["Engine", "RouterGroup", "IRouter", "IRoutes", "Echo", "Group", "Mux", "Router", "App", "ServeMux", "Server", "Route", "RouteGroup"]
        .contains(&rest)
        .then_some(framework)
}

/// What a call of this name does.
pub(super) fn does(name: &str) -> Option<Does> {
    let (framework, rest) = split(name)?;
    let route = |method: &str, path, handler| Some(Does::Route { method: method.to_ascii_uppercase(), path, handler });
    let made = matches!(
        (framework, rest),
        ("gin", "New" | "Default")
            | ("echo" | "fiber" | "httprouter" | "ozzo", "New")
            | ("chi", "NewRouter" | "NewMux")
            | ("gorilla", "NewRouter")
            | ("net/http", "NewServeMux")
    );
    if made {
        return Some(Does::Makes(framework));
    }
    if framework == "net/http" && matches!(rest, "HandleFunc" | "Handle") {
        return route("", 0, Handler::At(1));
    }
    let (class, method) = rest.split_once('.')?;
    if !["Engine", "RouterGroup", "IRouter", "IRoutes", "Echo", "Group", "Mux", "Router", "App", "ServeMux", "Route", "RouteGroup"]
        .contains(&class)
    {
        return None;
    }
    let verb = method.to_ascii_uppercase();
    let verbs = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "CONNECT", "TRACE"];
    match framework {
        "gin" => match method {
            "Group" => Some(Does::Group { prefix: Some(0), guards: Some(1) }),
            "Use" => Some(Does::Use(0)),
            "Any" => route("ANY", 0, Handler::Last),
            "Handle" => route("", 1, Handler::Last),
            "Match" => route("ANY", 1, Handler::Last),
            "NoRoute" | "NoMethod" => Some(Does::Failure("404")),
            _ if verbs.contains(&method) => route(method, 0, Handler::Last),
            _ => None,
        },
        "echo" => match method {
            "Group" => Some(Does::Group { prefix: Some(0), guards: Some(1) }),
            "Use" | "Pre" => Some(Does::Use(0)),
            "Any" => route("ANY", 0, Handler::At(1)),
            "Add" => route("", 1, Handler::At(2)),
            "Match" => route("ANY", 1, Handler::At(2)),
            _ if verbs.contains(&method) => route(method, 0, Handler::At(1)),
            _ => None,
        },
        "chi" => match method {
            "With" => Some(Does::Group { prefix: None, guards: Some(0) }),
            "Use" => Some(Does::Use(0)),
            "Group" => Some(Does::Inside { prefix: None, body: 0 }),
            "Route" => Some(Does::Inside { prefix: Some(0), body: 1 }),
            "Mount" => Some(Does::Mount { prefix: 0, what: 1 }),
            "Handle" | "HandleFunc" => route("ANY", 0, Handler::At(1)),
            "Method" | "MethodFunc" => route("", 1, Handler::At(2)),
            "NotFound" => Some(Does::Failure("404")),
            "MethodNotAllowed" => Some(Does::Failure("405")),
            _ if verbs.contains(&verb.as_str()) => route(&verb, 0, Handler::At(1)),
            _ => None,
        },
        "fiber" => match method {
            "Group" => Some(Does::Group { prefix: Some(0), guards: Some(1) }),
            "Use" => Some(Does::Use(0)),
            "Route" => Some(Does::Inside { prefix: Some(0), body: 1 }),
            "Mount" => Some(Does::Mount { prefix: 0, what: 1 }),
            "All" => route("ANY", 0, Handler::Last),
            "Add" => route("", 1, Handler::Last),
            _ if verbs.contains(&verb.as_str()) => route(&verb, 0, Handler::Last),
            _ => None,
        },
        "gorilla" => match method {
            "PathPrefix" | "Path" => Some(Does::Group { prefix: Some(0), guards: None }),
            "Subrouter" | "Methods" | "Host" | "Schemes" | "Headers" | "Queries" | "StrictSlash" | "Name" | "NewRoute"
            | "UseEncodedPath" | "SkipClean" => Some(Does::Same),
            "Use" => Some(Does::Use(0)),
            "Handle" | "HandleFunc" => route("", 0, Handler::At(1)),
            "Handler" | "HandlerFunc" => route("", usize::MAX, Handler::At(0)),
            _ => None,
        },
        "httprouter" => match method {
            "Handler" | "HandlerFunc" | "Handle" => route("", 1, Handler::At(2)),
            _ if verbs.contains(&method) => route(method, 0, Handler::At(1)),
            _ => None,
        },
        "ozzo" => match method {
            "Group" => Some(Does::Group { prefix: Some(0), guards: Some(1) }),
            "Use" => Some(Does::Use(0)),
            "Any" => route("ANY", 0, Handler::Last),
            "To" => route("", 1, Handler::Last),
            _ if verbs.contains(&verb.as_str()) => route(&verb, 0, Handler::Last),
            _ => None,
        },
        "net/http" => match method {
            "Handle" | "HandleFunc" => route("", 0, Handler::At(1)),
            _ => None,
        },
        _ => None,
    }
}
