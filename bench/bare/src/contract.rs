//! What goes over the wire, the same for both databases.

use axum::Json;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Serialize)]
pub struct Artist {
    pub id: i64,
    pub name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewArtist {
    pub name: String,
}

impl NewArtist {
    pub fn checked(self) -> Result<Self, Fault> {
        match self.name.chars().count() {
            1..=64 => Ok(self),
            _ => Err(Fault::Invalid("name has 1 to 64 characters")),
        }
    }
}

#[derive(Serialize)]
pub struct Song {
    pub id: i64,
    pub title: String,
    pub artist_id: Option<i64>,
    pub release_date: Option<String>,
    pub url: Option<String>,
    pub distance: Option<f64>,
}

#[derive(Deserialize)]
pub struct Window {
    #[serde(default = "first")]
    pub page: i64,
    #[serde(default = "ten")]
    pub page_size: i64,
}

fn first() -> i64 {
    1
}

fn ten() -> i64 {
    10
}

impl Window {
    pub fn checked(self) -> Result<Self, Fault> {
        match (1..=1_000_000_000).contains(&self.page) && (1..=100).contains(&self.page_size) {
            true => Ok(self),
            false => Err(Fault::Invalid("page starts at 1, page_size is 1 to 100")),
        }
    }

    pub fn offset(&self) -> i64 {
        (self.page - 1) * self.page_size
    }
}

#[derive(Serialize)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub pagination: Pagination,
}

#[derive(Serialize)]
pub struct Pagination {
    page: i64,
    page_size: i64,
    total_items: i64,
    total_pages: i64,
    has_next: bool,
    has_prev: bool,
}

impl<T> Page<T> {
    pub fn new(items: Vec<T>, window: &Window, total_items: i64) -> Self {
        let total_pages = (total_items + window.page_size - 1) / window.page_size;
        let pagination = Pagination {
            page: window.page,
            page_size: window.page_size,
            total_items,
            total_pages,
            has_next: window.page < total_pages,
            has_prev: window.page > 1,
        };
        Self { items, pagination }
    }
}

pub type Created = (StatusCode, [(HeaderName, String); 1], Json<Artist>);

pub fn created(artist: Artist) -> Created {
    (StatusCode::CREATED, [(header::LOCATION, format!("/v1/artists/{}", artist.id))], Json(artist))
}

pub enum Fault {
    NotFound,
    Invalid(&'static str),
    Database(String),
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let (status, detail) = match self {
            Self::NotFound => (StatusCode::NOT_FOUND, "not found"),
            Self::Invalid(why) => (StatusCode::UNPROCESSABLE_ENTITY, why),
            Self::Database(cause) => {
                eprintln!("database: {cause}");
                (StatusCode::INTERNAL_SERVER_ERROR, "internal error")
            }
        };
        (status, Json(json!({ "detail": detail }))).into_response()
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(cause: rusqlite::Error) -> Self {
        match cause {
            rusqlite::Error::QueryReturnedNoRows => Self::NotFound,
            other => Self::Database(other.to_string()),
        }
    }
}

impl From<tokio_postgres::Error> for Fault {
    fn from(cause: tokio_postgres::Error) -> Self {
        Self::Database(cause.to_string())
    }
}

impl From<deadpool_postgres::PoolError> for Fault {
    fn from(cause: deadpool_postgres::PoolError) -> Self {
        Self::Database(cause.to_string())
    }
}
