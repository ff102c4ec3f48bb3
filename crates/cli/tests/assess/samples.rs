//! A little service in each of the five languages, and what runs it.

/// A repository: its name, and its files with their texts.
pub type Sample = (&'static str, &'static [(&'static str, &'static str)]);

/// Every sample.
pub const ALL: [Sample; 6] = [PYTHON, SCRIPT, GO, JAVA, RUST, CONFIGURATION];

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

/// Express, in TypeScript.
pub const SCRIPT: Sample = (
    "script",
    &[
        (
            "package.json",
            r#"{
  "name": "shop",
  "scripts": { "start": "node dist/server.js", "test": "vitest run" },
  "dependencies": { "express": "4.19.2", "helmet": "7.1.0", "cors": "2.8.5", "express-rate-limit": "7.4.0", "pino": "9.3.0", "jsonwebtoken": "9.0.2" },
  "devDependencies": { "vitest": "2.0.5" }
}
"#,
        ),
        (
            "src/server.ts",
            r#"import express from 'express';
import helmet from 'helmet';
import cors from 'cors';
import { rateLimit } from 'express-rate-limit';
import pino from 'pino';
import { orders } from './orders';
import { authenticate } from './auth';

const log = pino({ level: 'info' });
const app = express();

app.use(helmet());
app.use(cors({ origin: 'https://shop.example.org' }));
app.use(rateLimit({ windowMs: 60_000, limit: 60 }));
app.use(express.json({ limit: '100kb' }));

app.get('/healthz', (req, res) => {
  res.json({ status: 'ok' });
});
app.use('/v1/orders', authenticate, orders);

app.use((err, req, res, next) => {
  log.error({ err }, 'unexpected');
  res.status(500).json({ code: 'internal' });
});

const server = app.listen(Number(process.env.PORT ?? 3000));

process.on('SIGTERM', () => {
  server.close();
});
"#,
        ),
        (
            "src/auth.ts",
            r#"import jwt from 'jsonwebtoken';

export function authenticate(req, res, next) {
  try {
    req.user = jwt.verify(req.headers.authorization, process.env.JWT_KEY);
  } catch (error) {
    return res.status(401).json({ code: 'unauthorized' });
  }
  next();
}
"#,
        ),
        (
            "src/orders.ts",
            r#"import { Router } from 'express';

export const orders = Router();

orders.get('/', (req, res) => {
  const limit = Math.min(Number(req.query.limit ?? 20), 100);
  res.json({ items: [], limit });
});

orders.post('/', (req, res) => {
  res.status(201).json(req.body);
});
"#,
        ),
        (
            "test/server.test.ts",
            r#"import { expect, test } from 'vitest';

test('numbers add up', () => {
  expect(1 + 1).toBe(2);
});
"#,
        ),
    ],
);

