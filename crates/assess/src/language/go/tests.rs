use super::Go;
use crate::{
    fact::{Fact, Kind},
    language::{
        Language,
        tests::{all, shown},
    },
};

fn one(path: &str, text: &str) -> Vec<Fact> {
    Go.extract(path, text).facts
}

#[test]
fn calls_have_the_names_that_imports_and_constructors_give_them() {
    let facts = one(
        "internal/web/server.go",
        r#"package web

import (
	"net/http"
	"time"
	lim "golang.org/x/time/rate"
	"github.com/go-chi/chi/v5"
)

type Server struct {
	client *http.Client
}

func (s *Server) start() {
	r := chi.NewRouter()
	r.Get("/a", s.list)
	l := lim.NewLimiter(5, 10)
	l.Allow()
	s.client.Get("https://example.org/x")
	srv := &http.Server{Addr: ":80", ReadTimeout: 5 * time.Second}
	_ = srv.Close()
}
"#,
    );
    let calls: Vec<(u32, &str)> = facts.iter().filter(|fact| fact.kind == Kind::Call).map(|fact| (fact.line, fact.name.as_str())).collect();
    for wanted in [
        (15, "github.com/go-chi/chi.NewRouter"),
        (16, "github.com/go-chi/chi.Mux.Get"),
        (18, "golang.org/x/time/rate.Limiter.Allow"),
        (19, "net/http.Client.Get"),
        (20, "net/http.Server"),
        (21, "net/http.Server.Close"),
    ] {
        assert!(calls.contains(&wanted), "{wanted:?} in {calls:?}");
    }
    let server = facts.iter().find(|fact| fact.name == "net/http.Server").unwrap();
    assert_eq!((server.get("Addr"), server.get("ReadTimeout"), server.get("literal")), (Some(":80"), Some("5*time.Second"), Some("yes")));
    let closed = facts.iter().find(|fact| fact.name == "net/http.Server.Close").unwrap();
    assert_eq!(closed.get("ignored"), Some("yes"));
}

#[test]
fn gin_groups_carry_prefixes_and_middleware_over_functions_of_other_packages() {
    let facts = all([
        ("go.mod", "module example.org/shop\n"),
        (
            "main.go",
            r#"package main

import (
	"github.com/gin-gonic/gin"
	"example.org/shop/orders"
	"example.org/shop/auth"
)

func main() {
	r := gin.New()
	r.GET("/health", func(c *gin.Context) { c.JSON(200, "ok") })
	r.Use(gin.Recovery())
	v1 := r.Group("/v1")
	v1.Use(auth.Required())
	orders.Register(v1.Group("/orders"))
	r.Run()
}
"#,
        ),
        (
            "auth/auth.go",
            "package auth\n\nimport \"github.com/gin-gonic/gin\"\n\nfunc Required() gin.HandlerFunc {\n\treturn func(c *gin.Context) { c.AbortWithStatus(401) }\n}\n",
        ),
        (
            "orders/routes.go",
            "package orders\n\nimport \"github.com/gin-gonic/gin\"\n\nfunc Register(g *gin.RouterGroup) {\n\tg.POST(\"\", create)\n\tg.GET(\"/:id\", show)\n}\n\nfunc create(c *gin.Context) { c.ShouldBindJSON(nil) }\nfunc show(c *gin.Context) {}\n",
        ),
    ]);
    assert_eq!(
        shown(&facts, Kind::Route),
        [
            "main.go:11 GET /health []",
            "orders/routes.go:6 POST /v1/orders [github.com/gin-gonic/gin.Recovery auth.Required]",
            "orders/routes.go:7 GET /v1/orders/:id [github.com/gin-gonic/gin.Recovery auth.Required]",
        ]
    );
    let health = facts.of(Kind::Route).next().unwrap();
    assert_eq!((health.get("constant"), health.get("framework")), (Some("yes"), Some("gin")));
    let create = facts.of(Kind::Route).find(|fact| fact.get("method") == Some("POST")).unwrap();
    assert_eq!((create.get("handler"), create.get("input")), (Some("orders.create"), Some("typed")));
    let middleware: Vec<(&str, Option<&str>)> = facts.of(Kind::Middleware).map(|fact| (fact.name.as_str(), fact.get("scope"))).collect();
    assert_eq!(middleware, [("github.com/gin-gonic/gin.Recovery", Some("app")), ("auth.Required", Some("router"))]);
    assert_eq!(facts.of(Kind::App).map(|fact| (fact.name.as_str(), fact.line)).collect::<Vec<_>>(), [("gin", 10)]);
}

