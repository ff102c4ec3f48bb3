//! What was sent to the service in confidence, and all the places where it must not come out.

use std::time::Duration;

use plimsoll_assess::{
    Rig, Trouble,
    rig::{get, post},
};
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::{
    log::Log,
    observability::reports::{collector, dsn},
};

const PROJECT: u32 = 7002;

/// Sends words that stand nowhere else wherever a caller can put them, and looks for them.
pub(crate) async fn searched(rig: &mut Rig) -> Result<(), Trouble> {
    let dsn = dsn(rig, PROJECT)?;
    let copy = rig.copy(&[("telemetry.sentry_dsn", &dsn)]).await?;
    rig.turn_to(&copy);
    let tenant = rig.tenant_on(&copy).await?;
    let word = || format!("c{:016x}{:016x}", u64::from_le_bytes(rig.seed.bytes()), u64::from_le_bytes(rig.seed.bytes()));
    let (secret, personal, mark, trace) = (word(), word(), word(), format!("{:032x}", u128::from_le_bytes(rig.seed.bytes()) | 1));
    let key = format!("plm_{secret}");
    let sampled = format!("00-{trace}-00000000000000aa-01");
    let mail = format!("{personal}@probe.example");

    let careless = json!({ "mark": mark, "canary": secret });
    rig.quietly(post("/v1/rehearsal/log").bearer(&tenant.owner).json(&careless)).await?;
    rig.quietly(post("/v1/auth/login").json(&json!({ "email": mail, "password": secret }))).await?;
    let query = format!("/v1/songs?token={secret}&q={personal}");
    rig.quietly(get(query).bearer(&key).header("x-api-key", &secret).header("cookie", format!("session={secret}"))).await?;
    rig.quietly(get(format!("/{personal}/{secret}")).header("referer", format!("https://{personal}.example/"))).await?;
    rig.quietly(post("/v1/artists").bearer(&tenant.owner).json(&json!({ "name": personal, "unknown": secret }))).await?;
    let fail = post("/v1/rehearsal/fail").bearer(&tenant.owner).header("traceparent", sampled).json(&json!({ "canary": key }));
    rig.quietly(fail).await?;

    let log = Log::of_copy(&copy);
    let lines = log.wait_for(2, |line| line.text.contains(&mark)).await;
    log.wait_for(1, |line| line.get("route") == "/v1/rehearsal/fail").await;
    let text = log.text();
    rig.check("credentials-masked");
    rig.must(lines.len() == 2, "the service's code wrote two careless lines");
    let [first, second] = [0, 1].map(|at| lines.get(at).cloned().unwrap_or_default());
    for field in ["password", "authorization"] {
        rig.must(
            first.fields.contains_key(field) && !first.get(field).contains(&secret),
            format!("the value of a field `{field}` is masked"),
        );
    }
    rig.must(!second.text.is_empty() && !second.text.contains(&secret), "a password and a bearer token in running text are masked");
    rig.must(!text.contains(&secret), "a password, a token, a key and a cookie that were sent stand in no line");
    rig.check("personal-masked");
    for field in ["email", "phone"] {
        rig.must(
            first.fields.contains_key(field) && !first.get(field).contains(&secret),
            format!("the value of a field `{field}` is masked"),
        );
    }
    rig.must(!text.contains(&personal), "an address, a name and a search that were sent stand in no line");

    rig.check("traces-and-reports");
    let path = format!("/api/{PROJECT}/");
    let end = Instant::now() + Duration::from_secs(4);
    // Where spans or reports are switched off nothing comes; then nothing can be in it.
    let heard = loop {
        let heard = collector(rig)?.heard();
        let spans = heard.iter().any(|heard| heard.text.contains(&trace) && heard.path == "/v1/traces");
        let report = heard.iter().any(|heard| heard.path.starts_with(&path));
        if (spans && report) || Instant::now() >= end {
            break heard;
        }
        sleep(Duration::from_millis(25)).await;
    };
    let holds = |heard: &plimsoll_assess::rig::Heard| [&secret, &personal].iter().any(|word| heard.text.contains(word.as_str()));
    rig.must(!heard.iter().filter(|heard| heard.path == "/v1/traces").any(holds), "none of them stands in a span");
    rig.must(!heard.iter().filter(|heard| heard.path.starts_with(&path)).any(holds), "nor in an error report");
    Ok(())
}
