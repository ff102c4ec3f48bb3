//! The traps that reviews of real repositories fell into, one test each.
//!
//! Each is a small tree of our own. A trap is a thing that looks like proof and is none; beside it
//! stands, where that says more, the same tree with the thing done as it has to be.

#![expect(clippy::unwrap_used, reason = "what is missing in a test ends it, with the line that missed it")]

use plimsoll_assess::{
    Page, Status,
    detect::{Assessed, Detectors, Partial},
    fact::{Fact, Facts, Kind, Reach},
    source::Tree,
    wiring,
};

type Files<'a> = &'a [(&'a str, &'a str)];

fn facts(files: Files<'_>) -> Facts {
    wiring::facts(&Tree::of(files.iter().copied()))
}

/// What is said of each of these practices.
fn said(files: Files<'_>, ids: &[&str]) -> Vec<Assessed> {
    let tree = Tree::of(files.iter().copied());
    let facts = wiring::facts(&tree);
    let pages: Vec<&Page> = ids.iter().map(|id| &plimsoll_practices::named(id).unwrap().1).collect();
    Detectors::new(pages).assess(&facts, &tree)
}

fn one(files: Files<'_>, id: &str) -> Assessed {
    said(files, &[id]).remove(0)
}

/// The status and what it is only partial for.
fn verdict(files: Files<'_>, id: &str) -> (Status, Option<Partial>) {
    let one = one(files, id);
    (one.status, one.partial)
}

/// Files and lines of what speaks against it.
fn gaps(of: &Assessed) -> Vec<String> {
    let mut places: Vec<String> = of.gaps.iter().map(|sight| format!("{}:{}", sight.file, sight.line)).collect();
    places.sort();
    places.dedup();
    places
}

fn broken(files: Files<'_>) -> Vec<(String, String)> {
    let facts = facts(files);
    let mut found: Vec<(String, String)> =
        facts.of(Kind::Broken).map(|fact| (fact.get("what").unwrap_or("").to_owned(), fact.name.clone())).collect();
    found.sort();
    found.dedup();
    found
}

fn reach(facts: &Facts, kind: Kind, name: &str) -> Vec<Reach> {
    facts.of(kind).filter(|fact: &&Fact| fact.name == name).map(|fact| fact.reach).collect()
}

const MISSING: (Status, Option<Partial>) = (Status::Missing, None);
const DONE: (Status, Option<Partial>) = (Status::Implemented, None);
const fn partial(why: Partial) -> (Status, Option<Partial>) {
    (Status::Partial, Some(why))
}

const PLAIN: (&str, &str) = (
    "app/main.py",
    "import httpx\nfrom fastapi import FastAPI\n\napp = FastAPI()\n\n\n@app.get(\"/songs\")\ndef songs():\n    return httpx.get(\"https://songs.example\").json()\n",
);

/// A service whose one file is this, started by its image.
fn served<'a>(main: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut files = vec![
        ("Dockerfile", "FROM python:3.12\nCOPY . .\nCMD [\"uvicorn\", \"app.main:app\"]\n"),
        ("app/__init__.py", ""),
        ("app/main.py", main),
    ];
    files.extend(more);
    files
}

#[test]
fn trap_1_prose_proves_no_practice_of_code() {
    let prose = "# Readiness\n\nAll of this is implemented, tested and in production.\n\n## Rate limiting\n\nSlowAPI limits each caller to 60 requests a minute.\n\n\
        ## JWT authentication\n\n`jwt.decode(token, key, algorithms=[\"HS256\"])` stands in front of each route.\n\n## Circuit breaker\n\nCalls are wrapped by pybreaker.\n\n\
        ## Prometheus metrics\n\n`GET /metrics` shows them.\n\n## Connection pool\n\n`create_engine(url, pool_size=20)`\n\n## Unit tests\n\nCoverage is 95 %.\n";
    let ids =
        ["rate-limit", "auth-jwt", "auth-required", "circuit-breaker", "metrics-prometheus", "retry-backoff", "tests-unit", "logs-json"];
    for said in said(&[PLAIN, ("README.md", prose), ("docs/READINESS.md", prose)], &ids) {
        assert_eq!(said.status, Status::Missing, "{}: {}", said.practice, said.why);
        assert!(said.evidence.is_empty(), "{}", said.practice);
    }
    // Whatever is said with the document is said without it, apart from practices of documents.
    let every: Vec<&Page> = plimsoll_practices::all().iter().map(|(_, page)| page).collect();
    let assess = |files: Files<'_>| {
        let tree = Tree::of(files.iter().copied());
        Detectors::new(every.iter().copied()).assess(&wiring::facts(&tree), &tree)
    };
    let (with, without) = (assess(&[PLAIN, ("docs/READINESS.md", prose)]), assess(&[PLAIN]));
    for (with, without) in with.iter().zip(&without).filter(|(with, _)| with.status == Status::Implemented) {
        let page = every.iter().find(|page| page.id == with.practice).unwrap();
        let of_documents = ["documentation", "governance"].contains(&page.category.folder());
        assert!(of_documents || with.status == without.status, "{}: {}", with.practice, with.why);
    }
}