/// Gin.
pub const GO: Sample = (
    "go",
    &[
        (
            "go.mod",
            "module example.org/shop\n\ngo 1.22\n\nrequire (\n\tgithub.com/gin-gonic/gin v1.10.0\n\tgithub.com/prometheus/client_golang v1.19.1\n)\n",
        ),
        (
            "main.go",
            r#"package main

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"example.org/shop/orders"
	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

func main() {
	slog.SetDefault(slog.New(slog.NewJSONHandler(os.Stdout, nil)))
	router := gin.New()
	router.Use(gin.Recovery())
	router.GET("/healthz", func(c *gin.Context) { c.JSON(http.StatusOK, gin.H{"status": "ok"}) })
	router.GET("/metrics", gin.WrapH(promhttp.Handler()))
	orders.Mount(router.Group("/v1"))

	server := &http.Server{
		Addr:              ":8080",
		Handler:           router,
		ReadHeaderTimeout: 5 * time.Second,
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	go func() {
		<-ctx.Done()
		_ = server.Shutdown(context.Background())
	}()
	if err := server.ListenAndServe(); err != nil {
		slog.Error("stopped", "error", err)
	}
}
"#,
        ),
        (
            "orders/orders.go",
            r#"package orders

import (
	"database/sql"
	"net/http"

	"github.com/gin-gonic/gin"
)

var db *sql.DB

type Order struct {
	Name string `json:"name" binding:"required,max=80"`
}

func Mount(group *gin.RouterGroup) {
	group.GET("/orders", list)
	group.POST("/orders", create)
}

func list(c *gin.Context) {
	rows, err := db.QueryContext(c, "SELECT id, name FROM orders ORDER BY id LIMIT 20")
	if err != nil {
		c.AbortWithStatus(http.StatusInternalServerError)
		return
	}
	defer rows.Close()
}

func create(c *gin.Context) {
	var order Order
	if err := c.ShouldBindJSON(&order); err != nil {
		c.JSON(http.StatusUnprocessableEntity, gin.H{"code": "invalid"})
		return
	}
	c.JSON(http.StatusCreated, order)
}
"#,
        ),
        (
            "orders/orders_test.go",
            r#"package orders

import "testing"

func TestNames(t *testing.T) {
	if (Order{Name: "a"}).Name != "a" {
		t.Fatal("another name")
	}
}
"#,
        ),
    ],
);

/// Spring Boot.
pub const JAVA: Sample = (
    "java",
    &[
        (
            "pom.xml",
            r#"<project>
  <parent>
    <groupId>org.springframework.boot</groupId>
    <artifactId>spring-boot-starter-parent</artifactId>
    <version>3.3.2</version>
  </parent>
  <artifactId>shop</artifactId>
  <dependencies>
    <dependency>
      <groupId>org.springframework.boot</groupId>
      <artifactId>spring-boot-starter-web</artifactId>
    </dependency>
    <dependency>
      <groupId>org.springframework.boot</groupId>
      <artifactId>spring-boot-starter-actuator</artifactId>
    </dependency>
  </dependencies>
</project>
"#,
        ),
        (
            "src/main/java/org/example/shop/ShopApplication.java",
            r#"package org.example.shop;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;

@SpringBootApplication
public class ShopApplication {
    public static void main(String[] args) {
        SpringApplication.run(ShopApplication.class, args);
    }
}
"#,
        ),
        (
            "src/main/java/org/example/shop/OrderController.java",
            r#"package org.example.shop;

import jakarta.validation.Valid;
import org.springframework.data.domain.Page;
import org.springframework.data.domain.Pageable;
import org.springframework.security.access.prepost.PreAuthorize;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RestController;

@RestController
@RequestMapping("/v1/orders")
public class OrderController {
    @GetMapping
    public Page<Order> list(Pageable pageable) {
        return Page.empty(pageable);
    }

    @PostMapping
    @PreAuthorize("hasRole('EDITOR')")
    public Order create(@Valid @RequestBody Order order) {
        return order;
    }
}
"#,
        ),
        (
            "src/main/java/org/example/shop/Failures.java",
            r#"package org.example.shop;

import org.springframework.http.ProblemDetail;
import org.springframework.web.bind.annotation.ExceptionHandler;
import org.springframework.web.bind.annotation.RestControllerAdvice;

@RestControllerAdvice
public class Failures {
    @ExceptionHandler(Exception.class)
    public ProblemDetail unexpected(Exception error) {
        return ProblemDetail.forStatus(500);
    }
}
"#,
        ),
        (
            "src/main/java/org/example/shop/SecurityConfiguration.java",
            r#"package org.example.shop;

import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.security.config.annotation.method.configuration.EnableMethodSecurity;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.web.SecurityFilterChain;

@Configuration
@EnableMethodSecurity
public class SecurityConfiguration {
    @Bean
    public SecurityFilterChain chain(HttpSecurity http) throws Exception {
        http.authorizeHttpRequests(requests -> requests.anyRequest().authenticated());
        http.oauth2ResourceServer(server -> server.jwt(jwt -> {}));
        return http.build();
    }
}
"#,
        ),
        (
            "src/main/resources/application.yml",
            r#"server:
  shutdown: graceful
spring:
  datasource:
    hikari:
      maximum-pool-size: 10
management:
  endpoints:
    web:
      exposure:
        include: health,prometheus
"#,
        ),
        (
            "src/test/java/org/example/shop/OrderTest.java",
            r#"package org.example.shop;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class OrderTest {
    @Test
    void namesStay() {
        assertEquals("a", new Order("a").name());
    }
}
"#,
        ),
    ],
);

/// axum.
pub const RUST: Sample = (
    "rust",
    &[
        (
            "Cargo.toml",
            r#"[package]
name = "shop"
version = "0.1.0"
edition = "2024"

[dependencies]
axum = "0.8"
tokio = { version = "1", features = ["full"] }
tower-http = { version = "0.6", features = ["limit", "timeout", "trace"] }
tracing-subscriber = { version = "0.3", features = ["json"] }
sqlx = { version = "0.8", features = ["postgres"] }
"#,
        ),
        (
            "src/main.rs",
            r#"mod orders;

use std::time::Duration;

use axum::{Router, routing::get};
use sqlx::postgres::PgPoolOptions;
use tower_http::{limit::RequestBodyLimitLayer, timeout::TimeoutLayer, trace::TraceLayer};

#[tokio::main]
async fn main() {
    tracing_subscriber::fmt().json().init();
    let url = std::env::var("DATABASE_URL").expect("DATABASE_URL");
    let pool = PgPoolOptions::new()
        .max_connections(10)
        .acquire_timeout(Duration::from_secs(3))
        .connect(&url)
        .await
        .expect("a database");
    let app = Router::new()
        .route("/health/live", get(live))
        .nest("/v1", orders::routes())
        .layer(TraceLayer::new_for_http())
        .layer(TimeoutLayer::new(Duration::from_secs(10)))
        .layer(RequestBodyLimitLayer::new(65_536))
        .with_state(pool);
    let listener = tokio::net::TcpListener::bind("0.0.0.0:8080").await.expect("a port");
    axum::serve(listener, app).with_graceful_shutdown(stop()).await.expect("it serves");
}

async fn live() -> &'static str {
    "ok"
}

async fn stop() {
    let _ = tokio::signal::ctrl_c().await;
}
"#,
        ),
        (
            "src/orders.rs",
            r#"use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use sqlx::PgPool;

pub fn routes() -> Router<PgPool> {
    Router::new().route("/orders", get(list).post(create))
}

async fn list(State(pool): State<PgPool>) -> Result<Json<Vec<String>>, StatusCode> {
    let rows = sqlx::query_scalar("SELECT name FROM orders ORDER BY id LIMIT 20").fetch_all(&pool).await;
    rows.map(Json).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}

async fn create(State(pool): State<PgPool>, Json(name): Json<String>) -> StatusCode {
    match sqlx::query("INSERT INTO orders (name) VALUES ($1)").bind(name).execute(&pool).await {
        Ok(_) => StatusCode::CREATED,
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn numbers_add_up() {
        assert_eq!(1 + 1, 2);
    }
}
"#,
        ),
    ],
);

