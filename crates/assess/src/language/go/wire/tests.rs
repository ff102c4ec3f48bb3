use crate::{
    fact::{Facts, Kind},
    language::tests::all,
};

/// Routes as `GET /a handler [guards]`, in order of place.
fn routes(facts: &Facts) -> Vec<String> {
    let routes = facts.all().iter().filter(|fact| fact.kind == Kind::Route);
    routes
        .map(|fact| format!("{} {} {:?}", fact.name, fact.get("handler").unwrap_or_default(), fact.all("guard").collect::<Vec<_>>()))
        .collect()
}

const WRAPPER: &str = r#"package api

import (
	"net/http"

	"github.com/go-chi/chi/v5"
)

type action func(w http.ResponseWriter, r *http.Request) error

type tree struct {
	under chi.Router
}

func newTree() *tree {
	return &tree{chi.NewRouter()}
}

func adapt(do action) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { _ = do(w, r) }
}

func before(do action) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler { return next }
}

func (t *tree) Get(pattern string, do action) {
	t.under.Get(pattern, adapt(do))
}

func (t *tree) Post(pattern string, do action) {
	t.under.Post(pattern, adapt(do))
}

func (t *tree) Use(do action) {
	t.under.Use(before(do))
}

func (t *tree) With(do action) *tree {
	inner := t.under.With(before(do))
	return &tree{inner}
}

func (t *tree) Route(pattern string, body func(*tree)) {
	t.under.Route(pattern, func(inner chi.Router) {
		body(&tree{inner})
	})
}

func (t *tree) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	t.under.ServeHTTP(w, r)
}
"#;

#[test]
fn calls_of_a_router_around_a_router_are_the_routes_and_what_it_calls_inside_is_none() {
    let facts = all([
        ("go.mod", "module example.org/shop\n"),
        ("api/tree.go", WRAPPER),
        (
            "api/api.go",
            r#"package api

import "net/http"

type API struct{}

func (a *API) health(w http.ResponseWriter, r *http.Request) error { return nil }
func (a *API) known(w http.ResponseWriter, r *http.Request) error  { return nil }
func (a *API) admin(w http.ResponseWriter, r *http.Request) error  { return nil }
func (a *API) orders(w http.ResponseWriter, r *http.Request) error { return nil }
func (a *API) order(w http.ResponseWriter, r *http.Request) error  { return nil }
func (a *API) wipe(w http.ResponseWriter, r *http.Request) error   { return nil }

func Serve(a *API) {
	t := newTree()
	t.Get("/health", a.health)
	t.Route("/orders", func(t *tree) {
		t.Use(a.known)
		t.Get("/", a.orders)
		t.With(a.admin).Post("/{id}", a.order)
	})
	http.ListenAndServe(":80", t)
}

func Operate(a *API) {
	t := newTree()
	t.Post("/wipe", a.wipe)
	http.ListenAndServe(":81", t)
}
"#,
        ),
    ]);
    let wanted = [
        "GET /health api.API.health []".to_owned(),
        r#"GET /orders api.API.orders ["api.API.known"]"#.to_owned(),
        r#"POST /orders/{id} api.API.order ["api.API.known", "api.API.admin"]"#.to_owned(),
        "POST /wipe api.API.wipe []".to_owned(),
    ];
    assert_eq!(routes(&facts), wanted);
    let apps: Vec<&str> = facts.all().iter().filter(|fact| fact.kind == Kind::App).map(|fact| fact.name.as_str()).collect();
    assert_eq!(apps, ["chi", "chi"]);
}

