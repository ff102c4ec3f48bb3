//! The security core as tables: which paths have to satisfy what.

use plimsoll_core::Role;
use serde_json::json;

use super::*;
use crate::upstream::contract::description;

fn config(default: &str, rules: &[(&str, &str)]) -> RoutesConfig {
    RoutesConfig {
        default: default.to_owned(),
        rules: rules.iter().map(|(place, access)| ((*place).to_owned(), (*access).to_owned())).collect(),
        ..RoutesConfig::default()
    }
}

fn book(config: &RoutesConfig, document: Option<serde_json::Value>) -> Rulebook {
    let description = document.map(|document| description::read(document.to_string().as_bytes(), "").unwrap());
    Rulebook::new(Arc::new(Rules::new(config).unwrap()), description.as_ref())
}

/// What a request has to satisfy, in words.
fn demanded(book: &Rulebook, method: &str, path: &str) -> String {
    let judged = book.judge(&Method::from_bytes(method.as_bytes()).unwrap(), path);
    let words = book.rules().demanded(judged.demands).into_iter().map(|access| match access {
        Access::Public { .. } => "public".to_owned(),
        Access::Authenticated => "authenticated".to_owned(),
        Access::Needs { permission, least } => format!("{permission} {least}"),
        Access::Nobody => "deny".to_owned(),
    });
    words.collect::<Vec<_>>().join(" and ")
}

