use super::Rust;
use crate::{
    fact::{Fact, Kind, Reach},
    language::{
        Language,
        tests::{all, shown},
    },
};

fn one(path: &str, text: &str) -> Vec<Fact> {
    Rust.extract(path, text).facts
}

#[test]
fn calls_and_macros_have_canonical_names_with_their_arguments() {
    let facts = one(
        "src/db.rs",
        r#"use sqlx::postgres::PgPoolOptions;
use tracing::info as told;

pub async fn pool() -> sqlx::PgPool {
    let options = PgPoolOptions::new().max_connections(5);
    told!(size = 5, "pool is open");
    let row = sqlx::query!("SELECT id FROM users WHERE id = $1", 7);
    let client = reqwest::Client::builder().timeout(std::time::Duration::from_secs(3)).build().unwrap();
    let _ = client.get("https://example.org/a").send().await;
    options.connect("postgres://localhost/x").await.unwrap()
}
"#,
    );
    let calls: Vec<(u32, &str)> = facts.iter().filter(|fact| fact.kind == Kind::Call).map(|fact| (fact.line, fact.name.as_str())).collect();
    for wanted in [
        (5, "sqlx.postgres.PgPoolOptions.new"),
        (5, "sqlx.postgres.PgPoolOptions.max_connections"),
        (6, "tracing.info"),
        (7, "sqlx.query"),
        (8, "reqwest.ClientBuilder.timeout"),
        (9, "reqwest.Client.get"),
        (9, "reqwest.RequestBuilder.send"),
        (10, "sqlx.postgres.PgPoolOptions.connect"),
    ] {
        assert!(calls.contains(&wanted), "{wanted:?} in {calls:?}");
    }
    let told = facts.iter().find(|fact| fact.kind == Kind::Call && fact.name == "tracing.info").unwrap();
    assert_eq!((told.get("size"), told.get("1")), (Some("5"), Some("pool is open")));
    let sent = facts.iter().find(|fact| fact.name == "reqwest.RequestBuilder.send").unwrap();
    assert_eq!((sent.get("ignored"), sent.get("await")), (Some("yes"), Some("yes")));
}

#[test]
fn axum_layers_cover_what_was_added_before_them_and_extractors_guard() {
    let facts = all([
        (
            "src/main.rs",
            r#"mod users;
use axum::{Router, routing::get, middleware::from_fn};
use tower_http::trace::TraceLayer;

#[tokio::main]
async fn main() {
    let app = Router::new()
        .nest("/users", users::router().route_layer(from_fn(users::required)))
        .layer(TraceLayer::new_for_http())
        .route("/health", get(health));
    axum::serve(listener, app).with_graceful_shutdown(stop()).await.unwrap();
}

async fn health() -> &'static str { "ok" }
"#,
        ),
        (
            "src/users.rs",
            r#"use axum::{Router, Json, extract::Path, routing::get};

pub struct Caller;
impl axum::extract::FromRequestParts<()> for Caller {}

pub fn router() -> Router {
    Router::new()
        .route("/", get(list).post(create))
        .route("/{id}", get(show))
}

pub async fn required() {}
async fn list() -> Json<Vec<u8>> { load().await }
async fn create(caller: Caller, Json(body): Json<New>) -> Json<u8> { save(body).await }
async fn show(Path(id): Path<u8>) -> Json<u8> { find(id).await }
"#,
        ),
    ]);
    assert_eq!(
        shown(&facts, Kind::Route),
        [
            "src/main.rs:10 GET /health []",
            "src/users.rs:8 GET /users [tower_http.trace.TraceLayer.new_for_http src.users.required]",
            "src/users.rs:8 POST /users [tower_http.trace.TraceLayer.new_for_http src.users.required Caller]",
            "src/users.rs:9 GET /users/{id} [tower_http.trace.TraceLayer.new_for_http src.users.required]",
        ]
    );
    let health = facts.of(Kind::Route).next().unwrap();
    assert_eq!((health.get("constant"), health.get("handler")), (Some("yes"), Some("src.main.health")));
    let create = facts.of(Kind::Route).nth(2).unwrap();
    assert_eq!((create.get("input"), create.get("output")), (Some("typed"), Some("typed")));
    assert_eq!(facts.of(Kind::Hook).map(|fact| (fact.name.as_str(), fact.line)).collect::<Vec<_>>(), [("shutdown", 11)]);
    assert_eq!(facts.of(Kind::App).count(), 1);
}