#[test]
fn trap_2_an_import_is_not_a_use() {
    let retry = (
        "app/retry.py",
        "from tenacity import retry, stop_after_attempt, wait_exponential\n\n\n@retry(stop=stop_after_attempt(3), wait=wait_exponential())\ndef call(url):\n    return fetch(url)\n",
    );
    let main = "from fastapi import FastAPI\nimport httpx\nfrom app.retry import call\n\napp = FastAPI()\n\n\n@app.get(\"/songs\")\ndef songs():\n    return httpx.get(\"https://songs.example\").json()\n";
    assert_eq!(verdict(&served(main, &[retry]), "retry-backoff"), partial(Partial::Unwired));
    let used = main.replace("return httpx.get(\"https://songs.example\").json()", "return call(\"https://songs.example\")");
    assert_eq!(verdict(&served(&used, &[retry]), "retry-backoff"), DONE);
    // The library alone, imported, is no limiter either.
    let limiter = format!("from slowapi import Limiter\n{}", PLAIN.1);
    assert_eq!(verdict(&[("app/main.py", &limiter)], "rate-limit"), MISSING);
}

#[test]
fn trap_3_a_router_that_nobody_mounts_serves_nothing() {
    let router = (
        "app/health.py",
        "from fastapi import APIRouter\n\nrouter = APIRouter()\n\n\n@router.get(\"/health\")\ndef health():\n    return {\"status\": \"ok\"}\n",
    );
    let main =
        "from fastapi import FastAPI\nfrom app import health\n\napp = FastAPI()\n\n\n@app.get(\"/songs\")\ndef songs():\n    return []\n";
    let files = served(main, &[router]);
    let (status, why) = verdict(&files, "health-endpoint");
    assert!(status != Status::Implemented, "{why:?}");
    let mounted = main.replace("\n\n\n@app", "\napp.include_router(health.router)\n\n\n@app");
    assert_eq!(verdict(&served(&mounted, &[router]), "health-endpoint"), DONE);
}

#[test]
fn trap_4_a_middleware_that_is_built_and_not_installed_does_nothing() {
    let cache = (
        "app/caching.py",
        "from starlette.middleware.base import BaseHTTPMiddleware\n\n\nclass RateLimitMiddleware(BaseHTTPMiddleware):\n    async def dispatch(self, request, call_next):\n        \
         return await call_next(request)\n\n\nlimits = RateLimitMiddleware(app=None)\n",
    );
    let main = "from fastapi import FastAPI\nfrom app.caching import limits\n\napp = FastAPI()\nprint(limits)\n\n\n@app.get(\"/songs\")\ndef songs():\n    return []\n";
    let files = served(main, &[cache]);
    assert_eq!(facts(&files).of(Kind::Middleware).count(), 0);
    let (status, _) = verdict(&files, "rate-limit");
    assert_ne!(status, Status::Implemented);
}

#[test]
fn trap_5_a_dependency_that_nothing_uses_is_missing() {
    let needs = (
        "requirements.txt",
        "fastapi==0.115.0\nslowapi==0.1.9\nredis==5.0.1\npybreaker==1.2.0\nprometheus-client==0.20.0\ntenacity==9.0.0\n",
    );
    let files = served(PLAIN.1, &[needs]);
    for said in said(&files, &["rate-limit", "cache-ttl-invalidation", "circuit-breaker", "metrics-prometheus", "retry-backoff"]) {
        assert_eq!(said.status, Status::Missing, "{}: {}", said.practice, said.why);
    }
}

