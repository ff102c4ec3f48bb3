//! What a probe has to cause and cannot cause from outside: a panic, a slow handler, a long
//! statement, half a transaction.
//!
//! Mounted on private instances of a proof only (`serve --rehearsal`), never in the production
//! profile. It has no tables: commands on the same data know nothing of it. Its changes are made
//! to artists and songs, where a probe sees through the ordinary routes what became of them.

mod events;
mod jobs;
mod trouble;

use std::time::Duration;

use plimsoll::{
    Access, Code, Committed, Ctx, Migration, Result, Role, System, Write, bind,
    host::Boot,
    ledger::Change,
    route::{Created, Empty, Json, Query, RouteClass, Routes},
    subject::{Key, Subject, With},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The system.
pub struct Rehearsal;

plimsoll::section! {
    /// Nothing can be set.
    pub struct Config["rehearsal"] {}
}

const RUN: Access = Access::needs("rehearsal:run", Role::Viewer);
const CHANGE: Access = Access::needs("rehearsal:change", Role::Editor);
const OPEN: Access = Access::public("it answers the same to everybody and exists on private instances only");

impl System for Rehearsal {
    const NAME: &'static str = "rehearsal";
    const SCHEMA: &'static [Migration] = &[];
    type Config = Config;
    /// Somebody who is known by a text: rows of the catalogue that name it in an address go, those
    /// that carry it as their name lose it.
    const SUBJECTS: &'static [Subject] = &[
        Subject::delete("listener", "song", Key::Text("url")).counted("song"),
        Subject::blank("listener", "artist", Key::Text("name"), &[("name", With::Mark)]),
    ];

    async fn start(_: Config, _: &Boot) -> Result<Rehearsal> {
        Ok(Rehearsal)
    }

    fn routes(r: &mut Routes<'_, Self>) {
        r.ask("/rehearsal/panic", RUN, panics).hidden();
        r.ask("/rehearsal/fail", RUN, fails).hidden();
        r.ask("/rehearsal/log", RUN, logs).hidden();
        r.get("/rehearsal/slow", RUN, waits).hidden();
        r.get("/rehearsal/read", RUN, reads).hidden();
        r.get("/rehearsal/hold", RUN, holds).hidden();
        r.post("/rehearsal/slow", CHANGE, waits_and_changes).hidden();
        r.post("/rehearsal/pair", CHANGE, pair).hidden();
        r.get("/rehearsal/public", OPEN, public)
            .named("rehearsal.public")
            .summary("An open route on its way out")
            .class(RouteClass::Read)
            .deprecated("2025-01-01", "2099-12-31", "/v1/songs");
        jobs::routes(r);
        events::routes(r);
        trouble::routes(r);
    }

    fn jobs(jobs: &mut plimsoll::work::Jobs<'_, Self>) {
        jobs::declare(jobs);
        events::declare(jobs);
        trouble::declare(jobs);
    }
}

/// A text that must not be found where it has no business.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Canary {
    #[schemars(length(min = 1, max = 100))]
    canary: String,
}

/// A bug: the message of the panic holds what must not reach a caller.
async fn panics(_: Ctx<Rehearsal>, Json(Canary { canary }): Json<Canary>) -> Result<Empty> {
    let private = format!("password={canary} while reading /srv/rehearsal/{canary}/secrets.toml");
    std::panic::panic_any(private)
}

/// A surprise inside: SQL, a path and the canary stand in the private cause.
async fn fails(_: Ctx<Rehearsal>, Json(Canary { canary }): Json<Canary>) -> Result<Empty> {
    let private = format!("SELECT hash FROM api_key WHERE name = '{canary}' failed in /srv/rehearsal/{canary}.db: disk I/O error");
    Err(Code::Internal.error().caused_by(private))
}

/// What to write into the log.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Line {
    /// Stands in the line as it is, so that the line can be found.
    #[schemars(length(min = 1, max = 100), regex(pattern = "^[a-z0-9-]+$"))]
    mark: String,
    /// Stands where secrets and personal data stand; must not be readable in the line.
    #[schemars(length(min = 1, max = 100), regex(pattern = "^[a-z0-9]+$"))]
    canary: String,
}

/// A careless line in the log: once by the names of fields, once in running text.
async fn logs(_: Ctx<Rehearsal>, Json(Line { mark, canary }): Json<Line>) -> Result<Empty> {
    tracing::warn!(
        mark,
        password = canary,
        authorization = format!("Bearer {canary}"),
        email = format!("{canary}@probe.example"),
        phone = canary,
        "rehearsal: a careless line"
    );
    tracing::warn!(mark, "rehearsal: password={canary} of {canary}@probe.example, sent as Authorization: Bearer {canary}");
    Ok(Empty)
}

