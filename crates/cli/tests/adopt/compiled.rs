//! Go, Rust, Java.

use crate::project::{Project, holds};

#[test]
fn a_go_service_that_reads_its_port() {
    let project = Project::of(&[
        ("go.mod", "module example.org/acme/shop/v2\n\ngo 1.22\n"),
        (
            "cmd/shop/main.go",
            "package main\n\nimport (\n\t\"net/http\"\n\t\"os\"\n)\n\nfunc main() {\n\tmux := http.NewServeMux()\n\tmux.HandleFunc(\"GET /readyz\", ready)\n\tmux.HandleFunc(\"GET /ping\", ready)\n\tmux.HandleFunc(\"POST /items/{id}\", add)\n\tmux.Handle(\"/assets/\", http.StripPrefix(\"/assets/\", http.FileServer(http.Dir(\"a\"))))\n\thttp.ListenAndServe(\":\"+os.Getenv(\"PORT\"), mux)\n}\n",
        ),
        ("cmd/shop/main_test.go", "package main\nfunc main() { http.ListenAndServe(\":1\", nil) }\n"),
    ]);
    let seen = project.seen();
    assert_eq!((seen["framework"].as_str(), seen["command"].as_str()), (Some("net/http"), Some("plimsoll run -- ./bin/shop")), "{seen}");
    assert_eq!(seen["start"]["before"][0], "go build -o ./bin/shop ./cmd/shop");
    let text = project.accepted();
    holds(&text, "\"GET /ping\" = \"public: a health check, asked without a credential\"", "cmd/shop/main.go:11");
    holds(&text, "\"GET /assets/{*rest}\" = \"public: files that are the same for everybody\"", "cmd/shop/main.go:13");
    // The service itself is asked, past the host; from outside, the host answers this path.
    holds(&text, "ready_path = \"/readyz\"", "main.go:10");
    assert!(!text.contains("\"GET /readyz\"") && !text.contains("yields"), "{text}");
}

#[test]
fn a_go_service_with_a_flag_or_a_fixed_port() {
    let main = |body: &str| format!("package main\nimport \"net/http\"\nfunc main() {{\n{body}\n}}\n");
    let flag = Project::of(&[
        ("go.mod", "module x\n"),
        ("main.go", &main("addr := flag.String(\"addr\", \":8080\", \"where\")\nhttp.ListenAndServe(*addr, nil)")),
    ]);
    assert_eq!(flag.seen()["command"], "plimsoll run -- ./bin/service -addr '127.0.0.1:$PORT'");
    let both = main(
        "port := flag.Int(\"port\", 80, \"p\")\nhost := flag.String(\"addr\", \"\", \"a\")\nhttp.ListenAndServe(fmt.Sprint(*host, *port), nil)",
    );
    let both = Project::of(&[("go.mod", "module x\n"), ("main.go", &both)]);
    assert_eq!(both.seen()["command"], "plimsoll run -- ./bin/service -port '$PORT' -addr 127.0.0.1");
    let fixed = Project::of(&[("go.mod", "module x\n"), ("main.go", &main("http.ListenAndServe(\":9090\", nil)"))]);
    assert_eq!(fixed.seen()["command"], "plimsoll run --upstream http://127.0.0.1:9090");
    holds(&fixed.accepted(), "operations = \"127.0.0.1:9091\"", "main.go:4");
}

#[test]
fn two_programs_of_one_go_module_are_two_services() {
    let main = "package main\nimport \"net/http\"\nfunc main() { http.ListenAndServe(\":1\", nil) }\n";
    let project = Project::of(&[("go.mod", "module x\n"), ("cmd/one/main.go", main), ("cmd/two/main.go", main)]);
    let listed = project.adopt("", &["--yes"]).expect(1);
    assert!(listed.stdout.contains("shop/cmd/one") && listed.stdout.contains("shop/cmd/two"), "{listed}");
    assert_eq!(project.written(), None);
    project.adopt("cmd/two", &["--yes"]).expect(0);
}

#[test]
fn an_axum_service() {
    let project = Project::of(&[
        ("Cargo.toml", "[package]\nname = \"shop\"\n\n[dependencies]\naxum = \"0.8\"\n"),
        (
            "src/main.rs",
            "use axum::{Router, routing::{get, post}, extract::DefaultBodyLimit};\n#[tokio::main]\nasync fn main() {\n    let port: u16 = std::env::var(\"PORT\").unwrap().parse().unwrap();\n    let app = Router::new()\n        .route(\"/healthz\", get(|| async { 'x' }))\n        .route(\"/items/{id}\", get(one).put(change))\n        .nest_service(\"/assets\", ServeDir::new(\"a\"))\n        .layer(DefaultBodyLimit::max(90 * 1024 * 1024));\n}\n",
        ),
    ]);
    let seen = project.seen();
    assert_eq!(
        (seen["framework"].as_str(), seen["command"].as_str()),
        (Some("axum"), Some("plimsoll run -- cargo run --release")),
        "{seen}"
    );
    let routes: Vec<_> = seen["routes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|route| (route["method"].as_str().unwrap(), route["path"].as_str().unwrap()))
        .collect();
    assert_eq!(routes, [("GET", "/healthz"), ("GET", "/items/{id}"), ("PUT", "/items/{id}"), ("GET", "/assets/{*rest}")]);
    let text = project.accepted();
    holds(&text, "body_limit = \"91MiB\"", "src/main.rs:9");
    holds(&text, "yields = [\"/healthz\"]", "src/main.rs:6");
}

#[test]
fn an_actix_service_with_a_fixed_port() {
    let project = Project::of(&[
        ("Cargo.toml", "[package]\nname = \"shop\"\n[dependencies]\nactix-web = \"4\"\n"),
        (
            "src/main.rs",
            "#[get(\"/ping\")]\nasync fn ping() {}\nfn main() {\n    HttpServer::new(|| App::new()).bind((\"127.0.0.1\", 3000))\n}\n",
        ),
    ]);
    assert_eq!(project.seen()["command"], "plimsoll run --upstream http://127.0.0.1:3000");
    holds(&project.accepted(), "\"GET /ping\" = \"public: a health check, asked without a credential\"", "src/main.rs:1");
}

#[test]
fn a_spring_boot_service() {
    let project = Project::of(&[
        (
            "pom.xml",
            "<project>\n<artifactId>spring-boot-starter-web</artifactId>\n<artifactId>spring-boot-starter-actuator</artifactId>\n</project>\n",
        ),
        ("src/main/java/org/samples/App.java", "@SpringBootApplication\npublic class App {}\n"),
    ]);
    assert_eq!(project.seen()["framework"], "Spring Boot");
    holds(&project.accepted(), "\"GET /actuator/health\" = \"public: a health check, asked without a credential\"", "pom.xml:3");
}