#[test]
fn trap_6_a_flag_that_is_off_by_default_leaves_it_off() {
    let config = |on: &str| {
        format!(
            "from pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n    RATE_LIMIT_ENABLED: bool = {on}\n\n\nsettings = Settings()\n"
        )
    };
    let main = "from fastapi import FastAPI\nfrom slowapi import Limiter\nfrom slowapi.middleware import SlowAPIMiddleware\nfrom slowapi.util import get_remote_address\n\
        from app.config import settings\n\napp = FastAPI()\nif settings.RATE_LIMIT_ENABLED:\n    app.state.limiter = Limiter(key_func=get_remote_address, default_limits=[\"60/minute\"])\n    \
        app.add_middleware(SlowAPIMiddleware)\n";
    let (off, on) = (config("False"), config("True"));
    let said = one(&served(main, &[("app/config.py", &off)]), "rate-limit");
    assert_eq!((said.status, said.partial), partial(Partial::OffByDefault), "{}", said.why);
    assert!(said.why.contains("RATE_LIMIT_ENABLED"), "{}", said.why);
    assert_eq!(verdict(&served(main, &[("app/config.py", &on)]), "rate-limit"), DONE);
}

#[test]
fn trap_7_what_is_commented_out_is_not_there() {
    let main = "from fastapi import FastAPI\n# from slowapi import Limiter\n# from slowapi.middleware import SlowAPIMiddleware\n\napp = FastAPI()\n# app.add_middleware(SlowAPIMiddleware)\n\
        \"\"\"\napp.add_middleware(SlowAPIMiddleware)\n\"\"\"\n\n\n@app.get(\"/songs\")\ndef songs():\n    return []\n";
    assert_eq!(verdict(&served(main, &[]), "rate-limit"), MISSING);
}

#[test]
fn trap_8_some_routes_without_a_guard_are_counted() {
    let main = "from fastapi import Depends, FastAPI, HTTPException\nfrom fastapi.security import OAuth2PasswordBearer\n\napp = FastAPI()\noauth = OAuth2PasswordBearer(tokenUrl=\"token\")\n\n\n\
        def current_user(token: str = Depends(oauth)):\n    if token != read(token):\n        raise HTTPException(status_code=401)\n    return token\n\n\n\
        @app.get(\"/visits\")\ndef visits():\n    return []\n\n\n@app.post(\"/visits\")\ndef visit(user=Depends(current_user)):\n    return {}\n\n\n\
        @app.delete(\"/visits/{number}\")\ndef gone(number: int):\n    return {}\n\n\n@app.get(\"/health\")\ndef health():\n    return {}\n";
    let said = one(&served(main, &[]), "auth-required");
    assert_eq!((said.status, said.partial, said.share), (Status::Partial, Some(Partial::Coverage), Some((1, 3))), "{}", said.why);
    assert_eq!(gaps(&said).len(), 2, "{:?}", said.gaps);
}

#[test]
fn trap_9_a_health_route_that_answers_a_constant_asks_nothing() {
    let constant = "from fastapi import FastAPI\nfrom sqlalchemy import create_engine\n\napp = FastAPI()\nengine = create_engine(\"postgresql://db/songs\")\n\n\n\
        @app.get(\"/health\")\ndef health():\n    return {\"status\": \"healthy\", \"database\": \"connected\"}\n";
    let files = served(constant, &[("requirements.txt", "sqlalchemy==2.0.30\n")]);
    assert_eq!(verdict(&files, "health-dependencies"), MISSING);
    let asking = constant.replace("import create_engine", "import create_engine, text").replace(
        "    return {\"status\"",
        "    with engine.connect() as connection:\n        connection.execute(text(\"select 1\"))\n    return {\"status\"",
    );
    assert_eq!(verdict(&served(&asking, &[("requirements.txt", "sqlalchemy==2.0.30\n")]), "health-dependencies"), DONE);
}

