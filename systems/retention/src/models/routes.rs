//! `/v1/models`.

use plimsoll::{
    Access, Code, Committed, Ctx, Read, Result, Role, Write, bind,
    route::{Created, Json, Path, Routes},
};
use plimsoll_ai::tree::{Feature, Forest, Leaf, Tree};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    Card, Draft, activate,
    card::CARDS,
    register::{active_id, before, checked, keep},
};
use crate::Retention;

/// Who may look at models.
pub(crate) const READ: Access = Access::needs("models:read", Role::Viewer);
/// Who may change which one answers.
pub(crate) const WRITE: Access = Access::needs("models:write", Role::Admin);
/// The largest model that is taken, in bytes.
const LARGEST: usize = 48 << 20;

/// Declares the routes.
pub fn routes(r: &mut Routes<'_, Retention>) {
    r.get("/models", READ, list).named("models.list").summary("All models, the newest first");
    r.post("/models", WRITE, create)
        .named("models.register")
        .summary("Register a model that XGBoost or LightGBM wrote; it answers nothing before it is activated")
        .describe(
            "The model is kept by the digest of its bytes: the same bytes for the same features again are the same model. Its digest, \
             features, thresholds and calibration are signed, and it answers only as long as it is what was signed. One that was altered \
             in the database is put right by registering it again as it was.",
        )
        .problem(Code::Conflict)
        .body_limit(LARGEST)
        .example(serde_json::json!({ "name": "everybody alike", "algorithm": "lightgbm", "feature_set": "iit-v1", "artifact": alike() }));
    r.get("/models/{id}", READ, read).named("models.read").summary("A model's card");
    r.post("/models/{id}/activate", WRITE, begin)
        .named("models.activate")
        .summary("Make a model the one that answers")
        .problem(Code::Conflict);
    r.post("/models/rollback", WRITE, back)
        .named("models.rollback")
        .summary("Go back to the model that answered before the active one")
        .problem(Code::Conflict);
}

/// The smallest model there is, for the description: it says the same of everybody.
fn alike() -> String {
    let feature = |name: &&str| Feature { name: (*name).to_owned(), range: None };
    let leaf = Leaf { value: -2.0, cover: 1.0, weight: 1.0, id: 0 };
    let tree = Tree { branches: Vec::new(), leaves: vec![leaf] };
    let forest = Forest::lightgbm(crate::features::Set::V1.names().iter().map(feature).collect(), vec![tree]);
    forest.and_then(|forest| forest.to_lightgbm()).unwrap_or_default()
}

/// Models.
#[derive(Debug, Serialize, JsonSchema)]
struct Cards {
    /// The newest first.
    items: Vec<Card>,
}

async fn list(ctx: Ctx<Retention, Read>, (): ()) -> Result<Json<Cards>> {
    let items = ctx.read(move |tx| cards(tx, 500)).await?;
    Ok(Json(Cards { items }))
}

/// Cards of so many models, the newest first.
pub(crate) fn cards(tx: &plimsoll::Tx<'_>, count: i64) -> Result<Vec<Card>> {
    let mut sql = plimsoll::Sql::from(CARDS);
    sql.push(" ORDER BY m.id DESC LIMIT :count");
    tx.rows(sql, bind! { count: count })
}

/// A model's card.
pub(crate) fn card(tx: &plimsoll::Tx<'_>, id: i64) -> Result<Card> {
    let mut sql = plimsoll::Sql::from(CARDS);
    sql.push(" AND m.id = :id");
    tx.maybe(sql, bind! { id: id })?.ok_or_else(|| Code::NotFound.because(format!("there is no model {id}")))
}

async fn read(ctx: Ctx<Retention, Read>, Path(id): Path<i64>) -> Result<Json<Card>> {
    ctx.read(move |tx| card(tx, id)).await.map(Json)
}

async fn create(ctx: Ctx<Retention, Write>, Json(draft): Json<Draft>) -> Result<Committed<Created<Card>>> {
    // Reading a large model takes a while: not inside the transaction.
    let system = ctx.system.clone();
    let (draft, release) = ctx.compute(move || checked(&system.shelf, &draft).map(|release| (draft, release))).await?;
    let system = ctx.system.clone();
    ctx.commit(move |change| {
        let id = keep(change, &system.shelf, &draft, release)?;
        Ok(Created { location: format!("/v1/models/{id}"), body: card(change, id)? })
    })
    .await
}

async fn begin(ctx: Ctx<Retention, Write>, Path(id): Path<i64>) -> Result<Committed<Json<Card>>> {
    let system = ctx.system.clone();
    ctx.commit(move |change| {
        activate(change, &system.shelf, id, "activate")?;
        crate::score::all_later(change)?;
        card(change, id).map(Json)
    })
    .await
}

async fn back(ctx: Ctx<Retention, Write>, (): ()) -> Result<Committed<Json<Card>>> {
    let system = ctx.system.clone();
    ctx.commit(move |change| {
        // Without the registry there is no way back: the model that answers goes on.
        let before = if system.shelf.registers() { before(change)? } else { active_id(change)? };
        let before = before.ok_or_else(|| Code::Conflict.because("no other model was active before"))?;
        activate(change, &system.shelf, before, "rollback")?;
        crate::score::all_later(change)?;
        card(change, before).map(Json)
    })
    .await
}
