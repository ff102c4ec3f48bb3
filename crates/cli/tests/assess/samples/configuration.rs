//! What runs it.

use super::Sample;

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