#[test]
fn trap_10_figures_that_no_route_shows_are_not_exposed() {
    let main = "from fastapi import FastAPI\nfrom prometheus_client import Counter, generate_latest\n\napp = FastAPI()\nSEEN = Counter(\"songs_seen\", \"Songs that were looked at\")\n\n\n\
        @app.get(\"/songs\")\ndef songs():\n    SEEN.inc()\n    return []\n";
    assert_eq!(verdict(&served(main, &[]), "metrics-prometheus"), partial(Partial::Unwired));
    let shown = format!("{main}\n\n@app.get(\"/metrics\")\ndef metrics():\n    return generate_latest()\n");
    assert_eq!(verdict(&served(&shown, &[]), "metrics-prometheus"), DONE);
}

#[test]
fn trap_11_a_limiter_without_its_middleware_limits_nothing() {
    let main = "from fastapi import FastAPI\nfrom slowapi import Limiter\nfrom slowapi.util import get_remote_address\n\napp = FastAPI()\n\
        limiter = Limiter(key_func=get_remote_address, default_limits=[\"60/minute\"])\napp.state.limiter = limiter\n";
    let said = one(&served(main, &[]), "rate-limit");
    assert_eq!((said.status, said.partial), partial(Partial::Unwired), "{}", said.why);
    let installed = format!("{main}from slowapi.middleware import SlowAPIMiddleware\napp.add_middleware(SlowAPIMiddleware)\n");
    assert_eq!(verdict(&served(&installed, &[]), "rate-limit"), DONE);
}

#[test]
fn trap_12_a_list_of_open_prefixes_with_the_root_opens_everything() {
    let layer = |list: &str| {
        format!(
            "from starlette.middleware.base import BaseHTTPMiddleware\n\n\nclass TenantMiddleware(BaseHTTPMiddleware):\n    async def dispatch(self, request, call_next):\n        \
             open_paths = {list}\n        if any(request.url.path.startswith(path) for path in open_paths):\n            return await call_next(request)\n        \
             request.state.tenant = tenant_of(request)\n        return await call_next(request)\n"
        )
    };
    let main = "from fastapi import FastAPI\nfrom app.tenancy import TenantMiddleware\n\napp = FastAPI()\napp.add_middleware(TenantMiddleware)\n\n\n@app.get(\"/songs\")\ndef songs():\n    return []\n";
    let open = layer("[\"/docs\", \"/health\", \"/\"]");
    let files = served(main, &[("app/tenancy.py", &open)]);
    assert_eq!(broken(&files), [("prefix".to_owned(), "/".to_owned())]);
    for id in ["tenant-context", "multi-tenancy"] {
        let said = one(&files, id);
        assert_eq!((said.status, said.partial), partial(Partial::Broken), "{id}: {}", said.why);
        assert!(gaps(&said).contains(&"app/tenancy.py:7".to_owned()), "{:?}", said.gaps);
    }
    let closed = layer("(\"/docs\", \"/health\")");
    assert_eq!(verdict(&served(main, &[("app/tenancy.py", &closed)]), "tenant-context"), DONE);
}

#[test]
fn trap_13_a_body_that_only_passes_does_nothing() {
    let manager = "class MigrationManager:\n    def migrate_schema(self, name):\n        pass\n\n\nmanager = MigrationManager()\nmanager.migrate_schema(\"public\")\n";
    let revision = ("migrations/001_songs.sql", "CREATE TABLE songs (id integer PRIMARY KEY);\n");
    let main = format!("from fastapi import FastAPI\n\napp = FastAPI()\n\n\n{manager}");
    let said = one(&served(&main, &[revision]), "db-migrations");
    assert_eq!((said.status, said.partial), partial(Partial::Broken), "{}", said.why);
    // A method that only says that it is not written yet is no better.
    let llm = "from fastapi import FastAPI\nfrom qdrant_client import QdrantClient\n\napp = FastAPI()\nclient = QdrantClient(url=\"http://vectors\")\n\n\n\
        class LanguageModel:\n    def generate(self, prompt):\n        raise NotImplementedError\n\n\n@app.get(\"/ask\")\ndef ask(question: str):\n    \
        found = client.query_points(\"passages\", query=question)\n    return LanguageModel().generate(found)\n";
    let files = served(llm, &[("requirements.txt", "qdrant-client==1.9.0\n")]);
    assert_eq!(verdict(&files, "rag").0, Status::Missing);
}

