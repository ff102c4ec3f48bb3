use super::facts_of;
use crate::fact::{Facts, Kind, Reach};

fn routes(facts: &Facts) -> Vec<String> {
    let word = |fact: &crate::fact::Fact| {
        let rejects: Vec<&str> = fact.all("rejects").collect();
        format!("{} {} {}", fact.name, fact.get("auth").unwrap_or("?"), rejects.join(","))
    };
    facts.of(Kind::Route).map(|fact| word(fact).trim_end().to_owned()).collect()
}

#[test]
fn a_guard_in_go_is_judged_by_what_it_answers() {
    let code = r#"package main

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

func caller(c *gin.Context) {
	if c.GetHeader("Authorization") == "" {
		c.AbortWithStatus(http.StatusUnauthorized)
	}
}

func trace(c *gin.Context) { c.Next() }

func handler(c *gin.Context) {}

func main() {
	r := gin.New()
	r.GET("/open", trace, handler)
	r.GET("/closed", trace, caller, handler)
	r.GET("/basic", gin.BasicAuth(gin.Accounts{}), handler)
	r.Run()
}
"#;
    let facts = facts_of(&[("go.mod", "module example.org/a\n"), ("main.go", code)]);
    assert_eq!(routes(&facts), ["GET /open no", "GET /closed yes 401", "GET /basic yes 401"]);
}

#[test]
fn a_type_that_a_handler_takes_in_rust_is_run_and_may_turn_callers_away() {
    let code = r#"use axum::{Router, extract::FromRequestParts, http::{StatusCode, request::Parts}, routing::get};

struct Caller(i64);

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = StatusCode;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, StatusCode> {
        let token = parts.headers.get("authorization").ok_or(StatusCode::UNAUTHORIZED)?;
        check(token);
        Ok(Caller(1))
    }
}

async fn mine(caller: Caller) -> &'static str { "mine" }
async fn all() -> &'static str { "all" }

#[tokio::main]
async fn main() {
    let app = Router::new().route("/mine", get(mine)).route("/all", get(all));
    axum::serve(tokio::net::TcpListener::bind("0.0.0.0:1").await.unwrap(), app).await.unwrap();
}
"#;
    let facts = facts_of(&[("Cargo.toml", "[package]\nname = \"a\"\n"), ("src/main.rs", code)]);
    assert_eq!(routes(&facts), ["GET /all no", "GET /mine yes 401"]);
    let checked = facts.of(Kind::Call).find(|fact| fact.name.ends_with("check")).expect("the call");
    assert_eq!(checked.reach, Reach::Live);
}

#[test]
fn a_decorator_that_lets_everybody_pass_is_no_guard() {
    let code = "from flask import Flask\nfrom flask_jwt_extended import jwt_required\napp = Flask(__name__)\n\n@app.get('/a')\n@jwt_required()\ndef a():\n    return {}\n\n@app.get('/b')\n@jwt_required(optional=True)\ndef b():\n    return {}\n";
    let facts = facts_of(&[("app.py", code)]);
    assert_eq!(routes(&facts), ["GET /a yes 401", "GET /b no"]);
}

#[test]
fn a_guard_that_is_handed_to_a_function_or_made_by_a_constructor_is_known() {
    let routing = r#"package main

import (
	"github.com/go-ozzo/ozzo-routing/v2"
	"github.com/go-ozzo/ozzo-routing/v2/auth"
)

func guard(key string) routing.Handler { return auth.JWT(key) }

func register(r *routing.RouteGroup, known routing.Handler) {
	r.Get("/songs/<id>", show)
	r.Use(known)
	r.Post("/songs", create)
}

func show(c *routing.Context) error { return c.Write(1) }
func create(c *routing.Context) error { return c.Write(1) }

func main() {
	router := routing.New()
	known := guard("k")
	register(router.Group("/v1"), known)
}
"#;
    let facts = facts_of(&[("go.mod", "module example.org/a\n"), ("main.go", routing)]);
    assert_eq!(routes(&facts), ["GET /v1/songs/<id> no", "POST /v1/songs yes 401"]);

    let rpc = r#"package main

import (
	"connectrpc.com/connect"
	"example.org/a/gen/songsconnect"
)

type Gate struct{}

func NewGate() *Gate { return &Gate{} }

func (g *Gate) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
		return nil, connect.NewError(connect.CodeUnauthenticated, nil)
	}
}

