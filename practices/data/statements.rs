//! Statements that take long: stopped at a limit, and told of before it.

use std::time::Duration;

use plimsoll_assess::{Rig, Trouble, rig::get};

use crate::{figures::counted, log::Log};

/// A statement beyond the limit is stopped in the database.
pub(crate) async fn limited(rig: &mut Rig) -> Result<(), Trouble> {
    let settings = [("database.statement_timeout", "200ms"), ("database.readers", "1"), ("server.handler_timeout", "3s")];
    let copy = rig.copy(&settings).await?;
    rig.turn_to(&copy);
    let tenant = rig.tenant_on(&copy).await?;
    rig.note("an instance with database.statement_timeout = \"200ms\", database.readers = 1 and server.handler_timeout = \"3s\"");
    rig.check("every-query-limited");
    let reply = rig.send(get("/v1/rehearsal/read?rows=30000000").bearer(&tenant.owner)).await?;
    rig.must(reply.status == 503, "a statement that would run longer than the request may take is answered 503 before that");
    rig.must(reply.has("retry-after"), "and the answer says when to come back");
    rig.check("cancelled-at-limit");
    let limit = Duration::from_millis(1500);
    let next = rig.until(limit, || get("/v1/rehearsal/read?rows=1").bearer(&tenant.owner), |reply| reply.status == 200).await?;
    rig.must(next.is_some(), "the only connection serves the next caller: the statement has ended in the database too");
    let stopped = counted(rig, "plimsoll_db_statement_timeouts_total", "/statement_timeouts").await?;
    rig.must(stopped.is_none_or(|count| count > 0.5), "the statement was counted as stopped");
    Ok(())
}

/// A slow statement leaves a record that says which, and not with what.
pub(crate) async fn slow(rig: &mut Rig) -> Result<(), Trouble> {
    const ROWS: &str = "54321";
    let copy = rig.copy(&[("database.slow_statement", "1ms"), ("server.handler_timeout", "30s")]).await?;
    rig.turn_to(&copy);
    let tenant = rig.tenant_on(&copy).await?;
    rig.note("an instance with database.slow_statement = \"1ms\"");
    let before = counted(rig, "plimsoll_db_slow_statements_total", "/slow_statements").await?.unwrap_or(0.0);
    rig.send(get(format!("/v1/rehearsal/read?rows={ROWS}")).bearer(&tenant.owner)).await?;
    let log = Log::of_copy(&copy);
    let found = log.wait_for(1, |line| line.text.contains("slow statement") && line.text.contains("WITH RECURSIVE number")).await;
    rig.check("slow-logged");
    rig.must(found.len() == 1, "a statement beyond the threshold leaves one line with its text");
    let line = found.first().cloned().unwrap_or_default();
    rig.must(line.get("millis").parse::<f64>().is_ok_and(|took| took >= 1.0), "and with the time it took");
    rig.check("no-values");
    rig.must(line.text.contains(":rows") && !line.text.contains(ROWS), "values are placeholders in it");
    rig.check("counted");
    let after = counted(rig, "plimsoll_db_slow_statements_total", "/slow_statements").await?.unwrap_or(0.0);
    rig.must(after > before + 0.5, "the counter of slow statements rises");
    Ok(())
}