#[test]
fn trap_14_what_is_referred_to_has_to_be_there() {
    let files = [
        ("app/__init__.py", ""),
        ("app/main.py", "from fastapi import FastAPI\nfrom app.models import AuditLog\n\napp = FastAPI()\n"),
        ("app/models.py", "class Song:\n    pass\n"),
        ("web/src/main.ts", "import { report } from './sentry';\n\nreport();\n"),
        (
            "docker-compose.yml",
            "services:\n  prometheus:\n    image: prom/prometheus:v2.52.0\n    volumes:\n      - ./monitoring/alerts.yml:/etc/prometheus/alerts.yml\n",
        ),
        ("main.tf", "resource \"aws_lb_listener\" \"https\" {\n  load_balancer_arn = aws_lb.main.arn\n}\n"),
        ("deploy.sh", "#!/bin/sh\nset -e\ndocker compose -f docker-compose.production.yml up -d\n"),
        (
            ".github/workflows/smoke.yml",
            "on: push\njobs:\n  smoke:\n    runs-on: ubuntu-24.04\n    steps:\n      - uses: actions/checkout@v4\n      - run: pytest -m smoke\n",
        ),
        ("tests/test_songs.py", "def test_songs():\n    assert songs() == []\n"),
    ];
    let found = broken(&files);
    for (what, name) in [
        ("import", "app.models.AuditLog"),
        ("import", "sentry"),
        ("file", "monitoring/alerts.yml"),
        ("resource", "aws_lb.main"),
        ("file", "docker-compose.production.yml"),
        ("marker", "smoke"),
    ] {
        assert!(found.iter().any(|(kind, one)| kind == what && one.contains(name)), "{what} {name}: {found:?}");
    }
    let said = one(&files, "boot-verified");
    assert_ne!(said.status, Status::Implemented, "{}", said.why);
}

#[test]
fn trap_15_a_guard_against_one_default_lets_another_pass() {
    let config =
        "from pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n    SECRET_KEY: str\n\n\nsettings = Settings()\n";
    let main = "from fastapi import FastAPI\nfrom app.config import settings\n\nif settings.SECRET_KEY == \"your-secret-key-change-this-in-production\":\n    raise SystemExit(\"set SECRET_KEY\")\n\napp = FastAPI()\n";
    let compose = "services:\n  api:\n    build: .\n    environment:\n      - SECRET_KEY=your-secret-key-change-in-production\n";
    let files = served(main, &[("app/config.py", config), ("docker-compose.yml", compose)]);
    let said = one(&files, "no-default-secrets");
    assert_eq!(said.status, Status::Partial, "{}", said.why);
    assert!(gaps(&said).contains(&"docker-compose.yml:5".to_owned()), "{:?}", said.gaps);
    let honest = compose.replace("=your-secret-key-change-in-production", "=${SECRET_KEY:?set it}");
    assert_eq!(verdict(&served(main, &[("app/config.py", config), ("docker-compose.yml", &honest)]), "no-default-secrets"), DONE);
}

#[test]
fn trap_16_a_secret_as_fallback_is_a_secret_in_the_text() {
    let places: [(&str, &str); 4] = [
        ("app/keys.py", "import os\n\nTOKEN_SECRET = os.getenv(\"TOKEN_SECRET\", \"q8Zr41kLmX0vTyB7\")\n"),
        (
            "app/config.py",
            "from pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n    JWT_SECRET: str = \"q8Zr41kLmX0vTyB7\"\n",
        ),
        (
            "docker-compose.yml",
            "services:\n  db:\n    image: postgres:16\n    environment:\n      POSTGRES_PASSWORD: ${POSTGRES_PASSWORD:-q8Zr41kLmX0vTyB7}\n",
        ),
        ("Makefile", "DB_PASSWORD ?= q8Zr41kLmX0vTyB7\n\nrun:\n\tDB_PASSWORD=$(DB_PASSWORD) uvicorn app.main:app\n"),
    ];
    for place in places {
        let files = [PLAIN, place];
        let facts = facts(&files);
        let found: Vec<&str> = facts.of(Kind::Secret).map(|fact| facts.path(fact.file)).collect();
        assert!(found.contains(&place.0), "{}: {found:?}", place.0);
        assert_eq!(verdict(&files, "no-hardcoded-credentials").0, Status::Missing, "{}", place.0);
    }
    assert_eq!(
        verdict(&[PLAIN, ("app/keys.py", "import os\n\nTOKEN_SECRET = os.environ[\"TOKEN_SECRET\"]\n")], "no-hardcoded-credentials"),
        DONE
    );
}

