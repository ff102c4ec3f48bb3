//! Classes that a container finds by scanning, and the methods of theirs that it calls.

use super::class::{Class, Classes, Method, last};
use crate::{
    fact::{Fact, Kind},
    wiring::{Place, Wired},
};

/// Annotations that make a class known to its container.
const BEANS: &[&str] = &[
    "Component",
    "Service",
    "Repository",
    "Controller",
    "RestController",
    "Configuration",
    "EnableWebSecurity",
    "EnableWebFluxSecurity",
    "AutoConfiguration",
    "ControllerAdvice",
    "RestControllerAdvice",
    "Entity",
    "FeignClient",
    "Aspect",
    "ConfigurationProperties",
    "ConfigMapping",
    "Endpoint",
    "RestControllerEndpoint",
    "Path",
    "Provider",
    "ApplicationScoped",
    "RequestScoped",
    "Dependent",
    "Singleton",
    "Factory",
    "Filter",
    "ServerFilter",
    "WebFilter",
    "WebListener",
    "WebServlet",
    "Named",
    "Mapper",
    "RepositoryRestResource",
    "JdbcRepository",
    "RegisterRestClient",
    "KafkaListener",
    "RabbitListener",
    "GraphQlController",
    "Startup",
    "Client",
    "Converter",
    "MappedSuperclass",
    "Embeddable",
    "TestConfiguration",
    "DgsComponent",
    "GrpcService",
    "WebSocket",
    "ServerEndpoint",
    "MessagingGateway",
    "Liveness",
    "Readiness",
    "Wellness",
    "RegisterAiService",
    "RedisHash",
    "Document",
];

/// Annotations of methods that a framework calls.
const CALLED: &[&str] = &[
    "Bean",
    "PostConstruct",
    "PreDestroy",
    "Scheduled",
    "EventListener",
    "TransactionalEventListener",
    "KafkaListener",
    "RabbitListener",
    "JmsListener",
    "SqsListener",
    "StreamListener",
    "ExceptionHandler",
    "ModelAttribute",
    "InitBinder",
    "Around",
    "Before",
    "After",
    "AfterReturning",
    "AfterThrowing",
    "Incoming",
    "Outgoing",
    "Observes",
    "Produces",
    "ServerExceptionMapper",
    "ServerRequestFilter",
    "ServerResponseFilter",
    "RequestFilter",
    "ResponseFilter",
    "Error",
    "ReadOperation",
    "WriteOperation",
    "DeleteOperation",
    "PrePersist",
    "PreUpdate",
    "PostLoad",
    "QueryMapping",
    "MutationMapping",
    "SchemaMapping",
    "MessageMapping",
    "ServiceActivator",
    "Autowired",
    "Inject",
    "OnOpen",
    "OnMessage",
    "OnClose",
    "Topic",
    "Override",
    "GetMapping",
    "PostMapping",
    "PutMapping",
    "DeleteMapping",
    "PatchMapping",
    "RequestMapping",
    "GET",
    "POST",
    "PUT",
    "DELETE",
    "PATCH",
    "HEAD",
    "OPTIONS",
    "Get",
    "Post",
    "Put",
    "Delete",
    "Patch",
    "Route",
];

/// Interfaces whose classes stand before all routes.
const FILTERS: &[&str] = &[
    "Filter",
    "OncePerRequestFilter",
    "GenericFilterBean",
    "WebFilter",
    "HttpFilter",
    "ContainerRequestFilter",
    "ContainerResponseFilter",
    "HttpServerFilter",
    "GlobalFilter",
    "AbstractAuthenticationProcessingFilter",
];
/// Calls that put something before routes.
const ADDS: &[&str] = &["addFilter", "addFilterBefore", "addFilterAfter", "addFilterAt", "addInterceptor", "addWebRequestInterceptor"];

/// Joins the container's classes with the programs that scan for them.
pub fn wire(classes: &Classes<'_>, apps: &[(Place, &Class<'_>)], wired: &mut Wired) {
    let spring_data = |class: &Class<'_>| {
        class.bases().any(|base| base.starts_with("org.springframework.data.") || base.starts_with("io.micronaut.data."))
    };
    for class in &classes.all {
        let bean =
            class.marked(BEANS).is_some() || spring_data(class) || class.decorators.iter().any(|fact| fact.name.contains(".stereotype."));
        let composed = class.decorators.iter().any(|fact| classes.named(&fact.name).is_some_and(|own| own.marked(BEANS).is_some()));
        if bean || composed || generated(class, classes) {
            for (place, app) in apps {
                if classes.applies(class.module, app.module) && scans(app, class) {
                    wired.leads.push((*place, class.place()));
                }
            }
        }
        for method in &class.methods {
            let constructor = method.simple() == class.simple;
            if constructor || method.marked(CALLED).is_some() {
                wired.leads.push((class.place(), method.place(class)));
            }
            registered(class, method, wired);
            hooks(class, method, wired);
            advice(class, method, wired);
        }
        // What is called on an interface is done by the class that implements it.
        for base in class.bases() {
            let Some(base) = classes.named(base) else { continue };
            if base.def.get("sort") == Some("interface") && bean {
                wired.leads.push((base.place(), class.place()));
            }
            wired.leads.push((class.place(), base.place()));
            for method in &class.methods {
                for theirs in base.methods.iter().filter(|theirs| theirs.simple() == method.simple()) {
                    wired.leads.push((theirs.place(base), method.place(class)));
                }
            }
        }
        filter(class, classes, bean, wired);
        // Advice that extends Spring's own handler answers all failures of Spring itself.
        if class.marked(&["ControllerAdvice", "RestControllerAdvice"]).is_some() {
            for base in class.bases().filter(|base| last(base) == "ResponseEntityExceptionHandler") {
                let mut fact = Fact::new(Kind::Handler, base, class.def.line, class.def.line).within(class.symbol);
                fact = fact.with("handler", class.name.clone()).with("scope", "app");
                fact.file = class.file;
                wired.facts.push(fact);
            }
        }
    }
}

