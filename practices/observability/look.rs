//! What can be seen of these practices from outside.

use plimsoll_assess::{
    Rig, Trouble,
    rig::{Reply, get},
};

use crate::outside::{NOWHERE, beyond};

const NAMES: &[&str] = &["x-request-id", "x-correlation-id", "request-id", "x-trace-id", "traceresponse", "x-amzn-requestid"];

fn shown(reply: &Reply) -> Option<String> {
    NAMES.iter().find_map(|name| reply.header(name)).map(str::to_owned)
}

/// Two answers without an id of ours, one with.
pub(crate) async fn correlation(rig: &mut Rig) -> Result<(), Trouble> {
    const OWN: &str = "plimsoll-look-1";
    rig.check("returned");
    let (good, bad) = (rig.send(get("/")).await?, rig.send(get(NOWHERE)).await?);
    rig.must(shown(&good).is_some() && shown(&bad).is_some(), "an answer and a refusal carry an id of the request");
    rig.must(shown(&good).is_none() || shown(&good) != shown(&bad), "each has one of its own");
    rig.check("taken-or-made");
    let own = rig.send(get("/").header("x-request-id", OWN).header("x-correlation-id", OWN)).await?;
    match (shown(&good), shown(&own).as_deref() == Some(OWN)) {
        (Some(_), true) => {
            rig.must(true, "an id that the caller sends comes back, and without one there is one of the service");
        }
        (Some(_), false) => rig.unknown("the service makes ids; whether it keeps the caller's elsewhere cannot be seen"),
        (None, _) => {
            rig.must(false, "an id is taken from the caller, or made");
        }
    }
    beyond(rig, "what is logged and sent on cannot be seen from outside");
    Ok(())
}