#[test]
fn trap_17_one_stage_with_a_name_is_still_one_stage() {
    let named = "# multi-stage build\nFROM python:3.12-slim AS production\nCOPY . .\nRUN pip install -r requirements.txt\nCMD [\"uvicorn\", \"app.main:app\"]\n";
    assert_eq!(verdict(&[PLAIN, ("Dockerfile", named)], "dockerfile-multistage"), MISSING);
    let staged = "FROM python:3.12 AS build\nRUN pip install --prefix /out fastapi\n\nFROM python:3.12-slim\nCOPY --from=build /out /usr/local\nCMD [\"uvicorn\", \"app.main:app\"]\n";
    assert_eq!(verdict(&[PLAIN, ("Dockerfile", staged)], "dockerfile-multistage"), DONE);
}

#[test]
fn trap_18_a_test_that_cannot_fail_tests_nothing() {
    let tests = "from fastapi.testclient import TestClient\nfrom app.main import app\n\nclient = TestClient(app)\n\n\n\
        def test_the_whole_way():\n    answer = client.get(\"/songs\")\n    assert answer.status_code in (200, 500)\n\n\n\
        def test_nothing():\n    assert True\n\n\ndef test_without_an_assertion():\n    client.get(\"/songs\")\n";
    let files = [PLAIN, ("app/__init__.py", ""), ("tests/test_end_to_end.py", tests)];
    let facts = facts(&files);
    let firm: Vec<&str> = facts.of(Kind::Test).filter(|test| test.get("trivial") != Some("yes")).map(|test| test.name.as_str()).collect();
    assert_eq!(firm.iter().filter(|name| !name.ends_with("without_an_assertion")).count(), 0, "{firm:?}");
    for said in said(&files, &["tests-e2e", "tests-unit", "tests-integration"]) {
        assert_ne!(said.status, Status::Implemented, "{}: {}", said.practice, said.why);
    }
}

#[test]
fn trap_19_migrations_that_alter_what_nobody_created_are_no_history() {
    let revision = |body: &str| {
        format!(
            "from alembic import op\nimport sqlalchemy as sa\n\nrevision = \"001\"\ndown_revision = None\n\n\ndef upgrade():\n    {body}\n\n\ndef downgrade():\n    op.drop_column(\"songs\", \"year\")\n"
        )
    };
    let altering = revision("op.add_column(\"songs\", sa.Column(\"year\", sa.Integer))");
    let models = "from sqlalchemy import Column, Integer, create_engine\nfrom sqlalchemy.orm import declarative_base\n\nBase = declarative_base()\nengine = create_engine(\"postgresql://db/songs\")\n\n\n\
        class Song(Base):\n    __tablename__ = \"songs\"\n    id = Column(Integer, primary_key=True)\n    year = Column(Integer)\n";
    let main =
        "from fastapi import FastAPI\nfrom app.models import Base, engine\n\napp = FastAPI()\nBase.metadata.create_all(bind=engine)\n";
    let files = served(main, &[("app/models.py", models), ("migrations/versions/001_year.py", &altering)]);
    assert_eq!(broken(&files), [("table".to_owned(), "songs".to_owned())]);
    let said = one(&files, "db-migrations");
    assert_eq!(said.status, Status::Partial, "{}", said.why);
    assert!(gaps(&said).contains(&"app/main.py:5".to_owned()), "{:?}", gaps(&said));
    // Where not even the program makes the tables, the history cannot run at all.
    let bare = main.replace("Base.metadata.create_all(bind=engine)\n", "print(Base, engine)\n");
    let files = served(&bare, &[("app/models.py", models), ("migrations/versions/001_year.py", &altering)]);
    let said = one(&files, "db-migrations");
    assert_eq!((said.status, said.partial), (Status::Partial, Some(Partial::Broken)), "{}", said.why);
    assert!(gaps(&said).contains(&"migrations/versions/001_year.py:9".to_owned()), "{:?}", gaps(&said));
    let whole = revision(
        "op.create_table(\"songs\", sa.Column(\"id\", sa.Integer, primary_key=True))\n    op.add_column(\"songs\", sa.Column(\"year\", sa.Integer))",
    );
    let plain = main.replace("Base.metadata.create_all(bind=engine)\n", "print(Base, engine)\n");
    let image = "FROM python:3.12\nCMD [\"sh\", \"-c\", \"alembic upgrade head && uvicorn app.main:app\"]\n";
    let files = served(&plain, &[("app/models.py", models), ("migrations/versions/001_songs.py", &whole), ("Dockerfile", image)]);
    assert_eq!(broken(&files), []);
    assert_eq!(verdict(&files, "db-migrations"), DONE);
}

