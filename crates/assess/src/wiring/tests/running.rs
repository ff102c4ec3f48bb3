use super::facts_of;
use crate::fact::{Facts, Flag, Kind, Reach, ServiceKind};

/// Whether the definition of this name is run.
fn reach(facts: &Facts, name: &str) -> Reach {
    let mut found = facts.of(Kind::Def).filter(|fact| fact.name == name || fact.name.ends_with(&format!(".{name}")));
    found.next().unwrap_or_else(|| panic!("there is no definition {name}")).reach
}

const DOCKERFILE: &str = "FROM python:3.12\nWORKDIR /srv\nCOPY . .\nCMD [\"uvicorn\", \"app.main:app\", \"--workers\", \"3\"]\n";

#[test]
fn an_import_runs_a_file_but_is_no_mention_of_what_it_brings() {
    let facts = facts_of(&[
        ("Dockerfile", DOCKERFILE),
        ("requirements.txt", "fastapi\n"),
        ("app/__init__.py", ""),
        (
            "app/main.py",
            "from fastapi import FastAPI\nfrom app.retry import with_retry, backoff\n# backoff() in a comment\napp = FastAPI()\nwith_retry()\n",
        ),
        ("app/retry.py", "def with_retry():\n    return inner()\n\ndef inner():\n    return 1\n\ndef backoff():\n    return 2\n"),
        ("app/security.py", "def check():\n    return 1\n"),
    ]);
    assert_eq!(reach(&facts, "with_retry"), Reach::Live);
    assert_eq!(reach(&facts, "inner"), Reach::Live);
    assert_eq!(reach(&facts, "backoff"), Reach::Unreached, "it is imported and never mentioned");
    assert_eq!(reach(&facts, "security.check"), Reach::Unreached, "nobody imports its file");
}

#[test]
fn a_class_that_is_reached_brings_its_methods() {
    let facts = facts_of(&[
        ("Dockerfile", DOCKERFILE),
        ("app/main.py", "from app.store import Store\nstore = Store()\n"),
        (
            "app/store.py",
            "class Base:\n    def close(self):\n        pass\n\nclass Store(Base):\n    def save(self):\n        return 1\n\nclass Other:\n    def load(self):\n        return 2\n",
        ),
    ]);
    assert_eq!(reach(&facts, "Store.save"), Reach::Live);
    assert_eq!(reach(&facts, "Base.close"), Reach::Live, "it is the base of a class that is reached");
    assert_eq!(reach(&facts, "Other.load"), Reach::Unreached);
}

#[test]
fn what_a_flag_that_is_off_keeps_from_running_is_off_with_all_it_leads_to() {
    let main = "from app.config import settings\nfrom app.limit import install\nif settings.RATE_LIMIT:\n    install()\n";
    let config = "from pydantic_settings import BaseSettings\n\nclass Settings(BaseSettings):\n    RATE_LIMIT: bool = False\n\nsettings = Settings()\n";
    let limit = "def install():\n    deeper()\n\ndef deeper():\n    return 1\n";
    let files = [("Dockerfile", DOCKERFILE), ("app/main.py", main), ("app/config.py", config), ("app/limit.py", limit)];
    let facts = facts_of(&files);
    assert_eq!(reach(&facts, "install"), Reach::Off);
    assert_eq!(reach(&facts, "deeper"), Reach::Off);
    let call = facts.of(Kind::Call).find(|fact| fact.name == "app.limit.install").unwrap();
    assert_eq!((call.line, call.reach, call.guard.as_ref().unwrap().state), (4, Reach::Off, Flag::Off));

    // What is deployed decides against the default in code.
    let mut deployed = files.to_vec();
    deployed.push(("compose.yaml", "services:\n  api:\n    build: .\n    environment:\n      RATE_LIMIT: \"true\"\n"));
    assert_eq!(reach(&facts_of(&deployed), "deeper"), Reach::Live);

    // An example that says otherwise leaves it open, and what is open is not called off.
    let mut said = files.to_vec();
    said.push((".env.example", "RATE_LIMIT=true\n"));
    let facts = facts_of(&said);
    assert_eq!(reach(&facts, "install"), Reach::Live);
    assert_eq!(facts.of(Kind::Call).find(|fact| fact.name == "app.limit.install").unwrap().guard.as_ref().unwrap().state, Flag::Unknown);
}

#[test]
fn without_any_entry_point_nothing_is_called_unreached() {
    let facts = facts_of(&[("lib/a.py", "def one():\n    return 1\n")]);
    assert_eq!(reach(&facts, "one"), Reach::Unknown);
    assert_eq!(facts.services.len(), 1);
    assert_eq!(facts.services[0].kind, ServiceKind::Library);
}

#[test]
fn tests_are_tests_whoever_runs_them() {
    let facts = facts_of(&[("Dockerfile", DOCKERFILE), ("app/main.py", "x = 1\n"), ("tests/test_a.py", "def helper():\n    return 1\n")]);
    assert_eq!(reach(&facts, "helper"), Reach::Test);
}

