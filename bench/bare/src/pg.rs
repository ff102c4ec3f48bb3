//! PostgreSQL: a small pool, prepared statements kept per connection, and the two statements of
//! a page sent together so that they share one round trip.

use std::error::Error;

use axum::extract::{Path, Query, State};
use axum::routing::get;
use axum::{Json, Router};
use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod};
use tokio_postgres::types::ToSql;
use tokio_postgres::{NoTls, Row};

use crate::contract::{Artist, Created, Fault, NewArtist, Page, Song, Window, created};

const CONNECTIONS: usize = 16;

pub fn router(url: &str) -> Result<Router, Box<dyn Error>> {
    let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let manager = Manager::from_config(url.parse()?, NoTls, recycling);
    let pool = Pool::builder(manager).max_size(CONNECTIONS).build()?;
    Ok(Router::new()
        .route("/v1/artists", get(artists).post(create))
        .route("/v1/artists/{id}", get(artist))
        .route("/v1/songs", get(songs))
        .with_state(pool))
}

async fn artist(State(pool): State<Pool>, Path(id): Path<i64>) -> Result<Json<Artist>, Fault> {
    let db = pool.get().await?;
    let find = db.prepare_cached("SELECT id, name FROM artists WHERE id = $1").await?;
    let row = db.query_opt(&find, &[&id]).await?.ok_or(Fault::NotFound)?;
    Ok(Json(to_artist(&row)?))
}

async fn page(pool: &Pool, list: &str, count: &str, window: &Window) -> Result<(Vec<Row>, i64), Fault> {
    let db = pool.get().await?;
    let (list, count) = tokio::try_join!(db.prepare_cached(list), db.prepare_cached(count))?;
    let (size, offset) = (window.page_size, window.offset());
    let bounds: [&(dyn ToSql + Sync); 2] = [&size, &offset];
    let (rows, total) = tokio::try_join!(db.query(&list, &bounds), db.query_one(&count, &[]))?;
    Ok((rows, total.try_get(0)?))
}

async fn artists(State(pool): State<Pool>, Query(window): Query<Window>) -> Result<Json<Page<Artist>>, Fault> {
    let window = window.checked()?;
    let list = "SELECT id, name FROM artists ORDER BY id LIMIT $1 OFFSET $2";
    let (rows, total) = page(&pool, list, "SELECT COUNT(*) FROM artists", &window).await?;
    let items = rows.iter().map(to_artist).collect::<Result<_, _>>()?;
    Ok(Json(Page::new(items, &window, total)))
}

async fn songs(State(pool): State<Pool>, Query(window): Query<Window>) -> Result<Json<Page<Song>>, Fault> {
    let window = window.checked()?;
    let list = "SELECT id, title, artist_id, release_date::text, url, distance FROM songs ORDER BY id LIMIT $1 OFFSET $2";
    let (rows, total) = page(&pool, list, "SELECT COUNT(*) FROM songs", &window).await?;
    let items = rows.iter().map(to_song).collect::<Result<_, _>>()?;
    Ok(Json(Page::new(items, &window, total)))
}

async fn create(State(pool): State<Pool>, Json(new): Json<NewArtist>) -> Result<Created, Fault> {
    let NewArtist { name } = new.checked()?;
    let db = pool.get().await?;
    let insert = db.prepare_cached("INSERT INTO artists (name) VALUES ($1) RETURNING id").await?;
    let id = db.query_one(&insert, &[&name]).await?.try_get(0)?;
    Ok(created(Artist { id, name }))
}

fn to_artist(row: &Row) -> Result<Artist, tokio_postgres::Error> {
    Ok(Artist { id: row.try_get(0)?, name: row.try_get(1)? })
}

fn to_song(row: &Row) -> Result<Song, tokio_postgres::Error> {
    Ok(Song {
        id: row.try_get(0)?,
        title: row.try_get(1)?,
        artist_id: row.try_get(2)?,
        release_date: row.try_get(3)?,
        url: row.try_get(4)?,
        distance: row.try_get(5)?,
    })
}