#[test]
fn trap_20_a_committed_virtualenv_is_left_out_and_told() {
    let foreign = "from slowapi.middleware import SlowAPIMiddleware\n\napp.add_middleware(SlowAPIMiddleware)\n";
    let mut files = served(PLAIN.1, &[]);
    files.extend([
        (".venv_pdf/pyvenv.cfg", "home = /usr/bin\n"),
        (".venv_pdf/lib/python3.12/site-packages/limits/app.py", foreign),
        ("old/site-packages/limits/main.py", foreign),
    ]);
    let facts = facts(&files);
    assert!(facts.all().iter().all(|fact| !facts.path(fact.file).contains("site-packages")));
    assert!(facts.skipped.iter().any(|line| line.contains(".venv_pdf")), "{:?}", facts.skipped);
    assert_eq!(verdict(&files, "rate-limit"), MISSING);
}

#[test]
fn trap_21_two_implementations_are_two_services() {
    let limited = "from flask import Flask\nfrom flask_limiter import Limiter\nfrom flask_limiter.util import get_remote_address\n\napp = Flask(__name__)\n\
        limiter = Limiter(get_remote_address, app=app, default_limits=[\"60/minute\"])\n\n\n@app.route(\"/songs\")\ndef songs():\n    return []\n";
    let files = [
        ("songs_fast/main.py", "from fastapi import FastAPI\n\napp = FastAPI()\n\n\n@app.get(\"/songs\")\ndef songs():\n    return []\n"),
        ("songs_fast/Dockerfile", "FROM python:3.12\nCOPY . .\nCMD [\"uvicorn\", \"main:app\"]\n"),
        ("songs_flask/app.py", limited),
        ("songs_flask/Dockerfile", "FROM python:3.12\nCOPY . .\nCMD [\"gunicorn\", \"app:app\"]\n"),
    ];
    assert_eq!(facts(&files).services.len(), 2);
    let said = one(&files, "rate-limit");
    assert_eq!((said.status, said.partial), partial(Partial::OneService), "{}", said.why);
    assert_eq!(said.services.iter().filter(|(_, status)| *status == Status::Implemented).count(), 1, "{:?}", said.services);
}

#[test]
fn trap_22_a_flag_called_encrypted_encrypts_nothing() {
    let models = "from sqlalchemy import Boolean, Column, Integer, String, create_engine\nfrom sqlalchemy.orm import declarative_base, sessionmaker\n\nBase = declarative_base()\n\
        SessionLocal = sessionmaker(bind=create_engine(\"postgresql://db/songs\"))\n\n\nclass Setting(Base):\n    __tablename__ = \"settings\"\n    id = Column(Integer, primary_key=True)\n    \
        value = Column(String)\n    is_encrypted = Column(Boolean, default=True)\n";
    let main = "from fastapi import FastAPI\nfrom app.models import SessionLocal, Setting\n\napp = FastAPI()\nENCRYPT_AT_REST = True\n\n\n@app.post(\"/settings\")\ndef keep(value: str):\n    \
        with SessionLocal() as session:\n        session.add(Setting(value=value, is_encrypted=True))\n        session.commit()\n    return {}\n";
    let files = served(main, &[("app/models.py", models)]);
    assert_eq!(verdict(&files, "encryption-at-rest"), MISSING);
    let cipher = main
        .replace("from fastapi", "import os\nfrom cryptography.fernet import Fernet\nfrom fastapi")
        .replace("ENCRYPT_AT_REST = True", "box = Fernet(os.environ[\"BOX_KEY\"])")
        .replace("Setting(value=value", "Setting(value=box.encrypt(value.encode())");
    assert_eq!(verdict(&served(&cipher, &[("app/models.py", models)]), "encryption-at-rest").0, Status::Implemented);
}