#[test]
fn chi_routers_inside_functions_and_mounted_ones_have_their_prefixes() {
    let facts = all([(
        "main.go",
        r#"package main

import (
	"net/http"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
)

func main() {
	r := chi.NewRouter()
	r.Use(middleware.Logger)
	r.Route("/admin", func(r chi.Router) {
		r.Use(onlyAdmins)
		r.Get("/users", users)
	})
	r.Mount("/api", api())
	r.With(limited).Post("/login", login)
	http.ListenAndServe(":80", r)
}

func api() http.Handler {
	r := chi.NewRouter()
	r.Get("/items", items)
	return r
}
"#,
    )]);
    assert_eq!(
        shown(&facts, Kind::Route),
        [
            "main.go:14 GET /admin/users [github.com/go-chi/chi/middleware.Logger onlyAdmins]",
            "main.go:17 POST /login [github.com/go-chi/chi/middleware.Logger limited]",
            "main.go:23 GET /api/items [github.com/go-chi/chi/middleware.Logger]",
        ]
    );
    assert_eq!(facts.of(Kind::App).count(), 1);
}

#[test]
fn wrappers_around_what_is_served_stand_before_all_routes_and_around_a_handler_before_one() {
    let facts = all([(
        "main.go",
        r#"package main

import (
	"context"
	"net/http"
	"os/signal"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

func main() {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /orders", create)
	mux.Handle("/private", authenticated(http.HandlerFunc(show)))
	mux.Handle("/metrics", promhttp.Handler())
	srv := &http.Server{Addr: ":8080", Handler: logged(recovered(mux))}
	ctx, stop := signal.NotifyContext(context.Background())
	defer stop()
	go srv.ListenAndServe()
	<-ctx.Done()
	srv.Shutdown(context.Background())
}

func authenticated(next http.Handler) http.Handler { return next }
func logged(next http.Handler) http.Handler { return next }
func recovered(next http.Handler) http.Handler { return next }
func create(w http.ResponseWriter, r *http.Request) {}
func show(w http.ResponseWriter, r *http.Request) {}
"#,
    )]);
    let routes = shown(&facts, Kind::Route);
    assert_eq!(
        routes,
        [
            "main.go:12 POST /orders [logged recovered]",
            "main.go:13 ANY /private [logged recovered authenticated]",
            "main.go:14 ANY /metrics [logged recovered]",
        ]
    );
    assert_eq!(facts.of(Kind::Route).nth(1).unwrap().get("handler"), Some("show"));
    assert_eq!(
        facts.of(Kind::Route).nth(2).unwrap().get("handler"),
        Some("github.com/prometheus/client_golang/prometheus/promhttp.Handler")
    );
    let hook = facts.of(Kind::Hook).next().unwrap();
    assert_eq!((hook.name.as_str(), hook.line, hook.get("signal")), ("shutdown", 20, Some("yes")));
}

#[test]
fn fields_that_another_file_declares_are_followed() {
    let facts = all([
        ("store/store.go", "package store\n\nimport \"database/sql\"\n\ntype Store struct {\n\tdb *sql.DB\n}\n"),
        ("store/query.go", "package store\n\nfunc (s *Store) all() {\n\ts.db.SetMaxOpenConns(10)\n}\n"),
    ]);
    let call = facts.of(Kind::Call).next().unwrap();
    assert_eq!(
        (call.name.as_str(), call.get("0"), facts.path(call.file), call.line),
        ("database/sql.DB.SetMaxOpenConns", Some("10"), "store/query.go", 4)
    );
}

#[test]
fn settings_come_from_the_environment_flags_viper_and_tags() {
    let facts = one(
        "config.go",
        "package config\n\nimport (\n\t\"flag\"\n\t\"os\"\n\t\"github.com/spf13/viper\"\n)\n\ntype Config struct {\n\tPort int `env:\"PORT\" envDefault:\"8080\"`\n\tKey string `envconfig:\"KEY\" required:\"true\"`\n}\n\nfunc load() {\n\tos.Getenv(\"MODE\")\n\tgetEnv(\"HOST\", \"localhost\")\n\tflag.Bool(\"debug\", false, \"tells more\")\n\tviper.SetDefault(\"rate\", 5)\n}\n",
    );
    let known: Vec<(Kind, &str, Option<&str>, u32)> = facts
        .iter()
        .filter(|fact| matches!(fact.kind, Kind::Env | Kind::Setting))
        .map(|fact| (fact.kind, fact.name.as_str(), fact.get("default"), fact.line))
        .collect();
    for wanted in [
        (Kind::Setting, "PORT", Some("8080"), 10),
        (Kind::Env, "PORT", Some("8080"), 10),
        (Kind::Setting, "KEY", None, 11),
        (Kind::Env, "MODE", None, 15),
        (Kind::Env, "HOST", Some("localhost"), 16),
        (Kind::Setting, "debug", Some("false"), 17),
        (Kind::Setting, "rate", Some("5"), 18),
    ] {
        assert!(known.contains(&wanted), "{wanted:?} in {known:?}");
    }
    assert_eq!(facts.iter().find(|fact| fact.kind == Kind::Setting && fact.name == "KEY").unwrap().get("required"), Some("yes"));
}

#[test]
fn a_test_that_cannot_fail_is_told_from_one_that_can() {
    let facts = one(
        "a_test.go",
        "package a\n\nimport (\n\t\"testing\"\n\t\"github.com/stretchr/testify/assert\"\n)\n\nfunc TestReal(t *testing.T) {\n\tassert.Equal(t, 4, add(2, 2))\n}\n\nfunc TestNothing(t *testing.T) {\n\tadd(1, 1)\n}\n\nfunc TestSkipped(t *testing.T) {\n\tt.Skip(\"later\")\n\tt.Error(\"no\")\n}\n",
    );
    let tests: Vec<_> = facts
        .iter()
        .filter(|fact| fact.kind == Kind::Test)
        .map(|fact| (fact.name.as_str(), fact.get("asserts"), fact.get("trivial"), fact.get("skipped")))
        .collect();
    assert_eq!(
        tests,
        [
            ("TestReal", Some("1"), Some("no"), None),
            ("TestNothing", Some("0"), Some("yes"), None),
            ("TestSkipped", Some("1"), Some("no"), Some("yes"))
        ]
    );
}

#[test]
fn statements_into_which_values_are_pasted_say_so_and_flags_guard_what_stands_behind_them() {
    let facts = one(
        "a.go",
        "package a\n\nimport \"fmt\"\n\nfunc f(name string, cfg Config) {\n\tq := fmt.Sprintf(\"SELECT id FROM users WHERE name = '%s'\", name)\n\trun(\"SELECT id FROM users WHERE name = $1\", name, q)\n\tif cfg.Metrics {\n\t\tserve()\n\t}\n}\n",
    );
    let built: Vec<(u32, Option<&str>)> =
        facts.iter().filter(|fact| fact.kind == Kind::Text).map(|fact| (fact.line, fact.get("built"))).collect();
    assert_eq!(built, [(6, Some("yes")), (7, None)]);
    let guard = facts.iter().find(|fact| fact.name == "serve").unwrap().guard.clone().unwrap();
    assert_eq!((guard.flag.as_str(), guard.negated), ("Metrics", false));
}

#[test]
fn comments_say_nothing_and_hostile_text_ends() {
    assert!(one("a.go", "package a\n\n// rate.NewLimiter(1, 1)\n/* os.Getenv(\"X\") */\n").is_empty());
    let deep = format!("package a\n\nfunc f() {{ x := {}1{} }}\n", "(".repeat(10_000), ")".repeat(10_000));
    let _ = one("a.go", &deep);
    let calls = format!("package a\n\nfunc f() {{ g{} }}\n", ".h()".repeat(5_000));
    assert!(one("a.go", &calls).iter().filter(|fact| fact.kind == Kind::Call).count() > 1_000);
    let _ = one("a.go", "package a\nfunc (é\u{0}{ import \"");
}

#[test]
fn a_route_says_what_its_handler_asks_of_the_query_and_whether_it_tells_the_text_of_an_error() {
    let facts = all([
        ("go.mod", "module example.org/shop\n\ngo 1.22\n"),
        (
            "fail/fail.go",
            "package fail\n\ntype Body struct {\n\tErrors map[string]string\n}\n\nfunc New(key string, err error) Body {\n\tres := Body{}\n\tres.Errors[key] = err.Error()\n\treturn res\n}\n",
        ),
        (
            "main.go",
            r#"package main

import (
	"errors"

	"example.org/shop/fail"
	"github.com/gin-gonic/gin"
)

func list(c *gin.Context) {
	size := c.DefaultQuery("size", "20")
	rows, err := find(c.Query("color"), size)
	find(c.Query("color"), c.Query("limit"))
	if err != nil {
		c.JSON(500, fail.New("store", err))
		return
	}
	c.JSON(200, rows)
}

func find(color, size string) ([]string, error) {
	many, _ := strconv.Atoi(size)
	if many > 7 || size > 50 {
		size = 50
	}
	return store(color, many)
}

func page(c *gin.Context) {
	c.JSON(400, fail.New("page", errors.New("no such page")))
}

func main() {
	r := gin.Default()
	r.GET("/wares", list)
	r.GET("/page", page)
	r.GET("/plain", func(c *gin.Context) {
		if err := check(); err != nil {
			c.String(500, err.Error())
		}
	})
	r.Run()
}
"#,
        ),
    ]);
    let route = |name: &str| facts.of(Kind::Route).find(|fact| fact.name == name).unwrap();
    let params: Vec<&str> = route("GET /wares").all("param").collect();
    assert_eq!(params, ["size in=query default=20 le=50", "color in=query", "limit in=query le=50"]);
    assert_eq!(route("GET /wares").get("leaks"), Some("yes"));
    assert_eq!(route("GET /page").get("leaks"), None);
    assert_eq!(route("GET /plain").get("leaks"), Some("yes"));
}