/// Whether a class implements an interface of this repository that is not in it: one that the build makes from a description of
/// the API, with annotations that nobody can see here.
fn generated(class: &Class<'_>, classes: &Classes<'_>) -> bool {
    let own: Vec<&str> = class.package.split('.').take(3).collect();
    own.len() == 3
        && class.bases().any(|base| {
            let package = base.rsplit_once('.').map_or("", |(package, _)| package);
            let near = package != class.package && package.split('.').take(3).eq(own.iter().copied());
            near && classes.named(base).is_none()
        })
}

/// Whether an app's scan finds a class: its own package and those below it, or those that it names.
fn scans(app: &Class<'_>, class: &Class<'_>) -> bool {
    let inside = |package: &str| {
        class.package == package || class.package.strip_prefix(package).is_some_and(|rest| rest.starts_with('.')) || package.is_empty()
    };
    let named: Vec<String> = app
        .decorators
        .iter()
        .filter(|fact| {
            matches!(
                last(&fact.name),
                "SpringBootApplication" | "ComponentScan" | "EntityScan" | "EnableJpaRepositories" | "EnableFeignClients"
            )
        })
        .flat_map(|fact| fact.attrs.iter().filter(|(key, _)| matches!(key.as_str(), "scanBasePackages" | "basePackages" | "0" | "value")))
        .flat_map(|(_, value)| super::class::strings(value))
        .collect();
    // Other frameworks index the whole program when it is built.
    let spring = app.decorators.iter().any(|fact| fact.name.starts_with("org.springframework."));
    !spring || inside(&app.package) || named.iter().any(|package| inside(package))
}

/// A class that is a filter and is found by scanning.
fn filter(class: &Class<'_>, classes: &Classes<'_>, bean: bool, wired: &mut Wired) {
    let chain = |class: &Class<'_>| class.bases().any(|base| FILTERS.contains(&last(base)));
    let through = class.bases().any(|base| classes.named(base).is_some_and(chain));
    if bean && (chain(class) || through) {
        let mut fact = Fact::new(Kind::Middleware, &class.name, class.def.line, class.def.end).within(class.symbol).with("scope", "app");
        if let Some(order) = class.marked(&["Order", "Priority"]).and_then(|fact| fact.get("0").or(fact.get("value"))) {
            fact = fact.with("order", order);
        }
        for base in class.bases() {
            fact = fact.with("base", base);
        }
        fact.file = class.file;
        wired.facts.push(fact);
    }
}