#[test]
fn a_rule_says_who_may() {
    assert_eq!(read("authenticated").unwrap(), Access::Authenticated);
    assert_eq!(read("deny").unwrap(), Access::Nobody);
    assert_eq!(read("items:write editor").unwrap(), Access::needs("items:write", Role::Editor));
    assert_eq!(read("admin").unwrap(), Access::needs("service:use", Role::Admin));
    assert_eq!(read("public: it is a picture").unwrap(), Access::public("it is a picture"));
    for wrong in ["", "public:", "public", "king", "items editor", "a:b king", ":w editor"] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_place_is_a_path_an_operation_or_a_tag() {
    assert!(matches!(split("GET /a/{b}").unwrap(), Place::Path(Some(method), _, text) if method == "GET" && text == "/a/{b}"));
    assert!(matches!(split("/a").unwrap(), Place::Path(None, _, _)));
    assert!(matches!(split("operation:create_item").unwrap(), Place::Name(Named::Operation(id)) if id == "create_item"));
    assert!(matches!(split("tag: admin tools").unwrap(), Place::Name(Named::Tag(tag)) if tag == "admin tools"));
    for wrong in ["", "a", "GET", "GET a", "GET /a /b", "/{", "tag:", "operation: "] {
        assert!(split(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn no_spelling_of_a_path_slips_past_a_stricter_rule() {
    let rules = [
        ("/admin", "admin"),
        ("/admin/{*rest}", "admin"),
        ("/public/{*rest}", "public: pictures"),
        ("/{any}", "public: pages"),
        ("DELETE /items/{id}", "items:delete admin"),
        ("GET /items/{id}", "public: a shop"),
        ("/Reports", "owner"),
        ("/x/{a}", "admin"),
        ("/x/public", "public: open"),
    ];
    let book = book(&config("public: a shop", &rules), None);
    // At least this role, whatever else.
    for (method, path, least) in [
        ("GET", "/admin", "admin"),
        ("GET", "/admin/", "admin"),
        ("GET", "/Admin", "admin"),
        ("GET", "/ADMIN/", "admin"),
        ("GET", "/%61dmin", "admin"),
        ("GET", "/%41dmin%2F", "admin"),
        ("GET", "/%2561dmin", "admin"),
        ("GET", "//admin", "admin"),
        ("GET", "/admin//", "admin"),
        ("GET", "/admin;v=1", "admin"),
        ("GET", "/admin%3bv=1", "admin"),
        ("GET", "/admin/stats", "admin"),
        ("GET", "/admin/Stats/", "admin"),
        ("GET", "/aDmIn/stats", "admin"),
        ("GET", "/admin%2Fstats", "admin"),
        ("GET", "/admin%5Cstats", "admin"),
        ("GET", "/admin%5cstats;a", "admin"),
        ("GET", "/admin%00", "admin"),
        ("GET", "/admin%20", "admin"),
        ("GET", "/admin%0a", "admin"),
        ("GET", "/ａdmin", "admin"),
        ("GET", "/public/../admin", "deny"),
        ("GET", "/public/%2e%2e/admin", "deny"),
        ("GET", "/public/..%2fadmin", "deny"),
        ("GET", "/public/%252e%252e/admin", "deny"),
        ("GET", "/public/..;/admin", "deny"),
        ("GET", "/%c0%afadmin", "deny"),
        ("HEAD", "/admin", "admin"),
        ("OPTIONS", "/admin", "admin"),
        ("BREW", "/admin", "admin"),
        ("DELETE", "/items/7", "admin"),
        ("delete", "/items/7", "admin"),
        ("Delete", "/items/7/", "admin"),
        ("DELETE", "/Items/7", "admin"),
        ("DELETE", "/items/%37", "admin"),
        ("DELETE", "/items/a%2Fb", "admin"),
        ("GET", "/reports", "owner"),
        ("GET", "/Reports/", "owner"),
        ("GET", "/x%2FPUBLIC", "admin"),
        ("GET", "/x/Public", "admin"),
        ("GET", "/x/PUBLIC/", "admin"),
    ] {
        // A request's path as it may stand in one: what is not ASCII is encoded by every client.
        let path: String =
            path.bytes().map(|byte| if byte.is_ascii() { (byte as char).to_string() } else { format!("%{byte:02x}") }).collect();
        let said = demanded(&book, method, &path);
        assert!(said.contains(least), "{method} {path}: {said}");
    }
    // And nothing more than the rule where services agree.
    for (method, path, exactly) in [
        ("GET", "/items/7", "public"),
        ("HEAD", "/items/7", "public"),
        ("GET", "/items/AB%20C", "public"),
        ("GET", "/public/Some%20File.PNG", "public"),
        ("GET", "/public/dir/", "public"),
        ("GET", "/about", "public"),
        ("GET", "/x/public", "public"),
        ("POST", "/elsewhere/deep", "public"),
        ("GET", "/", "public"),
    ] {
        assert_eq!(demanded(&book, method, path), exactly, "{method} {path}");
    }
}

#[test]
fn what_no_rule_names_is_closed_as_the_default_says() {
    let rules = [
        ("/static/{*rest}", "public: pictures"),
        ("/items", "items:read viewer"),
        ("POST /items", "items:write editor"),
        ("/closed", "deny"),
    ];
    let book = book(&config("authenticated", &rules), None);
    for (method, path, exactly) in [
        ("GET", "/", "authenticated"),
        ("GET", "/static/a.css", "public"),
        ("GET", "/static", "authenticated"),
        ("GET", "/Static/a.css", "authenticated"),
        ("GET", "/static//a.css", "authenticated"),
        ("GET", "/static/a;b", "authenticated"),
        ("GET", "/items", "items:read viewer"),
        ("POST", "/items", "items:write editor"),
        ("GET", "/items/7", "authenticated"),
        ("GET", "/closed", "deny"),
        ("GET", "*", "authenticated"),
    ] {
        assert_eq!(demanded(&book, method, path), exactly, "{method} {path}");
    }
}

fn shop() -> serde_json::Value {
    json!({ "openapi": "3.1.0", "servers": [{ "url": "/api" }], "paths": {
        "/items": { "get": { "operationId": "list_items", "tags": ["items"] }, "post": { "operationId": "create_item", "tags": ["items"] } },
        "/items/me": { "get": { "operationId": "mine" } },
        "/items/{id}": { "get": { "operationId": "read_item", "tags": ["items"] }, "delete": { "operationId": "delete_item", "tags": ["items", "danger"] } },
        "/files/{path}": { "get": { "operationId": "read_file", "tags": ["files"] } },
        "/stats": { "get": { "operationId": "stats", "tags": ["danger"] } },
    } })
}

#[test]
fn rules_name_operations_and_tags() {
    let rules = [
        ("tag:danger", "admin"),
        ("tag:items", "items:read viewer"),
        ("operation:create_item", "items:write editor"),
        ("operation:list_items", "public: a shop"),
        ("operation:read_file", "owner"),
        ("/api/{*rest}", "key:use viewer"),
    ];
    let book = book(&config("authenticated", &rules), Some(shop()));
    assert!(book.unresolved.is_empty());
    for (method, path, exactly) in [
        ("GET", "/items", "public"),
        ("HEAD", "/items", "public"),
        ("POST", "/items", "items:write editor"),
        ("post", "/ITEMS/", "items:write editor"),
        ("GET", "/items/7", "items:read viewer"),
        ("DELETE", "/items/7", "service:use admin and items:read viewer"),
        ("DELETE", "/items/me", "service:use admin and items:read viewer"),
        ("GET", "/items/me", "authenticated"),
        ("GET", "/stats", "service:use admin"),
        ("GET", "/%73tats/", "service:use admin"),
        ("OPTIONS", "/stats", "authenticated"),
        ("GET", "/elsewhere", "authenticated"),
        // A rule by path and a rule by name both hold, also below the base path of `servers`.
        ("GET", "/api/stats", "service:use admin and key:use viewer"),
        ("GET", "/api/items", "key:use viewer"),
        // A value may be a path, which no description says.
        ("GET", "/files/a", "service:use owner"),
        ("GET", "/files/a/b/c", "service:use owner"),
        ("GET", "/Files/a%2fb", "service:use owner"),
    ] {
        assert_eq!(demanded(&book, method, path), exactly, "{method} {path}");
    }
    let judged = book.judge(&Method::DELETE, "/api/items/7");
    assert_eq!((judged.template.as_deref(), judged.operation.unwrap().id.as_str()), (Some("/items/{id}"), "delete_item"));
    assert_eq!(book.judge(&Method::GET, "/items/me").template.as_deref(), Some("/items/me"));
    assert_eq!(book.judge(&Method::GET, "/api/other").template.as_deref(), Some("/api/{*rest}"));
    assert!(book.judge(&Method::GET, "/other").template.is_none());
}

#[test]
fn a_name_that_is_not_there_closes_what_no_rule_covers() {
    let rules = [("operation:creat_item", "editor"), ("/open", "public: a page"), ("tag:danger", "admin")];
    for document in [Some(shop()), None] {
        let described = document.is_some();
        let book = book(&config("authenticated", &rules), document);
        assert_eq!(book.unresolved.contains(&"tag:danger".to_owned()), !described);
        assert!(book.unresolved.contains(&"operation:creat_item".to_owned()));
        assert_eq!(demanded(&book, "POST", "/items"), "deny");
        assert_eq!(demanded(&book, "GET", "/open"), "public");
        assert_eq!(demanded(&book, "GET", "/stats"), if described { "service:use admin" } else { "deny" });
    }
    // A rule that only opens closes nothing when it is not found.
    let book = book(&config("authenticated", &[("tag:none", "public: pictures")]), Some(shop()));
    assert_eq!((demanded(&book, "GET", "/items"), book.unresolved.len()), ("authenticated".to_owned(), 1));
}

#[test]
fn what_is_not_described_can_be_closed() {
    let mut config = config("authenticated", &[("/open/{*rest}", "public: pictures")]);
    config.undocumented = Undocumented::Deny;
    let described = book(&config, Some(shop()));
    for (method, path, exactly) in [
        ("GET", "/items", "authenticated"),
        ("HEAD", "/items", "authenticated"),
        ("OPTIONS", "/items", "authenticated"),
        ("PUT", "/items", "deny"),
        ("GET", "/hidden", "deny"),
        ("GET", "/open/a", "public"),
        ("GET", "/Open/a", "deny"),
        ("GET", "/items/7/", "deny"),
    ] {
        let said = demanded(&described, method, path);
        assert_eq!(said, exactly, "{method} {path}");
    }
    assert_eq!(demanded(&book(&config, None), "GET", "/items"), "deny", "nothing is described where nothing could be read");
}

#[test]
fn several_demands_hold_together() {
    let rules = Rules::new(&config(
        "authenticated",
        &[("/a", "x:read viewer"), ("/b", "x:read admin"), ("/c", "y:read editor"), ("/d", "deny"), ("/e", "public: p")],
    ))
    .unwrap();
    let of = |places: &[usize]| rules.demanded(places.iter().fold(0, |all, place| all | rules.paths[*place].demand));
    assert_eq!(of(&[0, 1]), [Access::needs("x:read", Role::Admin)]);
    assert_eq!(of(&[1, 2, 4]), [Access::needs("x:read", Role::Admin), Access::needs("y:read", Role::Editor)]);
    assert_eq!(of(&[0, 3]), [Access::Nobody]);
    assert_eq!(rules.demanded(DEFAULT | rules.paths[4].demand), [Access::Authenticated]);
    assert_eq!(rules.demanded(0), [Access::Nobody]);
    let many: Vec<(String, String)> = (0..130).map(|n| (format!("/{n}"), format!("a{n}:read viewer"))).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(place, access)| (place.as_str(), access.as_str())).collect();
    assert!(Rules::new(&config("deny", &many)).is_err());
}
