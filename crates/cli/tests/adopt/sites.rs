//! Static sites, Rack, and what is neither.

use crate::project::{Project, holds};

#[test]
fn a_folder_of_pages_is_open_to_everybody() {
    let project = Project::of(&[("public/index.html", "<h1>x</h1>"), ("README.md", "")]);
    assert_eq!(project.seen()["command"], "plimsoll run -- python3 -m http.server '$PORT' --bind 127.0.0.1 --directory public");
    let text = project.accepted();
    holds(&text, "\"GET /{*rest}\" = \"public: files that are the same for everybody\"", "public/index.html");
    holds(&text, "default = \"authenticated\"", "closed");
}

#[test]
fn a_site_builder_is_run_first() {
    let seen = Project::of(&[("mkdocs.yml", "site_name: x\n"), ("docs/index.md", "")]).seen();
    assert_eq!((seen["start"]["before"][0].as_str(), seen["start"]["words"][7].as_str()), (Some("mkdocs build"), Some("site")), "{seen}");
}

#[test]
fn a_rack_application() {
    let project = Project::of(&[
        ("config.ru", "run App\n"),
        ("Gemfile", "gem \"rails\"\ngem \"puma\"\n"),
        ("config/routes.rb", "get \"up\" => \"rails/health#show\"\n"),
    ]);
    assert_eq!(project.seen()["command"], "plimsoll run -- bundle exec puma -b 'tcp://127.0.0.1:$PORT'");
    holds(&project.accepted(), "\"GET /up\" = \"public: a health check, asked without a credential\"", "config/routes.rb:1");
}

#[test]
fn nothing_that_is_known_gets_the_general_form() {
    let project = Project::of(&[("README.md", "x"), ("main.c", "int main() {}")]);
    let output = project.adopt("", &["--yes"]).expect(1);
    for sentence in ["Nothing in", "FastAPI", "Express", "plimsoll run -- COMMAND"] {
        assert!(output.stdout.contains(sentence), "{sentence}: {output}");
    }
    assert!(output.stderr.contains("nothing was written"), "{output}");
    assert_eq!(project.written(), None);
}

#[test]
fn several_services_are_listed_and_one_is_asked_for() {
    let flask = "from flask import Flask\napp = Flask(__name__)\n";
    let project =
        Project::of(&[("a/app.py", flask), ("a/requirements.txt", "flask\n"), ("b/app.py", flask), ("b/requirements.txt", "flask\n")]);
    let output = project.adopt("", &["--yes"]).expect(1);
    assert!(output.stdout.contains("shop/a ") && output.stdout.contains("shop/b ") && output.stdout.contains("a/app.py:2"), "{output}");
    let listed = project.adopt("", &["--json"]).expect(1).json();
    assert_eq!(listed["services"].as_array().unwrap().len(), 2);
    project.adopt("b", &["--yes"]).expect(0);
    assert!(project.top.join("b/plimsoll.toml").is_file() && !project.top.join("a/plimsoll.toml").exists());
}

#[test]
fn the_only_service_of_a_repository_is_adopted_where_it_lies() {
    let project = Project::of(&[
        ("backend/app.py", "from flask import Flask\napp = Flask(__name__)\n"),
        ("backend/requirements.txt", "flask\n"),
        ("frontend/package.json", "{ \"scripts\": { \"build\": \"vite build\" }, \"devDependencies\": { \"vite\": \"6\" } }"),
    ]);
    project.adopt("", &["--yes"]).expect(0);
    assert!(project.top.join("backend/plimsoll.toml").is_file());
}
