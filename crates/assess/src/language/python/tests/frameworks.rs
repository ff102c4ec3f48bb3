use super::{framework, wired};
use crate::fact::{Fact, Kind};

const MAIN: &str = "from fastapi import FastAPI, Depends
from fastapi.middleware.cors import CORSMiddleware
from app import users, guards
from app.setup import install
from app.config import settings

app = FastAPI(dependencies=[Depends(guards.limit)])
app.add_middleware(CORSMiddleware, allow_origins=[\"*\"])
if settings.TENANTS:
    app.add_middleware(guards.Tenants)
install(app)
app.include_router(users.router, prefix=settings.PREFIX)

@app.get(\"/health\")
def health():
    return {\"status\": \"ok\"}

@app.on_event(\"startup\")
async def start():
    users.warm()
";
const USERS: &str = "from typing import Annotated, List
from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel
from app.guards import current_user, Admin

router = APIRouter(prefix=\"/users\")
unused = APIRouter(prefix=\"/unused\")

class User(BaseModel):
    name: str

@router.get(\"/\", response_model=List[User])
def many(limit: int = Query(100, le=1000), user=Depends(current_user)):
    return session.query(User).limit(limit).all()

@router.post(\"/\", status_code=201)
def create(user: User, admin: Admin):
    return save(user)

@router.get(\"/{id}\")
def one(id: int):
    return load(id)

@unused.get(\"/\")
def never():
    return None
";
const GUARDS: &str = "from typing import Annotated
from fastapi import Depends, HTTPException, status
from fastapi.security import OAuth2PasswordBearer

scheme = OAuth2PasswordBearer(tokenUrl=\"token\")

def limit():
    pass

def current_user(token: str = Depends(scheme)):
    if not token:
        raise HTTPException(status_code=status.HTTP_401_UNAUTHORIZED)
    return token

def admin(user=Depends(current_user)):
    raise HTTPException(403)

Admin = Annotated[str, Depends(admin)]

class Tenants:
    pass
";
const SETUP: &str = "from starlette.middleware.gzip import GZipMiddleware

def install(app):
    app.add_middleware(GZipMiddleware)

    @app.exception_handler(Exception)
    async def failed(request, error):
        return None
";
const CONFIG: &str = "from pydantic_settings import BaseSettings

class Settings(BaseSettings):
    PREFIX: str = \"/v1\"
    TENANTS: bool = False

settings = Settings()
";
const FILES: &[(&str, &str)] = &[
    ("api/app/config.py", CONFIG),
    ("api/app/guards.py", GUARDS),
    ("api/app/main.py", MAIN),
    ("api/app/setup.py", SETUP),
    ("api/app/users.py", USERS),
];

fn names(facts: &[Fact]) -> Vec<&str> {
    facts.iter().map(|fact| fact.name.as_str()).collect()
}

#[test]
fn routes_are_those_of_mounted_routers_with_their_prefixes() {
    let routes = framework(FILES, Kind::Route);
    assert_eq!(names(&routes), ["GET /health", "GET /v1/users/", "POST /v1/users/", "GET /v1/users/{id}"]);
    assert_eq!(routes[1].line, 12);
    assert_eq!((routes[0].get("constant"), routes[1].get("constant")), (Some("yes"), None));
}

#[test]
fn an_app_that_another_mounts_answers_only_there() {
    let text = "from fastapi import FastAPI\napp = FastAPI()\napi = FastAPI()\n@api.get('/songs')\ndef songs():\n    return read()\n@app.get('/health')\ndef health():\n    return 'ok'\napp.mount('/api/v1', app=api)\n";
    assert_eq!(names(&framework(&[("main.py", text)], Kind::Route)), ["GET /api/v1/songs", "GET /health"]);
}

#[test]
fn a_route_has_every_guard_through_dependencies_of_dependencies() {
    let routes = framework(FILES, Kind::Route);
    let guards = |number: usize| routes[number].all("guard").collect::<Vec<_>>();
    let always = ["fastapi.middleware.cors.CORSMiddleware", "starlette.middleware.gzip.GZipMiddleware", "api.app.guards.limit"];
    assert_eq!(guards(0), always);
    assert_eq!(guards(1), [&always[..], &["api.app.guards.current_user", "fastapi.security.OAuth2PasswordBearer"]].concat());
    let admin = ["api.app.guards.admin", "api.app.guards.current_user", "fastapi.security.OAuth2PasswordBearer"];
    assert_eq!(guards(2), [&always[..], &admin].concat());
    assert_eq!(guards(3), always);
    let auth: Vec<_> = routes.iter().map(|route| route.get("auth").unwrap()).collect();
    assert_eq!(auth, ["no", "yes", "yes", "no"]);
    assert_eq!(routes[2].all("rejects").collect::<Vec<_>>(), ["401", "403"]);
}

#[test]
fn a_route_says_what_it_takes_and_gives() {
    let routes = framework(FILES, Kind::Route);
    assert_eq!(routes[1].all("param").collect::<Vec<_>>(), ["limit in=query type=int default=100 le=1000"]);
    assert_eq!((routes[1].get("list"), routes[1].get("output"), routes[1].get("input")), (Some("yes"), Some("typed"), Some("none")));
    assert_eq!((routes[2].get("input"), routes[2].get("status_code")), (Some("typed"), Some("201")));
}

#[test]
fn middleware_is_found_in_functions_that_are_given_the_app_and_carries_its_flag() {
    let found = framework(FILES, Kind::Middleware);
    assert_eq!(
        names(&found),
        ["fastapi.middleware.cors.CORSMiddleware", "api.app.guards.Tenants", "starlette.middleware.gzip.GZipMiddleware"]
    );
    assert_eq!(found[0].get("allow_origins"), Some("[\"*\"]"));
    assert_eq!(found[1].guard.as_ref().map(|guard| guard.flag.as_str()), Some("TENANTS"));
    let handlers = framework(FILES, Kind::Handler);
    assert_eq!(names(&handlers), ["Exception"]);
    assert_eq!(names(&framework(FILES, Kind::Hook)), ["startup"]);
}

#[test]
fn handlers_of_routers_that_nobody_mounts_are_held_back() {
    let (wired, extracts) = wired(FILES);
    let name = |place: &crate::wiring::Place| extracts[place.file.0 as usize].symbols[place.symbol as usize].name.as_str();
    assert!(wired.held.iter().any(|place| name(place) == "never"));
    assert!(wired.leads.iter().all(|(_, to)| name(to) != "never"));
    assert!(wired.leads.iter().any(|(_, to)| name(to) == "many"));
}

#[test]
fn a_limiter_that_is_only_built_is_no_middleware() {
    let files = [(
        "app.py",
        "from fastapi import FastAPI\nfrom slowapi import Limiter\napp = FastAPI()\nlimiter = Limiter(key_func=str)\napp.state.limiter = limiter\n",
    )];
    assert!(framework(&files, Kind::Middleware).is_empty());
}

#[test]
fn flask_blueprints_hooks_and_decorators_stand_before_views() {
    let main = "from flask import Flask\nfrom flask_cors import CORS\n\ndef create_app():\n    app = Flask(__name__)\n    CORS(app, origins=\"*\")\n    from web.songs import songs\n    app.register_blueprint(songs, url_prefix=\"/v1/songs\")\n\n    @app.before_request\n    def check():\n        pass\n    return app\n";
    let songs = "from flask import Blueprint, abort, jsonify, request\nfrom functools import wraps\n\nsongs = Blueprint(\"songs\", __name__)\n\ndef needs_token(view):\n    @wraps(view)\n    def inner(*args):\n        if not request.headers.get(\"Authorization\"):\n            return jsonify({}), 401\n        return view(*args)\n    return inner\n\n@songs.route(\"/<int:id>\", methods=[\"PUT\"])\n@needs_token\ndef put(id):\n    size = request.args.get(\"size\", 10, type=int)\n    if size > 50:\n        abort(400)\n    return save(request.get_json())\n";
    let files = [("web/main.py", main), ("web/songs.py", songs)];
    let routes = framework(&files, Kind::Route);
    assert_eq!(names(&routes), ["PUT /v1/songs/{id}"]);
    assert_eq!(routes[0].all("guard").collect::<Vec<_>>(), ["flask_cors.CORS", "web.main.create_app.check", "web.songs.needs_token"]);
    assert_eq!((routes[0].get("auth"), routes[0].get("input")), (Some("yes"), Some("raw")));
    assert!(
        routes[0]
            .all("param")
            .any(|param| param == "size in=query default=10 type=int le=50" || param == "size in=query type=int default=10 le=50")
    );
}

#[test]
fn django_views_stand_behind_middleware_defaults_and_their_own_classes() {
    let settings = "ROOT_URLCONF = \"site.urls\"\nMIDDLEWARE = [\"django.middleware.security.SecurityMiddleware\"]\nREST_FRAMEWORK = {\"DEFAULT_PERMISSION_CLASSES\": [\"rest_framework.permissions.IsAuthenticated\"]}\n";
    let urls = "from django.urls import include, path\nfrom rest_framework.routers import DefaultRouter\nfrom shop import views\n\nrouter = DefaultRouter()\nrouter.register(\"items\", views.Items)\nurlpatterns = [path(\"api/\", include(router.urls)), path(\"page/<int:id>/\", views.page), path(\"open/\", views.Open.as_view())]\n";
    let views = "from django.contrib.auth.decorators import login_required\nfrom rest_framework.permissions import AllowAny\nfrom rest_framework.views import APIView\nfrom rest_framework.viewsets import ReadOnlyModelViewSet\n\nclass Items(ReadOnlyModelViewSet):\n    queryset = 1\n\n@login_required\ndef page(request, id):\n    return render(request)\n\nclass Open(APIView):\n    permission_classes = [AllowAny]\n\n    def post(self, request):\n        return save(request.data)\n";
    let files = [("shop/views.py", views), ("site/settings.py", settings), ("site/urls.py", urls)];
    let routes = framework(&files, Kind::Route);
    let told: Vec<_> = routes.iter().map(|route| (route.name.as_str(), route.get("auth").unwrap())).collect();
    assert_eq!(told, [("GET /api/items/", "yes"), ("GET /api/items/{pk}/", "yes"), ("GET /page/{id}/", "yes"), ("POST /open/", "no")]);
    assert_eq!(names(&framework(&files, Kind::Middleware)), ["django.middleware.security.SecurityMiddleware"]);
    assert_eq!(names(&framework(&files, Kind::App)), ["django"]);
}

#[test]
fn an_object_of_another_file_is_called_by_its_type() {
    let database = "from sqlalchemy import create_engine\nfrom sqlalchemy.orm import sessionmaker\n\nengine = create_engine(\"sqlite://\")\nSessionLocal = sessionmaker(bind=engine)\n\ndef get_db():\n    db = SessionLocal()\n    yield db\n";
    let main = "from core.database import SessionLocal, engine\n\ndef check():\n    db = SessionLocal()\n    db.execute(\"SELECT 1\")\n    engine.connect()\n";
    let (wired, extracts) = wired(&[("core/database.py", database), ("main.py", main)]);
    let names: Vec<(&str, &str)> = wired
        .renamed
        .iter()
        .filter(|(file, ..)| file.0 == 1)
        .map(|(_, fact, name)| (extracts[1].facts[*fact as usize].name.as_str(), name.as_str()))
        .collect();
    assert!(names.contains(&("core.database.SessionLocal.execute", "sqlalchemy.orm.Session.execute")), "{names:?}");
    assert!(names.contains(&("core.database.engine.connect", "sqlalchemy.Engine.connect")), "{names:?}");
}

#[test]
fn a_guard_may_throw_an_answer_that_was_made_once() {
    let own = "from fastapi import FastAPI, Depends, HTTPException\nfrom answers import Closed\n\nNobody = HTTPException(status_code=401)\napp = FastAPI()\n\ndef who(request):\n    if not request.headers:\n        raise Nobody\n\ndef inside(request):\n    if not request.headers:\n        raise Closed\n\n@app.get(\"/notes\", dependencies=[Depends(who)])\ndef notes():\n    return []\n\n@app.get(\"/books\", dependencies=[Depends(inside)])\ndef books():\n    return []\n";
    let answers = "from fastapi import HTTPException\n\nClosed = HTTPException(status_code=403)\n";
    let routes = framework(&[("answers.py", answers), ("main.py", own)], Kind::Route);
    let told: Vec<_> = routes.iter().map(|route| (route.name.as_str(), route.get("auth"), route.get("rejects"))).collect();
    assert_eq!(told, [("GET /notes", Some("yes"), Some("401")), ("GET /books", Some("yes"), Some("403"))]);
}

#[test]
fn lists_of_django_addresses_begin_where_they_are_included() {
    let settings = "ROOT_URLCONF = \"site.urls\"\nINSTALLED_APPS = []\n";
    let live = "from .base import *\nSECURE_SSL_REDIRECT = True\n";
    let urls = "from django.urls import include, path\nfrom shop import views\n\nprefix = \"\"\nif far():\n    prefix = f\"{far()}/\"\n\napi_urls = [\n    path(\"items/\", views.items),\n]\n\nurlpatterns = [\n    path(f\"{prefix}about/\", views.about),\n    path(\"v1/\", include(api_urls)),\n    path(\"v2/\", include(api_urls)),\n    path(\"inner/\", include([\n        path(\"about/\", views.about),\n    ])),\n]\n";
    let views = "def items(request):\n    return answer(request)\n\ndef about(request):\n    return answer(request)\n";
    let files = [("shop/views.py", views), ("site/base.py", settings), ("site/production.py", live), ("site/urls.py", urls)];
    let routes = framework(&files, Kind::Route);
    assert_eq!(names(&routes), ["GET /v1/items/", "GET /v2/items/", "GET /about/", "GET /inner/about/"]);
    let place = |file| crate::wiring::Place { file: crate::fact::FileId(file), symbol: 0 };
    assert!(wired(&files).0.leads.contains(&(place(1), place(2))), "the settings of production stand on the base's");
}

#[test]
fn a_route_says_with_which_statuses_it_refuses() {
    let main = "from fastapi import Depends, FastAPI, HTTPException\n\napp = FastAPI()\n\ndef found(number: int):\n    if not number:\n        raise HTTPException(status_code=404)\n    return number\n\n@app.put(\"/notes/{number}\")\ndef change(note=Depends(found)):\n    if note > 9:\n        raise HTTPException(409, \"taken\")\n    return note\n\n@app.put(\"/books/{number}\")\ndef book(number: int):\n    return number\n";
    let routes = framework(&[("main.py", main)], Kind::Route);
    let told: Vec<_> = routes.iter().map(|route| (route.name.as_str(), route.all("refuses").collect::<Vec<_>>())).collect();
    assert_eq!(told, [("PUT /notes/{number}", vec!["404", "409"]), ("PUT /books/{number}", vec![])]);
}

#[test]
fn routers_are_mounted_in_a_loop_and_guards_given_by_a_function_of_ours() {
    let guard = "from fastapi import Depends, HTTPException\n\ndef need(role):\n    def check(request):\n        if role not in request.roles:\n            raise HTTPException(status_code=403)\n    return Depends(check)\n";
    let one = |path: &str| {
        format!(
            "from fastapi import APIRouter\nfrom guard import need\n\nrouter = APIRouter(prefix=\"/{path}\")\n\n@router.get(\"\")\ndef many(who=need(\"reader\")):\n    return []\n"
        )
    };
    let listed = "from api import books\n\nROUTERS = [books.router]\n";
    let main = "from fastapi import FastAPI\nfrom api import songs, notes, listed\n\napp = FastAPI()\nfor part in (songs, notes):\n    app.include_router(part.router)\nfor router in listed.ROUTERS:\n    app.include_router(router)\n";
    let (songs, notes, books) = (one("songs"), one("notes"), one("books"));
    let files = [
        ("api/books.py", books.as_str()),
        ("api/listed.py", listed),
        ("api/notes.py", &notes),
        ("api/songs.py", &songs),
        ("guard.py", guard),
        ("main.py", main),
    ];
    let routes = framework(&files, Kind::Route);
    let told: Vec<_> = routes.iter().map(|route| (route.name.as_str(), route.get("auth"))).collect();
    assert_eq!(told, [("GET /books", Some("yes")), ("GET /notes", Some("yes")), ("GET /songs", Some("yes"))]);
}