/// How long to wait.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Wait {
    /// Milliseconds.
    #[schemars(range(min = 0, max = 60_000))]
    ms: i64,
}

/// How long it took.
#[derive(Serialize, JsonSchema)]
struct Waited {
    waited_ms: i64,
}

async fn wait(ms: i64) {
    tokio::time::sleep(Duration::from_millis(u64::try_from(ms).unwrap_or(0))).await;
}

/// A handler that takes its time without holding anything.
async fn waits(_: Ctx<Rehearsal>, Query(Wait { ms }): Query<Wait>) -> Result<Json<Waited>> {
    wait(ms).await;
    Ok(Json(Waited { waited_ms: ms }))
}

/// How much the database has to count.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Long {
    /// A million takes a noticeable part of a second, a thousand million longer than anyone waits.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    rows: i64,
}

/// What it counted.
#[derive(Serialize, JsonSchema)]
struct Counted {
    rows: i64,
}

/// One statement that keeps the database busy, on both kinds of database.
async fn reads(ctx: Ctx<Rehearsal>, Query(Long { rows }): Query<Long>) -> Result<Json<Counted>> {
    const COUNT: &str = "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < :rows) \
                         SELECT count(*) FROM number";
    let rows = ctx.read(move |tx| tx.row(COUNT, bind! { rows: rows })).await?;
    Ok(Json(Counted { rows }))
}

/// A read that keeps its connection without work for the processor.
async fn holds(ctx: Ctx<Rehearsal>, Query(Wait { ms }): Query<Wait>) -> Result<Json<Waited>> {
    let pause = Duration::from_millis(u64::try_from(ms).unwrap_or(0));
    ctx.read(move |tx| {
        tx.row::<i64>("SELECT 1", &[])?;
        std::thread::sleep(pause);
        Ok(())
    })
    .await?;
    Ok(Json(Waited { waited_ms: ms }))
}

/// A change after a while.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Late {
    /// Milliseconds before the change begins.
    #[schemars(range(min = 0, max = 60_000))]
    ms: i64,
    /// Name of the artist to be made.
    #[schemars(length(min = 1, max = 64))]
    name: String,
}

/// What was made.
#[derive(Serialize, JsonSchema)]
struct Made {
    artist: i64,
    song: Option<i64>,
}

/// A handler that takes its time before it changes something.
async fn waits_and_changes(ctx: Ctx<Rehearsal, Write>, Json(Late { ms, name }): Json<Late>) -> Result<Committed<Created<Made>>> {
    wait(ms).await;
    ctx.commit(move |change| {
        let artist = artist(change, &name)?;
        Ok(Created { location: format!("/v1/artists/{artist}"), body: Made { artist, song: None } })
    })
    .await
}

/// How the second of two writes ends.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Second {
    /// Well.
    Holds,
    /// The database refuses it: it refers to nothing.
    Refused,
    /// The code gives up after it.
    Error,
    /// The code has a bug after it.
    Panic,
}

/// Two writes of one change.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Pair {
    /// Name of the artist (the first write) and title of the song (the second).
    #[schemars(length(min = 1, max = 64))]
    name: String,
    /// What becomes of the second.
    second: Second,
}

/// Both or neither.
async fn pair(ctx: Ctx<Rehearsal, Write>, Json(Pair { name, second }): Json<Pair>) -> Result<Committed<Created<Made>>> {
    ctx.commit(move |change| {
        let artist = artist(change, &name)?;
        let refers_to = if matches!(second, Second::Refused) { artist + 1_000_000 } else { artist };
        let (song, now) = (change.born("song")?, change.now());
        change.write(
            "INSERT INTO song (tenant_id, id, title, artist_id, version, created_at, updated_at) \
             VALUES (:tenant, :id, :title, :artist, 1, :now, :now)",
            bind! { id: song, title: name, artist: refers_to, now: now },
        )?;
        match second {
            Second::Error => Err(Code::Internal.error().caused_by("rehearsal: the change gives up after its second write")),
            Second::Panic => std::panic::panic_any("rehearsal: a bug after the second write"),
            Second::Holds | Second::Refused => {
                Ok(Created { location: format!("/v1/artists/{artist}"), body: Made { artist, song: Some(song) } })
            }
        }
    })
    .await
}

fn artist(change: &mut Change<'_, '_>, name: &str) -> Result<i64> {
    let (id, now) = (change.born("artist")?, change.now());
    change.write(
        "INSERT INTO artist (tenant_id, id, name, version, created_at, updated_at) VALUES (:tenant, :id, :name, 1, :now, :now)",
        bind! { id: id, name: name, now: now },
    )?;
    Ok(id)
}

/// A route that will go.
async fn public(_: Ctx<Rehearsal>, (): ()) -> Result<Json<Waited>> {
    Ok(Json(Waited { waited_ms: 0 }))
}