#[test]
fn a_server_that_holds_a_router_may_hand_on_method_path_and_handler() {
    let facts = all([(
        "main.go",
        r#"package main

import "net/http"

type Server struct {
	mux *http.ServeMux
}

func (s *Server) handle(method, path string, next http.HandlerFunc) {
	s.mux.HandleFunc(method+" "+path, s.known(next))
}

func (s *Server) get(path string, next http.HandlerFunc) {
	s.handle(http.MethodGet, path, next)
}

func (s *Server) known(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { next(w, r) }
}

func (s *Server) list(w http.ResponseWriter, r *http.Request) {}
func (s *Server) add(w http.ResponseWriter, r *http.Request)  {}

func (s *Server) routes() {
	s.get("/notes", s.list)
	s.handle("POST", "/notes", s.add)
}

func main() {
	s := &Server{mux: http.NewServeMux()}
	s.routes()
	http.ListenAndServe(":80", s.mux)
}
"#,
    )]);
    assert_eq!(routes(&facts), [r#"GET /notes Server.list ["Server.known"]"#, r#"POST /notes Server.add ["Server.known"]"#]);
}

#[test]
fn an_embedded_router_is_known_beside_what_its_holder_adds() {
    let facts = all([(
        "main.go",
        r#"package main

import "github.com/gin-gonic/gin"

type action func(c *gin.Context) error

type Site struct {
	*gin.Engine
}

func (s *Site) Page(path string, do action) {
	s.Engine.GET(path, func(c *gin.Context) { _ = do(c) })
}

func home(c *gin.Context) error { return nil }
func save(c *gin.Context)       {}

func main() {
	s := &Site{gin.New()}
	s.Page("/home", home)
	s.POST("/save", save)
	s.Run()
}
"#,
    )]);
    assert_eq!(routes(&facts), ["GET /home home []", "POST /save save []"]);
}

#[test]
fn groups_of_a_router_of_the_programs_own_carry_its_prefix_and_what_stands_before() {
    let facts = all([(
        "main.go",
        r#"package main

import "net/http"

type Before func(http.Handler) http.Handler

type Router struct {
	mux    *http.ServeMux
	prefix string
	before []Before
}

func New() *Router { return &Router{mux: http.NewServeMux()} }

func (r *Router) Use(before ...Before) { r.before = append(r.before, before...) }

func (r *Router) Group(prefix string, before ...Before) *Router {
	return &Router{mux: r.mux, prefix: r.prefix + prefix, before: append(r.before, before...)}
}

func (r *Router) Get(path string, next http.HandlerFunc) {
	r.mux.Handle("GET "+r.prefix+path, next)
}

func known(next http.Handler) http.Handler { return next }
func logged(next http.Handler) http.Handler { return next }
func list(w http.ResponseWriter, r *http.Request) {}
func live(w http.ResponseWriter, r *http.Request) {}

func main() {
	r := New()
	r.Use(logged)
	r.Get("/live", live)
	v1 := r.Group("/v1", known)
	v1.Get("/notes", list)
	http.ListenAndServe(":80", r.mux)
}
"#,
    )]);
    assert_eq!(routes(&facts), [r#"GET /live live ["logged"]"#, r#"GET /v1/notes list ["logged", "known"]"#]);
}

#[test]
fn a_function_that_is_handed_the_router_may_forward_and_one_that_adds_its_own_paths_does_not() {
    let facts = all([(
        "main.go",
        r#"package main

import (
	"net/http"

	"github.com/go-chi/chi/v5"
)

type action func(w http.ResponseWriter, r *http.Request) error

func post(r chi.Router, path string, do action) {
	r.Post(path, func(w http.ResponseWriter, q *http.Request) { _ = do(w, q) })
	r.Head("/seen", live)
}

func probes(r chi.Router, live http.HandlerFunc) {
	r.Get("/live", live)
}

func save(w http.ResponseWriter, r *http.Request) error { return nil }
func live(w http.ResponseWriter, r *http.Request)       {}

func main() {
	r := chi.NewRouter()
	r.Route("/v1", func(r chi.Router) {
		post(r, "/notes", save)
	})
	probes(r, live)
	http.ListenAndServe(":80", r)
}
"#,
    )]);
    assert_eq!(routes(&facts), ["HEAD /v1/seen live []", "GET /live live []", "POST /v1/notes save []"]);
}
