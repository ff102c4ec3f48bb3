//! FastAPI, Starlette, Flask, Django.

use crate::project::{Project, holds, line};

const MAIN: &str = r#"from fastapi import FastAPI, UploadFile
from fastapi.middleware.cors import CORSMiddleware
from fastapi.staticfiles import StaticFiles
from .routers import items as items_routes
from .config import settings

# app = FastAPI() in a comment is nothing
app = FastAPI(docs_url="/manual")
origins = ["https://shop.example.org", "http://localhost:3000"]
app.add_middleware(CORSMiddleware, allow_origins=origins, allow_credentials=True)
app.include_router(items_routes.router, prefix=settings.PREFIX)
app.mount("/static", StaticFiles(directory="static"), name="static")

@app.get("/health")
def health():
    """@app.get("/in-a-text")"""
    return {}

@app.get("/metrics")
def metrics(): ...

@app.post("/login")
def login(): ...
"#;

const ITEMS: &str = r#"from fastapi import APIRouter, UploadFile
router = APIRouter(prefix="/items")

@router.get("/{item_id}")
def one(item_id: int): ...

@router.post("/")
async def add(file: UploadFile): ...

@router.get("/status")
def status(): ...
"#;

fn fastapi() -> Project {
    Project::of(&[
        ("app/__init__.py", ""),
        ("app/main.py", MAIN),
        ("app/routers/__init__.py", ""),
        ("app/routers/items.py", ITEMS),
        ("app/config.py", "class Settings:\n    PREFIX: str = \"/api/v1\"\nsettings = Settings()\n"),
        ("tests/test_main.py", "app = FastAPI()\n"),
        ("pyproject.toml", "[project]\nname = \"The Shop\"\ndependencies = [\n  \"fastapi\",\n  \"uvicorn[standard]>=0.30\",\n]\n"),
    ])
}

#[test]
fn a_fastapi_service_starts_with_uvicorn_on_the_port_it_is_given() {
    let seen = fastapi().seen();
    assert_eq!(seen["framework"], "FastAPI");
    assert_eq!(seen["command"], "plimsoll run -- uvicorn app.main:app --host 127.0.0.1 --port '$PORT'");
    let places: Vec<_> = seen["start"]["evidence"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["file"].as_str().unwrap(), one["line"].as_u64().unwrap()))
        .collect();
    assert_eq!(places, [("app/main.py", 8), ("pyproject.toml", 5)]);
}

#[test]
fn what_is_proposed_for_fastapi_names_its_places_and_is_accepted() {
    let text = fastapi().accepted();
    holds(&text, "name = \"the-shop\"", "pyproject.toml:2");
    holds(&text, "yields = [\"/health\"]", "app/main.py:14");
    holds(&text, "ready_path = \"/health\"", "app/main.py:14");
    holds(&text, "# body_limit = \"64MiB\"", "app/routers/items.py:8");
    holds(&text, "\"GET /static/{*rest}\" = \"public: files that are the same for everybody\"", "app/main.py:12");
    holds(&text, "\"GET /manual\" = \"public: the description of the interface, published on purpose\"", "app/main.py:8");
    holds(&text, "# \"GET /openapi.json\" = \"public: the description of the interface\"", "app/main.py:8");
    holds(&text, "\"GET /health\" = \"public: a health check, asked without a credential\"", "app/main.py:14");
    holds(&text, "# \"POST /login\" = \"public: people show their password here\"", "app/main.py:22");
    holds(&text, "origins = [\"http://localhost:3000\", \"https://shop.example.org\"]", "app/main.py:10");
    assert_eq!(line(&text, "credentials"), "credentials = true");
    assert_eq!(line(&text, "default"), "default = \"authenticated\"");
    for closed in ["/api/v1", "/metrics\"", "in-a-text"] {
        assert!(!text.contains(closed), "{closed} in\n{text}");
    }
}