type Songs struct{}

func (s *Songs) Create(ctx context.Context) error { return nil }

func main() {
	before := connect.WithInterceptors(NewGate())
	songs := &Songs{}
	songsconnect.NewSongsHandler(songs, before)
}
"#;
    let facts = facts_of(&[("go.mod", "module example.org/a\n"), ("main.go", rpc)]);
    assert_eq!(routes(&facts), ["RPC /Songs/Create yes 401"]);
}

#[test]
fn what_a_handler_takes_reads_a_credential_some_functions_deep() {
    let code = r#"use axum::{Router, extract::FromRequestParts, http::request::Parts, routing::get};

struct Caller(i64);
struct MaybeCaller(Option<i64>);
struct Version(String);

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Refused;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refused> { token(parts) }
}
impl<S: Send + Sync> FromRequestParts<S> for MaybeCaller {
    type Rejection = Refused;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refused> { token(parts) }
}
impl<S: Send + Sync> FromRequestParts<S> for Version {
    type Rejection = Refused;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refused> { parts.uri.path() }
}

fn token(parts: &Parts) -> Result<Caller, Refused> { checked(parts.text()) }
fn checked(text: &str) -> Result<Caller, Refused> { jsonwebtoken::decode::<Claims>(text, &key(), &rules()) }

async fn mine(caller: Caller) -> &'static str { "mine" }
async fn perhaps(caller: MaybeCaller) -> &'static str { "perhaps" }
async fn versions(version: Version) -> &'static str { "versions" }

#[tokio::main]
async fn main() {
    let app = Router::new().route("/mine", get(mine)).route("/perhaps", get(perhaps)).route("/versions", get(versions));
    axum::serve(tokio::net::TcpListener::bind("0.0.0.0:1").await.unwrap(), app).await.unwrap();
}
"#;
    let facts = facts_of(&[("Cargo.toml", "[package]\nname = \"a\"\n"), ("src/main.rs", code)]);
    assert_eq!(routes(&facts), ["GET /mine yes 401", "GET /perhaps no", "GET /versions no"]);
}

#[test]
fn a_handler_that_reads_a_credential_and_refuses_stands_behind_itself() {
    let code = r#"package main

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

func owner(c *gin.Context) bool {
	if c.GetHeader("Authorization") == "" {
		c.AbortWithStatus(http.StatusUnauthorized)
		return false
	}
	return true
}

func songs(c *gin.Context) {
	if owner(c) {
		c.JSON(200, 1)
	}
}

func validateToken(c *gin.Context) { owner(c) }

func about(c *gin.Context) { c.JSON(200, 1) }

func main() {
	router := gin.New()
	router.GET("/songs", songs)
	router.GET("/check", validateToken)
	router.GET("/about", about)
	router.Run()
}
"#;
    let facts = facts_of(&[("go.mod", "module example.org/a\n"), ("main.go", code)]);
    assert_eq!(routes(&facts), ["GET /songs yes 401", "GET /check no", "GET /about no"]);
}

#[test]
fn a_function_that_hands_back_a_wrapped_mux_guards_its_routes() {
    let api = r#"package api

import "net/http"

type middleware struct{}

func newMiddleware() *middleware { return &middleware{} }

func (m *middleware) known(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "" {
			http.Error(w, "who", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func songs(w http.ResponseWriter, r *http.Request) {}

func NewHandler() http.Handler {
	middleware := newMiddleware()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/songs", songs)
	return middleware.known(mux)
}
"#;
    let main = r#"package main

import (
	"net/http"

	"example.org/a/api"
)

func about(w http.ResponseWriter, r *http.Request) {}

func main() {
	mux := http.NewServeMux()
	mux.Handle("/v1/", api.NewHandler())
	mux.HandleFunc("GET /about", about)
	http.ListenAndServe(":80", mux)
}
"#;
    let facts = facts_of(&[("go.mod", "module example.org/a\n"), ("api/api.go", api), ("main.go", main)]);
    let told = routes(&facts);
    assert!(told.contains(&"GET /v1/songs yes 401".to_owned()) && told.contains(&"GET /about no".to_owned()), "{told:?}");
}
