//! `GET /v1/release`, `POST /v1/release`.

use plimsoll_core::{Access, Code, Result, Role};
use serde_json::json;

use super::order::{Order, Plan, View};
use crate::{
    ctx::{Committed, Ctx, Read, Write},
    route::{Json, Routes},
    upstream::sharing,
};

const READ: Access = Access::needs("release:read", Role::Admin);
const WRITE: Access = Access::needs("release:write", Role::Admin);

/// The routes of a release.
pub fn routes(r: &mut Routes<'_, ()>) {
    r.get("/release", READ, show).named("release.get").summary("How far the candidate has come");
    r.post("/release", WRITE, order)
        .named("release.order")
        .summary("Start the candidate, change its share, promote it, or return to the stable service")
        .describe(
            "The service is shared by all tenants, so this is refused where there are several: who runs the host orders it at the \
             operations listener.",
        )
        .example(json!({ "action": "weight", "weight": "10%" }))
        .problem(Code::NotFound)
        .problem(Code::Conflict)
        .problem(Code::Refused);
}

async fn show(ctx: Ctx<(), Read>, (): ()) -> Result<Json<View>> {
    Ok(Json(View::now(&ctx.host)))
}

async fn order(ctx: Ctx<(), Write>, Json(order): Json<Order>) -> Result<Committed<Json<View>>> {
    let plan = Plan::new(&ctx.host, &order)?;
    sharing::one_tenant(&ctx.host, "the release").await?;
    let host = ctx.host.clone();
    // A caller that leaves must not leave behind an order that is on record and not carried out.
    tokio::spawn(async move {
        let _orders = plan.release.orders.lock().await;
        let writes = plan.clone();
        let done = ctx.commit(move |change| writes.record(change)).await?;
        plan.carry_out(&host).await?;
        Ok(done)
    })
    .await?
}
