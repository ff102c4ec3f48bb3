//! What calls of known crates give, where their names do not say it.

/// The type that a call gives; nothing where it gives nothing that is followed.
pub(super) fn gives(callee: &str) -> Option<String> {
    if let Some((_, of)) = GIVES.iter().find(|(name, _)| *name == callee) {
        return Some((*of).to_owned());
    }
    let (before, last) = callee.rsplit_once('.')?;
    if matches!(
        before,
        "axum.Router"
            | "axum.routing.MethodRouter"
            | "actix_web.Route"
            | "actix_web.Resource"
            | "actix_web.Scope"
            | "actix_web.App"
            | "rocket.Rocket"
    ) {
        return Some(before.to_owned());
    }
    if before == "axum.routing" && last != "MethodRouter" {
        return Some("axum.routing.MethodRouter".into());
    }
    if before == "actix_web.web" && ["get", "post", "put", "delete", "patch", "head", "route", "method", "to", "trace"].contains(&last) {
        return Some("actix_web.Route".into());
    }
    let class = before.rsplit('.').next().unwrap_or(before);
    let typed = class.starts_with(|c: char| c.is_ascii_uppercase());
    if !typed {
        return None;
    }
    match last {
        // What a builder builds is called as it is, without the builder.
        "build" | "try_build" | "finish" if class.ends_with("Builder") && class.len() > 7 => {
            Some(before.strip_suffix("Builder").unwrap_or(before).to_owned())
        }
        "builder" => Some(format!("{before}Builder")),
        _ if LEAVES.contains(&last) => Some(format!("{before}.{last}")),
        // Most of what is followed is fluent: routers, builders, layers, pools.
        _ => Some(before.to_owned()),
    }
}

/// Methods whose result is something else than what they are called on, and is not followed.
const LEAVES: &[&str] = &[
    "get",
    "send",
    "json",
    "text",
    "len",
    "iter",
    "lock",
    "read",
    "write",
    "map",
    "and_then",
    "status",
    "headers",
    "execute",
    "fetch_one",
    "fetch_all",
    "fetch_optional",
];

const GIVES: &[(&str, &str)] = &[
    ("axum.Router.new", "axum.Router"),
    ("axum.serve", "axum.serve.Serve"),
    ("axum.Server.bind", "axum.Server"),
    ("actix_web.web.scope", "actix_web.Scope"),
    ("actix_web.web.resource", "actix_web.Resource"),
    ("rocket.build", "rocket.Rocket"),
    ("rocket.custom", "rocket.Rocket"),
    ("reqwest.Client.builder", "reqwest.ClientBuilder"),
    ("reqwest.Client.get", "reqwest.RequestBuilder"),
    ("reqwest.Client.post", "reqwest.RequestBuilder"),
    ("reqwest.Client.put", "reqwest.RequestBuilder"),
    ("reqwest.Client.delete", "reqwest.RequestBuilder"),
    ("reqwest.Client.request", "reqwest.RequestBuilder"),
    ("tower.ServiceBuilder.new", "tower.ServiceBuilder"),
    ("sqlx.PgPool.connect", "sqlx.PgPool"),
    ("sqlx.PgPool.connect_lazy", "sqlx.PgPool"),
    ("sqlx.postgres.PgPoolOptions.connect", "sqlx.PgPool"),
    ("sqlx.postgres.PgPoolOptions.connect_with", "sqlx.PgPool"),
    ("sqlx.postgres.PgPoolOptions.connect_lazy_with", "sqlx.PgPool"),
    ("sqlx.PgPool.begin", "sqlx.Transaction"),
    ("std.process.Command.new", "std.process.Command"),
    ("tokio.process.Command.new", "tokio.process.Command"),
];

/// Methods that hand on what they are called on.
pub(super) const SAME: &[&str] = &[
    "clone",
    "unwrap",
    "expect",
    "as_ref",
    "as_mut",
    "into",
    "unwrap_or_default",
    "to_owned",
    "borrow",
    "borrow_mut",
    "context",
    "with_context",
    "map_err",
    "unwrap_or_else",
    "ok",
    "into_service",
    "into_make_service",
    "into_make_service_with_connect_info",
    "boxed",
];