#[test]
fn trap_23_the_class_for_the_job_and_the_function_that_is_installed() {
    let layer = "from starlette.middleware.base import BaseHTTPMiddleware\n\n\nclass RateLimitMiddleware(BaseHTTPMiddleware):\n    async def dispatch(self, request, call_next):\n        \
        return await call_next(request)\n\n\nasync def note(request, call_next):\n    return await call_next(request)\n";
    let main = "from fastapi import FastAPI\nfrom app.layers import RateLimitMiddleware, note\n\napp = FastAPI()\napp.middleware(\"http\")(note)\n\n\n@app.get(\"/songs\")\ndef songs():\n    return []\n";
    let files = served(main, &[("app/layers.py", layer)]);
    let found = facts(&files);
    let installed: Vec<&str> = found.of(Kind::Middleware).map(|fact| fact.name.as_str()).collect();
    assert_eq!(installed, ["app.layers.note"]);
    assert_eq!(reach(&found, Kind::Def, "app.layers.RateLimitMiddleware"), [Reach::Unreached]);
    let said = one(&files, "rate-limit");
    assert_eq!((said.status, said.partial), partial(Partial::Unwired), "{}", said.why);
}

#[test]
fn trap_24_a_password_in_a_log_line_is_told() {
    let main = |line: &str| {
        format!(
            "import logging\nfrom fastapi import FastAPI\n\napp = FastAPI()\nlogger = logging.getLogger(__name__)\n\n\nclass RedactingFilter(logging.Filter):\n    def filter(self, record):\n        \
             record.msg = str(record.msg).replace(\"token\", \"***\")\n        return True\n\n\nlogger.addFilter(RedactingFilter())\n\n\n@app.post(\"/login\")\ndef login(name: str, password: str):\n    {line}\n    return {{}}\n"
        )
    };
    for line in ["print(f\"login of {name} with {password} failed\")", "logger.error(\"login of %s failed: %s\", name, password)"] {
        let text = main(line);
        let said = one(&served(&text, &[]), "log-redaction");
        assert_eq!(said.status, Status::Partial, "{line}: {}", said.why);
        assert!(gaps(&said).contains(&"app/main.py:19".to_owned()), "{line}: {:?}", said.gaps);
    }
    for line in ["logger.error(\"the password of %s is wrong\", name)", "logger.info(\"%d characters\", len(password))"] {
        let text = main(line);
        assert_eq!(verdict(&served(&text, &[]), "log-redaction"), DONE, "{line}");
    }
}

#[test]
fn trap_25_a_document_about_code_that_is_gone_is_stale() {
    let stale = "# Architecture\n\nThe limiter stands in `app/limits.py` and is installed in `app/main.py:120`; see [the models](../app/models.py).\n";
    let files = served(PLAIN.1, &[("docs/ARCHITECTURE.md", stale)]);
    let found = broken(&files);
    for name in ["app/limits.py", "app/main.py:120", "app/models.py"] {
        assert!(found.contains(&("citation".to_owned(), name.to_owned())), "{name}: {found:?}");
    }
    let said = one(&files, "docs-current");
    assert_eq!(said.status, Status::Missing, "{}", said.why);
    assert!(gaps(&said).contains(&"docs/ARCHITECTURE.md:3".to_owned()), "{said:?}");
    let present = "# Architecture\n\nThe route stands in `app/main.py:7`.\n";
    assert_eq!(broken(&served(PLAIN.1, &[("docs/ARCHITECTURE.md", present)])), []);
    // Nothing cites what is gone, and nothing checks it either: missing, for another reason than a stale document.
    let fits = one(&served(PLAIN.1, &[("docs/ARCHITECTURE.md", present)]), "docs-current");
    assert_eq!(fits.status, Status::Missing, "{}", fits.why);
    assert!(!gaps(&fits).contains(&"docs/ARCHITECTURE.md:3".to_owned()) && fits.why != said.why, "{fits:?}");
}