#[test]
fn a_router_in_another_file_is_known_by_its_whole_path() {
    let seen = fastapi().seen();
    let routes: Vec<_> = seen["routes"].as_array().unwrap().iter().filter(|route| route["file"] == "app/routers/items.py").collect();
    assert!(routes.iter().all(|route| route["certain"] == true), "{routes:?}");
    let paths: Vec<_> = routes.iter().map(|route| route["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["/api/v1/items/{item_id}", "/api/v1/items/", "/api/v1/items/status"]);
}

#[test]
fn a_prefix_that_is_computed_makes_a_route_uncertain_and_no_rule() {
    let project = Project::of(&[(
        "main.py",
        "from fastapi import FastAPI, APIRouter\nimport os\nr = APIRouter()\n@r.get(\"/health\")\ndef h(): ...\napp = FastAPI()\napp.include_router(r, prefix=os.environ[\"P\"])\n",
    )]);
    let seen = project.seen();
    assert_eq!(seen["routes"][0]["certain"], false, "{seen}");
    let text = project.accepted();
    assert!(!text.contains("/health") && !text.contains("ready_path"), "{text}");
}

#[test]
fn every_origin_is_no_list_and_is_not_taken_over() {
    for origins in ["[\"*\"]", "settings.origins", "[\"https://a.example.org\", other]", "[\"https://a.example.org/\"]"] {
        let main = format!("from fastapi import FastAPI\napp = FastAPI()\napp.add_middleware(CORSMiddleware, allow_origins={origins})\n");
        let project = Project::of(&[("main.py", &main)]);
        let text = project.accepted();
        assert!(!text.contains("[cors]"), "{origins}: {text}");
    }
}

#[test]
fn a_stated_command_is_taken_over_and_made_to_listen_here() {
    let project = fastapi();
    project.write("Dockerfile", "FROM python\nCMD [\"sh\", \"-c\", \"alembic upgrade head && uvicorn app.main:app --host 0.0.0.0 --port ${PORT:-80} --workers 4 --reload\"]\n");
    let seen = project.seen();
    assert_eq!(seen["command"], "plimsoll run -- uvicorn app.main:app --host 127.0.0.1 --port '$PORT' --workers 4");
    assert_eq!(seen["start"]["before"][0], "alembic upgrade head");
    let notes = seen["notes"].to_string();
    assert!(notes.contains("--reload") && notes.contains("127.0.0.1"), "{notes}");
}

#[test]
fn a_starlette_service_with_a_list_of_routes() {
    let project = Project::of(&[
        (
            "server.py",
            "from starlette.applications import Starlette\nfrom starlette.routing import Route, Mount\nfrom starlette.staticfiles import StaticFiles\nroutes = [\n    Route(\"/ready\", ready),\n    Mount(\"/assets\", app=StaticFiles(directory=\"assets\")),\n]\napplication = Starlette(routes=routes)\n",
        ),
        ("uv.lock", ""),
        ("requirements.txt", "starlette\nhypercorn\n"),
    ]);
    assert_eq!(project.seen()["command"], "plimsoll run -- uv run hypercorn server:application --bind '127.0.0.1:$PORT'");
    let text = project.accepted();
    holds(&text, "\"GET /assets/{*rest}\" = \"public: files that are the same for everybody\"", "server.py:6");
    holds(&text, "\"GET /ready\" = \"public: a health check, asked without a credential\"", "server.py:5");
}

#[test]
fn a_flask_factory_is_named_with_its_brackets() {
    let project = Project::of(&[
        (
            "shop/__init__.py",
            "from flask import Flask\nfrom flask_cors import CORS\nfrom . import pages\n\ndef create_app():\n    app = Flask(__name__)\n    app.config[\"MAX_CONTENT_LENGTH\"] = 90 * 1024 * 1024\n    CORS(app, resources={r\"/api/*\": {\"origins\": [\"https://a.example.org\"]}})\n    app.register_blueprint(pages.bp, url_prefix=\"/pages\")\n    return app\n",
        ),
        (
            "shop/pages.py",
            "from flask import Blueprint\nbp = Blueprint(\"pages\", __name__)\n\n@bp.route(\"/<int:page>\", methods=[\"POST\"])\ndef page(page): ...\n",
        ),
        ("shop/static/site.css", ""),
        ("requirements.txt", "flask\ngunicorn==22\n"),
    ]);
    let seen = project.seen();
    assert_eq!(seen["command"], "plimsoll run -- gunicorn 'shop:create_app()' --bind '127.0.0.1:$PORT'");
    assert_eq!((seen["routes"][0]["method"].as_str(), seen["routes"][0]["path"].as_str()), (Some("POST"), Some("/pages/{page}")), "{seen}");
    let text = project.accepted();
    holds(&text, "body_limit = \"91MiB\"", "shop/__init__.py:7");
    holds(&text, "origins = [\"https://a.example.org\"]", "shop/__init__.py:8");
    holds(&text, "\"GET /static/{*rest}\" = \"public: files that are the same for everybody\"", "shop/static");
}

#[test]
fn a_flask_service_with_a_procfile() {
    let project = Project::of(&[
        ("app.py", "from flask import Flask\napp = Flask(__name__)\n@app.route('/ping')\ndef ping(): return 'x'\n"),
        ("Procfile", "web: gunicorn app:app --timeout 120 -w 4\n"),
    ]);
    assert_eq!(project.seen()["command"], "plimsoll run -- gunicorn app:app --timeout 120 -w 4 --bind '127.0.0.1:$PORT'");
    let text = project.accepted();
    holds(&text, "answer_timeout = \"120s\"", "Procfile:1");
    holds(&text, "\"GET /ping\" = \"public: a health check, asked without a credential\"", "app.py:3");
}

#[test]
fn a_django_project() {
    let project = Project::of(&[
        ("manage.py", "import os\nos.environ.setdefault(\"DJANGO_SETTINGS_MODULE\", \"site1.settings\")\n"),
        (
            "site1/settings.py",
            "ALLOWED_HOSTS = [\"shop.example.org\", \".example.com\"]\nROOT_URLCONF = \"site1.urls\"\nSTATIC_URL = \"static/\"\nCORS_ALLOWED_ORIGINS = [\n    \"https://front.example.org\",\n]\nCORS_ALLOW_CREDENTIALS = True\n",
        ),
        ("site1/wsgi.py", ""),
        (
            "site1/urls.py",
            "from django.urls import path, include\nurlpatterns = [\n    path(\"admin/\", admin.site.urls),\n    path(\"api/\", include(\"orders.urls\")),\n]\n",
        ),
        ("orders/urls.py", "urlpatterns = [\n    path(\"healthz\", views.health),\n    path(\"orders/<int:pk>\", views.one),\n]\n"),
        ("orders/models.py", "photo = models.ImageField()\n"),
        ("requirements.txt", "Django>=5\ngunicorn\n"),
    ]);
    let seen = project.seen();
    assert_eq!(seen["command"], "plimsoll run -- gunicorn site1.wsgi:application --bind '127.0.0.1:$PORT'");
    let text = project.accepted();
    holds(&text, "hosts = [\"*.example.com\", \"127.0.0.1\", \"example.com\", \"localhost\", \"shop.example.org\"]", "site1/settings.py:1");
    holds(&text, "\"/admin/{*rest}\" = \"admin\"", "site1/urls.py:3");
    holds(&text, "\"GET /static/{*rest}\" = \"public: files that are the same for everybody\"", "site1/settings.py:3");
    holds(&text, "\"GET /api/healthz\" = \"public: a health check, asked without a credential\"", "orders/urls.py:2");
    holds(&text, "origins = [\"https://front.example.org\"]", "site1/settings.py:4");
    assert_eq!(line(&text, "credentials"), "credentials = true");
    assert!(seen["routes"].to_string().contains("/api/orders/{pk}"), "{seen}");
}