#[test]
fn two_implementations_side_by_side_are_told_apart_by_what_is_started() {
    let app = "from fastapi import FastAPI\napp = FastAPI()\n\ndef used():\n    return 1\n\nused()\n";
    let facts = facts_of(&[
        ("docker/Dockerfile", "FROM python:3.12\nWORKDIR /app\nCOPY src /app/src\nCMD [\"uvicorn\", \"src.api.main:app\"]\n"),
        ("docker/docker-compose.yml", "services:\n  api:\n    build:\n      context: ..\n      dockerfile: docker/Dockerfile\n"),
        ("api/main.py", app),
        ("src/api/main.py", app),
    ]);
    let entry = facts.of(Kind::Entry).next().unwrap();
    assert_eq!((facts.path(entry.file), entry.line, entry.get("target")), ("docker/Dockerfile", 4, Some("src/api/main.py")));
    assert_eq!(reach(&facts, "src.api.main.used"), Reach::Live);
    let old = facts.of(Kind::Def).find(|fact| fact.name == "api.main.used").unwrap();
    assert_eq!(old.reach, Reach::Unreached);
}

#[test]
fn each_folder_with_a_manifest_of_its_own_is_a_service() {
    let facts = facts_of(&[
        ("one/Dockerfile", "FROM python:3.12\nWORKDIR /app\nCOPY app ./app\nCMD [\"uvicorn\", \"app.main:app\"]\n"),
        ("one/requirements.txt", "fastapi\n"),
        ("one/app/main.py", "from fastapi import FastAPI\napp = FastAPI()\n"),
        ("two/Procfile", "web: gunicorn run:app -w 4\nworker: celery -A jobs worker\n"),
        ("two/requirements.txt", "flask\n"),
        ("two/run.py", "app = 1\n"),
        ("two/jobs.py", "def job():\n    return 1\n"),
    ]);
    let services: Vec<_> = facts.services.iter().map(|one| (one.root.as_str(), one.kind, one.entries.join(" "))).collect();
    let expected =
        vec![("one", ServiceKind::Api, "one/app/main.py".to_owned()), ("two", ServiceKind::Api, "two/jobs.py two/run.py".to_owned())];
    assert_eq!(services, expected);
    let web = facts.of(Kind::Entry).find(|fact| fact.get("service") == Some("web")).unwrap();
    assert_eq!((web.get("server"), web.get("workers")), (Some("gunicorn"), Some("4")));
}

#[test]
fn a_start_script_leads_to_what_its_lines_start() {
    let facts = facts_of(&[
        ("Dockerfile", "FROM python:3.12\nWORKDIR /app\nCOPY . .\nENTRYPOINT [\"./start.sh\"]\n"),
        ("start.sh", "#!/bin/sh\nset -e\nalembic upgrade head\nexec gunicorn service.web:make() \\\n  --bind 0.0.0.0:80\n"),
        ("service/web.py", "def make():\n    return inner()\n\ndef inner():\n    return 1\n"),
    ]);
    assert_eq!(reach(&facts, "inner"), Reach::Live);
}

#[test]
fn names_of_this_repository_are_told_by_where_they_are_defined() {
    let facts = facts_of(&[
        ("back/requirements.txt", ""),
        ("back/app/__init__.py", ""),
        ("back/app/core/__init__.py", "from .hash import digest\n"),
        ("back/app/core/hash.py", "def digest(text):\n    return text\n"),
        (
            "back/app/use.py",
            "from app.core import digest\nimport app.core.hash\n\nfirst = digest('a')\nsecond = app.core.hash.digest('b')\n",
        ),
    ]);
    let calls: Vec<(u32, &str)> = facts.of(Kind::Call).map(|fact| (fact.line, fact.name.as_str())).collect();
    assert_eq!(calls, [(4, "back.app.core.hash.digest"), (5, "back.app.core.hash.digest")]);
}

#[test]
fn a_command_that_a_package_installs_leads_to_the_server_it_starts_by_name() {
    let project =
        "[project.scripts]\nharbour = \"harbour.cli:entry\"\n\n[project.entry-points.\"harbour.plugins\"]\ntide = \"harbour.tide:Tide\"\n";
    let facts = facts_of(&[
        ("Dockerfile", "FROM python:3.12\nCOPY . /app\nENTRYPOINT [\"harbour\"]\nCMD [\"serve\"]\n"),
        ("pyproject.toml", project),
        ("src/harbour/cli.py", "import uvicorn\n\ndef entry():\n    uvicorn.run(\"harbour.web:app\")\n\ndef unused():\n    return 1\n"),
        ("src/harbour/web.py", "app = make()\n\ndef make():\n    return 1\n"),
        ("src/harbour/tide.py", "class Tide:\n    def rise(self):\n        return 1\n"),
    ]);
    assert_eq!(reach(&facts, "make"), Reach::Live);
    assert_eq!(reach(&facts, "Tide.rise"), Reach::Live);
    assert_eq!(reach(&facts, "cli.unused"), Reach::Unreached);
}

