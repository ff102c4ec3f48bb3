//! FastAPI.

use super::Sample;

/// FastAPI.
pub const PYTHON: Sample = (
    "python",
    &[
        ("requirements.txt", "fastapi==0.115.0\nslowapi==0.1.9\nhttpx==0.27.0\npyjwt==2.9.0\nstructlog==24.4.0\n"),
        (
            "app/main.py",
            r#"import httpx
import structlog
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse
from slowapi import Limiter
from slowapi.errors import RateLimitExceeded
from slowapi.middleware import SlowAPIMiddleware
from slowapi.util import get_remote_address

from app.auth import current_user
from app.routes import router

structlog.configure(processors=[structlog.processors.JSONRenderer()])
log = structlog.get_logger()
limiter = Limiter(key_func=get_remote_address, default_limits=["60/minute"])
app = FastAPI(title="Shop")
app.state.limiter = limiter
app.add_middleware(SlowAPIMiddleware)
app.add_middleware(
    CORSMiddleware,
    allow_origins=["https://shop.example.org"],
    allow_credentials=True,
)
app.include_router(router, prefix="/v1", dependencies=[Depends(current_user)])


@app.exception_handler(Exception)
async def unexpected(request: Request, error: Exception):
    log.error("unexpected", path=request.url.path)
    return JSONResponse(status_code=500, content={"code": "internal"})


@app.get("/health/live")
def live():
    return {"status": "ok"}


@app.get("/rates")
async def rates():
    async with httpx.AsyncClient(timeout=5.0) as client:
        answer = await client.get("https://rates.example.org/latest")
    if answer.status_code != 200:
        raise HTTPException(status_code=502, detail="rates are away")
    return answer.json()
"#,
        ),
        (
            "app/auth.py",
            r#"import os

import jwt
from fastapi import Depends, HTTPException
from fastapi.security import OAuth2PasswordBearer

scheme = OAuth2PasswordBearer(tokenUrl="token")
KEY = os.environ["JWT_KEY"]


def current_user(token: str = Depends(scheme)) -> str:
    try:
        claims = jwt.decode(token, KEY, algorithms=["HS256"], audience="shop")
    except jwt.PyJWTError:
        raise HTTPException(status_code=401)
    return claims["sub"]
"#,
        ),
        (
            "app/routes.py",
            r#"from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

router = APIRouter()


class Order(BaseModel):
    name: str = Field(max_length=80)


@router.get("/orders")
def orders(limit: int = Query(20, ge=1, le=100), offset: int = 0):
    return []


@router.post("/orders", status_code=201)
def create(order: Order):
    return order
"#,
        ),
        (
            "tests/test_main.py",
            r#"from fastapi.testclient import TestClient

from app.main import app


def test_it_lives():
    assert TestClient(app).get("/health/live").status_code == 200
"#,
        ),
    ],
);