#[test]
fn actix_scopes_carry_prefixes_wraps_and_attributes() {
    let facts = all([(
        "src/main.rs",
        r#"use actix_web::{App, HttpServer, get, web, middleware::Logger};

#[get("/health")]
async fn health() -> &'static str { "ok" }

async fn main() {
    HttpServer::new(|| {
        App::new()
            .wrap(Logger::default())
            .service(health)
            .service(web::scope("/api").wrap(Auth::new()).route("/items", web::post().to(create)))
            .configure(more)
    })
    .run()
    .await
}

fn more(cfg: &mut web::ServiceConfig) {
    cfg.service(web::resource("/more").route(web::get().to(create)));
}

async fn create(body: web::Json<New>) -> String { save(body) }
"#,
    )]);
    assert_eq!(
        shown(&facts, Kind::Route),
        [
            "src/main.rs:3 GET /health [actix_web.middleware.Logger.default]",
            "src/main.rs:11 POST /api/items [actix_web.middleware.Logger.default Auth.new]",
            "src/main.rs:19 GET /more [actix_web.middleware.Logger.default]",
        ]
    );
}

#[test]
fn modules_of_tests_are_tests_and_what_they_mention_is_run_by_nobody() {
    let extract = Rust.extract(
        "src/a.rs",
        "pub fn add() {}\n\n#[cfg(test)]\nmod tests {\n    use super::*;\n    #[test]\n    fn it_adds() {\n        assert_eq!(add(), ());\n    }\n    #[tokio::test]\n    #[\x69gnore]\n    async fn it_does_nothing() {\n        add();\n    }\n}\n",
    );
    let tests: Vec<_> = extract
        .facts
        .iter()
        .filter(|fact| fact.kind == Kind::Test)
        .map(|fact| (fact.name.as_str(), fact.line, fact.get("asserts"), fact.get("trivial"), fact.get("skipped")))
        .collect();
    assert_eq!(tests, [("it_adds", 7, Some("1"), Some("no"), None), ("it_does_nothing", 12, Some("0"), Some("yes"), Some("yes"))]);
    assert!(extract.facts.iter().filter(|fact| fact.kind == Kind::Call).all(|fact| fact.reach == Reach::Test));
    assert_eq!(extract.uses, []);
}

#[test]
fn settings_come_from_the_environment_and_from_structs_with_their_defaults() {
    let facts = one(
        "src/config.rs",
        r#"use clap::Parser;

#[derive(Parser)]
pub struct Args {
    #[arg(long, env = "PORT", default_value = "8080")]
    port: u16,
    #[arg(long)]
    metrics: bool,
}

#[derive(serde::Deserialize)]
pub struct RateConfig {
    #[serde(default = "limit")]
    limit: u32,
    key: String,
}

fn limit() -> u32 { 60 }

fn load() {
    std::env::var("SECRET").expect("it is needed");
    std::env::var("MODE").unwrap_or_else(|_| "dev".to_string());
}
"#,
    );
    let known: Vec<_> = facts
        .iter()
        .filter(|fact| matches!(fact.kind, Kind::Env | Kind::Setting))
        .map(|fact| (fact.kind, fact.name.as_str(), fact.get("default"), fact.get("required"), fact.line))
        .collect();
    for wanted in [
        (Kind::Setting, "port", Some("8080"), Some("no"), 6),
        (Kind::Setting, "metrics", Some("false"), Some("no"), 8),
        (Kind::Setting, "limit", Some("60"), Some("no"), 14),
        (Kind::Setting, "key", None, Some("yes"), 15),
        (Kind::Env, "SECRET", None, Some("yes"), 21),
        (Kind::Env, "MODE", Some("dev"), Some("no"), 22),
    ] {
        assert!(known.contains(&wanted), "{wanted:?} in {known:?}");
    }
}

#[test]
fn statements_with_pasted_values_say_so_and_failures_say_how_they_are_caught() {
    let facts = one(
        "src/a.rs",
        "fn f(name: &str) {\n    let q = format!(\"SELECT id FROM users WHERE name = '{name}'\");\n    match run(&q) {\n        Ok(_) => {}\n        Err(_) => {}\n    }\n    if let Err(error) = run(\"SELECT id FROM users\") { tracing::error!(%error); }\n}\n",
    );
    let built: Vec<(u32, Option<&str>)> =
        facts.iter().filter(|fact| fact.kind == Kind::Text).map(|fact| (fact.line, fact.get("built"))).collect();
    assert_eq!(built, [(2, Some("yes")), (7, None)]);
    let caught: Vec<(u32, Option<&str>)> =
        facts.iter().filter(|fact| fact.kind == Kind::Catch).map(|fact| (fact.line, fact.get("body"))).collect();
    assert_eq!(caught, [(5, Some("empty")), (7, Some("log"))]);
}

