//! SQLite: one reading connection per worker thread, used in place because a lookup takes
//! microseconds; one writing connection behind a lock on the blocking pool, because a durable
//! commit waits for the disk.

use std::cell::RefCell;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Path, Query, State};
use axum::routing::get;
use axum::{Json, Router};
use rusqlite::{Connection, OpenFlags, Row};

use crate::contract::{Artist, Created, Fault, NewArtist, Page, Song, Window, created};

#[derive(Clone, Copy)]
pub enum Sync {
    Normal,
    Full,
}

impl FromStr for Sync {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "normal" => Ok(Self::Normal),
            "full" => Ok(Self::Full),
            other => Err(format!("--sync is normal or full, not {other}")),
        }
    }
}

struct Store {
    file: String,
    writer: Mutex<Connection>,
}

type Shared = State<Arc<Store>>;

thread_local! {
    static READER: RefCell<Option<Connection>> = const { RefCell::new(None) };
}

impl Store {
    fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T, Fault>) -> Result<T, Fault> {
        READER.with_borrow_mut(|slot| {
            if slot.is_none() {
                let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
                *slot = Some(Connection::open_with_flags(&self.file, flags)?);
            }
            slot.as_ref().map_or(Err(Fault::NotFound), work)
        })
    }
}

pub fn router(file: &str, sync: Sync) -> Result<Router, rusqlite::Error> {
    let writer = Connection::open(file)?;
    writer.pragma_update(None, "journal_mode", "WAL")?;
    writer.pragma_update(None, "foreign_keys", true)?;
    writer.pragma_update(
        None,
        "synchronous",
        match sync {
            Sync::Normal => "NORMAL",
            Sync::Full => "FULL",
        },
    )?;
    let store = Arc::new(Store { file: file.to_owned(), writer: Mutex::new(writer) });
    Ok(Router::new()
        .route("/v1/artists", get(artists).post(create))
        .route("/v1/artists/{id}", get(artist))
        .route("/v1/songs", get(songs))
        .with_state(store))
}

async fn artist(State(store): Shared, Path(id): Path<i64>) -> Result<Json<Artist>, Fault> {
    store.read(|db| {
        let mut find = db.prepare_cached("SELECT id, name FROM artists WHERE id = ?1")?;
        Ok(Json(find.query_row([id], to_artist)?))
    })
}

async fn artists(State(store): Shared, Query(window): Query<Window>) -> Result<Json<Page<Artist>>, Fault> {
    let window = window.checked()?;
    store.read(|db| {
        let mut list = db.prepare_cached("SELECT id, name FROM artists ORDER BY id LIMIT ?1 OFFSET ?2")?;
        let items = list.query_map([window.page_size, window.offset()], to_artist)?.collect::<Result<_, _>>()?;
        let total = db.prepare_cached("SELECT COUNT(*) FROM artists")?.query_row([], |row| row.get(0))?;
        Ok(Json(Page::new(items, &window, total)))
    })
}

async fn songs(State(store): Shared, Query(window): Query<Window>) -> Result<Json<Page<Song>>, Fault> {
    let window = window.checked()?;
    store.read(|db| {
        let mut list =
            db.prepare_cached("SELECT id, title, artist_id, release_date, url, distance FROM songs ORDER BY id LIMIT ?1 OFFSET ?2")?;
        let items = list.query_map([window.page_size, window.offset()], to_song)?.collect::<Result<_, _>>()?;
        let total = db.prepare_cached("SELECT COUNT(*) FROM songs")?.query_row([], |row| row.get(0))?;
        Ok(Json(Page::new(items, &window, total)))
    })
}

async fn create(State(store): Shared, Json(new): Json<NewArtist>) -> Result<Created, Fault> {
    let NewArtist { name } = new.checked()?;
    let insert = move || -> Result<Artist, Fault> {
        let db = store.writer.lock().unwrap_or_else(PoisonError::into_inner);
        db.prepare_cached("INSERT INTO artists (name) VALUES (?1)")?.execute([&name])?;
        Ok(Artist { id: db.last_insert_rowid(), name })
    };
    let artist = tokio::task::spawn_blocking(insert).await.map_err(|e| Fault::Database(e.to_string()))??;
    Ok(created(artist))
}

fn to_artist(row: &Row<'_>) -> rusqlite::Result<Artist> {
    Ok(Artist { id: row.get(0)?, name: row.get(1)? })
}

fn to_song(row: &Row<'_>) -> rusqlite::Result<Song> {
    Ok(Song {
        id: row.get(0)?,
        title: row.get(1)?,
        artist_id: row.get(2)?,
        release_date: row.get(3)?,
        url: row.get(4)?,
        distance: row.get(5)?,
    })
}
