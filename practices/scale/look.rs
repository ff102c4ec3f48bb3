//! What can be seen of these practices from outside.

use plimsoll_assess::{
    Rig, Trouble,
    rig::{Reply, get},
};

use crate::outside::beyond;

/// Names of fields with limit, remaining quota and reset, in the ways they are written.
const WAYS: &[[&str; 3]] = &[
    ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"],
    ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"],
    ["x-rate-limit-limit", "x-rate-limit-remaining", "x-rate-limit-reset"],
];

/// What is left, where the answer says so.
fn left(reply: &Reply) -> Option<u64> {
    let current = reply.header("ratelimit").filter(|_| reply.has("ratelimit-policy"));
    let draft = current.and_then(|field| field.split(';').find_map(|part| part.trim().strip_prefix("r=")?.parse().ok()));
    draft.or_else(|| WAYS.iter().find(|way| way.iter().all(|name| reply.has(name))).and_then(|way| reply.header(way[1])?.parse().ok()))
}

/// Two reads.
pub(crate) async fn told(rig: &mut Rig) -> Result<(), Trouble> {
    rig.check("on-success");
    let replies = [rig.send(get("/")).await?, rig.send(get("/")).await?];
    let lefts: Vec<u64> = replies.iter().filter(|reply| reply.good()).filter_map(left).collect();
    if lefts.len() == 2 {
        rig.must(true, "a successful answer carries limit, remaining quota and reset");
        rig.check("decreases");
        if lefts[1] < lefts[0] {
            rig.must(true, "the second answer leaves less than the first");
        } else {
            rig.unknown("two questions do not tell whether it decreases");
        }
    } else {
        rig.unknown("nothing is said on this answer; whether there is a limit shows only in a burst, which is no part of a look");
    }
    beyond(rig, "a refusal shows only in a burst, which is no part of a look");
    Ok(())
}