/// Filters and interceptors that code adds, and beans that are filters.
fn registered(class: &Class<'_>, method: &Method<'_>, wired: &mut Wired) {
    for call in &method.calls {
        let name = last(&call.name);
        let cors = call.name.ends_with("CorsRegistry.addMapping");
        if !(ADDS.contains(&name) || cors) {
            continue;
        }
        let what = if cors { call.name.as_str() } else { call.get("0").unwrap_or_default() };
        let mut fact =
            Fact::new(Kind::Middleware, what, call.line, call.end).within(method.symbol).with("by", call.name.clone()).with("scope", "app");
        if let Some(place) = call.get("1").filter(|_| name.starts_with("addFilter")) {
            fact = fact.with("beside", place);
        }
        if cors {
            fact = fact.with("0", call.get("0").unwrap_or_default());
            let more = method.calls.iter().filter(|other| {
                other.name.starts_with("org.springframework.web.servlet.config.annotation.CorsRegistry.") && other.name != call.name
            });
            for other in more {
                fact = fact.with(last(&other.name), other.get("0").unwrap_or_default());
            }
        }
        fact.file = class.file;
        fact.guard.clone_from(&call.guard);
        wired.facts.push(fact);
    }
    let yields = method.def.get("returns").unwrap_or_default();
    let bean = method.marked(&["Bean"]).is_some();
    let base = yields.split('<').next().unwrap_or_default();
    if bean
        && (matches!(
            base,
            "SecurityFilterChain"
                | "SecurityWebFilterChain"
                | "FilterRegistrationBean"
                | "CorsFilter"
                | "CorsWebFilter"
                | "CorsConfigurationSource"
                | "Filter"
                | "WebFilter"
                | "HttpFirewall"
        ) || base.ends_with("Filter"))
    {
        let made = method.calls.iter().find(|call| last(&call.name).ends_with("Filter")).map_or(base.to_owned(), |call| call.name.clone());
        let name = match base {
            "SecurityFilterChain" => "org.springframework.security.web.SecurityFilterChain".to_owned(),
            "SecurityWebFilterChain" => "org.springframework.security.web.server.SecurityWebFilterChain".to_owned(),
            "CorsConfigurationSource" => "org.springframework.web.cors.CorsConfigurationSource".to_owned(),
            _ => made,
        };
        let mut fact = Fact::new(Kind::Middleware, name, method.def.line, method.def.end).within(method.symbol).with("scope", "app");
        for call in &method.calls {
            // What the chain sets, such as `csrf.disable`.
            if let Some(part) = call.name.split("HttpSecurity.").nth(1).filter(|part| part.len() < 80) {
                fact = fact.with("sets", part);
            } else if call.name.contains("CorsConfiguration.") {
                fact = fact.with(last(&call.name), call.get("0").unwrap_or_default());
            }
        }
        fact.file = class.file;
        wired.facts.push(fact);
    }
}

/// What runs at start and stop.
fn hooks(class: &Class<'_>, method: &Method<'_>, wired: &mut Wired) {
    let base = |words: &[&str]| class.bases().any(|base| words.contains(&last(base)));
    let event = method.marked(&["EventListener"]).map(|fact| fact.get("0").or(fact.get("value")).unwrap_or_default());
    let event = event.map(|named| if named.is_empty() { method.def.get("param").unwrap_or_default() } else { named });
    let name = match method.simple() {
        _ if method.marked(&["PostConstruct", "Startup"]).is_some() => "startup",
        _ if method.marked(&["PreDestroy", "Shutdown"]).is_some() => "shutdown",
        _ if event.is_some_and(|event| {
            event.contains("ApplicationReadyEvent") || event.contains("ApplicationStartedEvent") || event.contains("ContextRefreshedEvent")
        }) =>
        {
            "startup"
        }
        _ if event.is_some_and(|event| event.contains("ContextClosedEvent")) => "shutdown",
        "run" if base(&["ApplicationRunner", "CommandLineRunner"]) => "startup",
        "afterPropertiesSet" if base(&["InitializingBean"]) => "startup",
        "destroy" if base(&["DisposableBean"]) => "shutdown",
        "stop" if base(&["SmartLifecycle", "Lifecycle"]) => "shutdown",
        _ => return,
    };
    let handler = format!("{}.{}", class.name, method.simple());
    let mut fact = Fact::new(Kind::Hook, name, method.def.line, method.def.end).within(method.symbol).with("handler", handler);
    fact.file = class.file;
    wired.facts.push(fact);
}

/// Handlers of failures: in advice for all controllers, in a controller for itself; JAX-RS mappers.
fn advice(class: &Class<'_>, method: &Method<'_>, wired: &mut Wired) {
    let all = class.marked(&["ControllerAdvice", "RestControllerAdvice"]).is_some();
    let handler = format!("{}.{}", class.name, method.simple());
    let mut names: Vec<String> = Vec::new();
    if let Some(marker) = method.marked(&["ExceptionHandler", "ServerExceptionMapper", "Error"]) {
        let said: Vec<String> =
            marker.get("0").or(marker.get("value")).or(marker.get("exception")).map(super::class::strings).unwrap_or_default();
        names.extend(said.iter().map(|name| name.trim_end_matches(".class").to_owned()));
        if names.is_empty() {
            // The parameter says which.
            names.extend(
                method
                    .def
                    .all("param")
                    .filter_map(|param| param.split(": ").nth(1))
                    .map(|of| of.split(' ').next().unwrap_or(of).to_owned())
                    .filter(|of| of.ends_with("Exception") || of.ends_with("Error") || of == "Throwable"),
            );
        }
    } else if method.simple() == "toResponse" && class.bases().any(|base| last(base) == "ExceptionMapper") {
        names.extend(method.def.all("param").filter_map(|param| param.split(": ").nth(1)).map(str::to_owned));
    }
    for name in names {
        let name = match name.as_str() {
            "Exception" | "RuntimeException" | "Throwable" => format!("java.lang.{name}"),
            _ => name,
        };
        let mut fact =
            Fact::new(Kind::Handler, name, method.def.line, method.def.end).within(method.symbol).with("handler", handler.clone());
        fact = fact.with("scope", if all || class.bases().any(|base| last(base) == "ExceptionMapper") { "app" } else { "router" });
        fact.file = class.file;
        wired.facts.push(fact);
    }
}