#[test]
fn a_program_of_the_image_is_no_program_of_this_repository() {
    let facts = facts_of(&[
        ("compose.yaml", "services:\n  cache:\n    image: redis:7\n    command: redis-server --appendonly yes\n"),
        ("go.mod", "module example.org/one\n"),
        ("main.go", "package main\n\nfunc main() {\n\trun()\n}\n\nfunc run() {}\n\nfunc spare() {}\n"),
    ]);
    assert_eq!(facts.of(Kind::Entry).count(), 0);
    assert_eq!(facts.services[0].name, "repository");
    assert_eq!((reach(&facts, "run"), reach(&facts, "spare")), (Reach::Live, Reach::Unreached));
}

#[test]
fn a_module_called_setup_is_no_service_of_its_own() {
    let facts = facts_of(&[
        ("Dockerfile", "FROM python:3.13\nWORKDIR /code\nCOPY ./src/app /code/app\nCMD [\"uvicorn\", \"app.main:app\"]\n"),
        ("requirements.txt", "fastapi\n"),
        ("src/app/__init__.py", ""),
        ("src/app/main.py", "from .core.setup import make\n\napp = make()\n"),
        ("src/app/core/__init__.py", ""),
        ("src/app/core/setup.py", "from fastapi import FastAPI\n\ndef make():\n    return FastAPI()\n"),
    ]);
    let services: Vec<(&str, &str)> =
        facts.services.iter().map(|service| (service.root.as_str(), service.framework.as_deref().unwrap_or("none"))).collect();
    assert_eq!(services, [("", "fastapi")]);
}

#[test]
fn a_function_of_our_own_reads_the_environment_for_its_callers() {
    let config = "import os\n\ndef read(name, default=None):\n    return os.getenv(name) or default\n\ndef number(name, default):\n    return int(read(name, default))\n\nPORT = number(\"PORT\", \"80\")\nHOST = read(\"HOST\")\nODD = read(\"not a name\")\n";
    let rust =
        "fn get(key: &str) -> String {\n    std::env::var(key).unwrap()\n}\n\nfn main() {\n    let url = get(\"DATABASE_URL\");\n}\n";
    let facts = facts_of(&[("config.py", config), ("src/main.rs", rust), ("Cargo.toml", "[package]\nname = \"a\"\n")]);
    let all = facts.of(Kind::Env).filter(|fact| fact.name.chars().all(|letter| letter.is_ascii_uppercase() || letter == '_'));
    let reads: Vec<_> = all.map(|fact| (facts.path(fact.file), fact.line, fact.name.as_str(), fact.get("default"))).collect();
    let told = [("config.py", 9, "PORT", Some("80")), ("config.py", 10, "HOST", None), ("src/main.rs", 6, "DATABASE_URL", None)];
    assert_eq!(reads, told);
}

#[test]
fn a_template_of_a_file_of_settings_describes_them_also_in_its_remarks() {
    let code = "#[derive(clap::Parser)]\npub struct RunOpts {\n    #[clap(long)]\n    pub database_url: String,\n    #[clap(long)]\n    pub smtp_user: String,\n    #[clap(long)]\n    pub left_out: String,\n}\n";
    let template = "## Where the data is kept\ndatabase_url = \"sqlite:a.db\"\n[mail]\n#smtp_user = \"a\"\n";
    let facts = facts_of(&[("src/main.rs", code), ("server_config.example.toml", template)]);
    let said: Vec<(String, Option<String>)> =
        facts.of(crate::fact::Kind::Setting).map(|fact| (fact.name.clone(), fact.get("described").map(str::to_owned))).collect();
    let of = |name: &str| said.iter().find(|(one, _)| one == name).and_then(|(_, described)| described.clone());
    assert_eq!(
        (of("database_url"), of("smtp_user"), of("left_out")),
        (Some("yes".into()), Some("yes".into()), Some("no".into())),
        "{said:?}"
    );
}

#[test]
fn a_test_that_asks_over_the_interface_says_so() {
    let tests = "from app import total, client\n\ndef test_sum():\n    assert total([1, 2]) == 3\n\ndef test_songs():\n    with client() as c:\n        assert c.get(\"/songs\").status_code == 401\n";
    let facts = facts_of(&[("tests/test_a.py", tests), ("app.py", "def total(x): return sum(x)\ndef client(): return None\n")]);
    let over: Vec<(String, Option<String>)> = facts
        .of(crate::fact::Kind::Test)
        .map(|fact| (fact.name.rsplit('.').next().unwrap_or_default().to_owned(), fact.get("over").map(str::to_owned)))
        .collect();
    assert_eq!(over, [("test_sum".to_owned(), None), ("test_songs".to_owned(), Some("http".to_owned()))]);
    let refused: Vec<&str> = facts.of(crate::fact::Kind::Test).flat_map(|fact| fact.all("expects")).collect();
    assert_eq!(refused, ["401"]);
}