#[test]
fn names_of_modules_and_of_crates_beside_lead_to_files() {
    let there = ["src/lib.rs", "src/auth/mod.rs", "src/auth/token.rs", "crates/store/src/lib.rs", "crates/store/src/rows.rs"];
    let exists = |path: &str| there.contains(&path);
    let ask = |from: &str, module: &str, item: Option<&str>| {
        let import = crate::fact::Import {
            local: String::new(),
            module: module.into(),
            item: item.map(str::to_owned),
            level: 0,
            line: 1,
            symbol: 0,
            optional: false,
        };
        Rust.resolve(from, &import, &exists)
    };
    assert_eq!(ask("src/main.rs", "crate::auth", Some("verify")), Some(("src/auth/mod.rs".into(), Some("verify".into()))));
    assert_eq!(ask("src/auth/token.rs", "super", Some("verify")), Some(("src/auth/mod.rs".into(), Some("verify".into()))));
    assert_eq!(ask("src/main.rs", "app_store::rows", Some("Row")), Some(("crates/store/src/rows.rs".into(), Some("Row".into()))));
    assert_eq!(ask("src/main.rs", "serde", Some("Deserialize")), None);
}

#[test]
fn comments_say_nothing_and_hostile_text_ends() {
    assert!(one("src/a.rs", "// std::env::var(\"X\")\n/* panic!() */\n/// sqlx::query!(\"x\")\n").is_empty());
    let _ = one("src/a.rs", &format!("fn f() {{ {}1{} }}", "(".repeat(10_000), ")".repeat(10_000)));
    let _ = one("src/a.rs", &format!("fn f() {{ m!{}{} }}", "(".repeat(10_000), ")".repeat(10_000)));
    let _ = one("src/a.rs", &format!("use {}x{};", "a::{".repeat(5_000), "}".repeat(5_000)));
    let chain = format!("fn f() {{ g{}; }}", "().h".repeat(3_000));
    assert!(one("src/a.rs", &chain).iter().filter(|fact| fact.kind == Kind::Call).count() > 1_000);
    let _ = one("src/a.rs", "fn \u{0}é{ r#\"");
}

#[test]
fn routes_of_a_described_router_are_found_behind_a_function_of_a_type_of_ours() {
    let facts = all([
        ("Cargo.toml", "[package]\nname = \"shop\"\n"),
        (
            "src/main.rs",
            "mod api;\nmod wares;\nmod web;\n#[tokio::main]\nasync fn main() {\n    axum::serve(listener(), web::router()).await.unwrap();\n}\n",
        ),
        (
            "src/api.rs",
            "use utoipa_axum::router::OpenApiRouter;\npub struct Api;\nimpl Api {\n    pub fn described() -> OpenApiRouter {\n        OpenApiRouter::with_openapi(doc())\n    }\n}\n",
        ),
        ("src/wares/mod.rs", "pub mod list;\npub mod drop;\n"),
        (
            "src/wares/list.rs",
            "#[utoipa::path(get, path = \"/wares\")]\npub async fn run(query: axum::extract::Query<Asked>) -> String { find().await }\npub struct Asked { page: u32, color: String }\n",
        ),
        ("src/wares/drop.rs", "#[utoipa::path(delete, path = \"/wares/{id}\")]\npub async fn run() -> String { gone().await }\n"),
        (
            "src/web.rs",
            "use axum::Router;\nuse axum::routing::get;\nuse utoipa_axum::routes;\nuse crate::api::Api;\nuse crate::wares::*;\npub fn router() -> Router {\n    let (router, doc) = Api::described()\n        .routes(routes!(list::run))\n        .routes(routes!(drop::run))\n        .split_for_parts();\n    let router = router.route(\"/alive\", get(alive));\n    router.with_state(doc)\n}\nasync fn alive() -> &'static str { \"yes\" }\n",
        ),
    ]);
    let mut routes: Vec<(&str, &str)> =
        facts.of(Kind::Route).map(|fact| (fact.name.as_str(), fact.get("handler").unwrap_or_default())).collect();
    routes.sort_unstable();
    assert_eq!(
        routes,
        [("DELETE /wares/{id}", "src.wares.drop.run"), ("GET /alive", "src.web.alive"), ("GET /wares", "src.wares.list.run")]
    );
    let list = facts.of(Kind::Route).find(|fact| fact.name == "GET /wares").unwrap();
    let mut asked: Vec<&str> = list.all("param").collect();
    asked.sort_unstable();
    assert_eq!(asked, ["color in=query", "page in=query"]);
}
