use crate::{
    fact::{Facts, Kind},
    language::tests::all,
};

/// Routes as `GET /a handler [guards] input`, in order of place.
fn routes(facts: &Facts) -> Vec<String> {
    let guards = |fact: &crate::fact::Fact| fact.all("guard").collect::<Vec<_>>().join(" ");
    let get = |fact: &crate::fact::Fact, key| fact.get(key).unwrap_or_default().to_owned();
    facts.of(Kind::Route).map(|fact| format!("{} {} [{}] {}", fact.name, get(fact, "handler"), guards(fact), get(fact, "input"))).collect()
}

const KNOWN: &str = r#"use rocket::http::Status;
use rocket::request::{FromRequest, Outcome, Request};

pub struct Known(pub u64);

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Known {
    type Error = ();
    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        match request.headers().get_one("authorization") {
            Some(_) => Outcome::Success(Known(1)),
            None => Outcome::Error((Status::Unauthorized, ())),
        }
    }
}
"#;

#[test]
fn rocket_mounts_lists_that_functions_make_append_to_and_hand_on_under_other_names() {
    let facts = all([
        ("Cargo.toml", "[package]\nname = \"notes\"\n[dependencies]\nrocket = \"0.5\"\n"),
        (
            "src/main.rs",
            r#"#[macro_use]
extern crate rocket;
mod api;
mod known;

#[launch]
fn rocket() -> _ {
    let base = "/app";
    rocket::build()
        .mount([base, "/api"].concat(), api::api_routes())
        .mount(format!("{base}/probes"), routes![live])
        .register("/", catchers![lost])
}

#[get("/live")]
fn live() -> &'static str {
    "ok"
}

#[catch(404)]
fn lost() -> &'static str {
    "nothing here"
}
"#,
        ),
        (
            "src/api/mod.rs",
            r#"mod notes;
mod users;

pub use notes::routes as api_routes;
"#,
        ),
        (
            "src/api/notes.rs",
            r#"use super::users;
use crate::known::Known;
use rocket::serde::json::Json;
use rocket::{Data, Route};

pub fn routes() -> Vec<Route> {
    let mut more = routes![
        upload, // whole files
        remove,
    ];
    let mut routes = routes![list];
    routes.append(&mut more);
    routes.append(&mut users::routes());
    routes
}

#[get("/notes?<page>")]
async fn list(page: u32, known: Known) -> Json<Vec<String>> {
    Json(find(page, known.0).await)
}

#[put("/notes/<name>/file", data = "<body>")]
async fn upload(name: &str, body: Data<'_>, known: Known) {
    store(name, body).await
}

#[delete("/notes/<name..>")]
async fn remove(name: std::path::PathBuf, known: Known) {
    forget(name).await
}
"#,
        ),
        (
            "src/api/users.rs",
            r#"use rocket::serde::json::Json;

pub fn routes() -> Vec<rocket::Route> {
    routes![join]
}

#[post("/users", format = "json", data = "<user>")]
async fn join(user: Json<User>) {
    add(user).await
}
"#,
        ),
        ("src/known.rs", KNOWN),
    ]);
    // What a variable adds to a base path is not known.
    let wanted = [
        "GET /api/notes src.api.notes.list [Known] typed",
        "PUT /api/notes/<name>/file src.api.notes.upload [Known] raw",
        "DELETE /api/notes/<name..> src.api.notes.remove [Known] typed",
        "POST /api/users src.api.users.join [] typed",
        "GET /probes/live src.main.live [] none",
    ];
    assert_eq!(routes(&facts), wanted);
    let list = facts.of(Kind::Route).next().unwrap();
    assert_eq!((list.get("param"), list.get("auth"), list.line), (Some("page in=query"), Some("yes"), 17));
    let caught: Vec<Option<&str>> = facts.of(Kind::Handler).map(|fact| fact.get("handler")).collect();
    assert_eq!(caught, [Some("src.main.lost")]);
    let lives = |name: &str| facts.of(Kind::Def).find(|fact| fact.name == name).map(|fact| fact.reach);
    assert_eq!(lives("src.api.users.join"), Some(crate::fact::Reach::Live));
}

#[test]
fn rocket_mounts_inside_fairings_and_names_methods_apart() {
    let facts = all([(
        "src/main.rs",
        r#"use rocket::{get, launch, route, routes, fairing::AdHoc};

#[launch]
fn rocket() -> _ {
    rocket::build().attach(stage())
}

fn stage() -> AdHoc {
    AdHoc::on_ignite("notes", |rocket| async { rocket.mount("/notes", routes![all, find]) })
}

#[get("/")]
fn all() {}

#[route(GET, uri = "/find?<word>")]
fn find(word: &str) {}
"#,
    )]);
    assert_eq!(routes(&facts), ["GET /notes src.main.all [] none", "GET /notes/find src.main.find [] typed"]);
}