/// What runs it.
pub const CONFIGURATION: Sample = (
    "configuration",
    &[
        (
            "Dockerfile",
            r#"FROM python:3.12.5-slim@sha256:59c7332a4a24373861c4a5f0eec2c92b87e3efeb8ddef011744ef9a751b1d11c AS build
WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt

FROM python:3.12.5-slim@sha256:59c7332a4a24373861c4a5f0eec2c92b87e3efeb8ddef011744ef9a751b1d11c
WORKDIR /app
COPY --from=build /usr/local /usr/local
COPY app ./app
USER 1000:1000
EXPOSE 8000
HEALTHCHECK CMD ["python", "-c", "import app"]
CMD ["uvicorn", "app.main:app", "--host", "0.0.0.0", "--workers", "4"]
"#,
        ),
        ("requirements.txt", "fastapi==0.115.0\nuvicorn==0.30.6\n"),
        ("app/__init__.py", ""),
        (
            "app/main.py",
            "from fastapi import FastAPI\n\napp = FastAPI()\n\n\n@app.get(\"/health/live\")\ndef live():\n    return {\"status\": \"ok\"}\n",
        ),
        (
            "docker-compose.yml",
            r#"services:
  api:
    build: .
    restart: unless-stopped
    environment:
      DATABASE_URL: ${DATABASE_URL}
    healthcheck:
      test: ["CMD", "python", "-c", "import app"]
    deploy:
      resources:
        limits:
          memory: 256M
  database:
    image: postgres:16.4
    volumes:
      - data:/var/lib/postgresql/data
volumes:
  data:
"#,
        ),
        (
            "deploy/deployment.yaml",
            r#"apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop
spec:
  replicas: 3
  selector:
    matchLabels:
      app: shop
  template:
    metadata:
      labels:
        app: shop
    spec:
      containers:
        - name: api
          image: registry.example.org/shop:1.4.2
          securityContext:
            runAsNonRoot: true
          resources:
            limits:
              cpu: 500m
              memory: 256Mi
          livenessProbe:
            httpGet:
              path: /health/live
              port: 8000
          readinessProbe:
            httpGet:
              path: /health/ready
              port: 8000
"#,
        ),
        (
            ".github/workflows/ci.yml",
            r#"name: ci
on:
  push:
    branches: [main]
  pull_request:
jobs:
  test:
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@v4
      - run: pip install -r requirements.txt
      - run: ruff check .
      - run: pytest --cov=app --cov-fail-under=80
      - name: image
        run: docker build -t shop .
"#,
        ),
        (
            "infra/main.tf",
            "resource \"aws_db_instance\" \"shop\" {\n  engine                  = \"postgres\"\n  storage_encrypted       = true\n  backup_retention_period = 14\n}\n",
        ),
        (
            "nginx.conf",
            "server {\n  listen 443 ssl;\n  server_name shop.example.org;\n  client_max_body_size 1m;\n  location / {\n    proxy_pass http://api:8000;\n    proxy_read_timeout 30s;\n  }\n}\n",
        ),
        (
            "alerts.yml",
            "groups:\n  - name: shop\n    rules:\n      - alert: ShopErrors\n        expr: rate(http_errors_total[5m]) > 1\n        for: 5m\n        labels:\n          severity: page\n        annotations:\n          summary: many errors\n",
        ),
        (".env.example", "DATABASE_URL=\nPORT=8000\n"),
        ("Makefile", "test:\n\tpytest\n\nlint:\n\truff check .\n"),
        (
            "migrations/0001_orders.sql",
            "CREATE TABLE orders (\n  id bigint PRIMARY KEY,\n  name text NOT NULL\n);\nCREATE INDEX orders_name ON orders (name);\n",
        ),
        (
            "README.md",
            "# Shop\n\n## Deployment\n\nBuild the image, then apply `deploy/`.\n\n## Architecture\n\nOne service and one database.\n",
        ),
    ],
);
