//! axum.

use super::Sample;

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
