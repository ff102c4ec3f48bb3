//! Every route that is not declared public refuses who shows no credential or a bad one.

use plimsoll_assess::{
    Rig, Trouble,
    rig::{delete, get, post},
};

use crate::{
    description::{NOBODY, operations},
    mounted,
};

/// Operations that are open by nature; any other that calls itself public is one too many.
const OPEN: &[&str] = &[
    "GET /health",
    "GET /health/live",
    "GET /health/ready",
    "GET /.well-known/jwks.json",
    "GET /.well-known/certificate-keys.json",
    "POST /v1/auth/login",
    "POST /v1/auth/refresh",
    "POST /v1/auth/register",
    "POST /v1/setup",
];

/// Walks every operation of the service's own description.
pub(crate) async fn attack(rig: &mut Rig) -> Result<(), Trouble> {
    let operations = operations(rig).await?;
    rig.check("no-credential");
    for operation in operations.iter().filter(|operation| !operation.public) {
        let reply = rig.quietly(operation.ask(NOBODY)).await?;
        rig.must(reply.status == 401, format!("{} without a credential is refused with 401", operation.name()));
    }
    mounted::closed(rig).await?;
    rig.check("bad-credential");
    for operation in operations.iter().filter(|operation| !operation.public) {
        let ask = operation.ask(NOBODY).bearer("plm_notakeythatanybodyhaseverissued00000000000");
        let reply = rig.quietly(ask).await?;
        rig.must(reply.status == 401, format!("{} with a key that does not exist is refused with 401", operation.name()));
    }
    let me = || get("/v1/auth/me");
    for (what, header) in
        [("Basic credentials", "Basic YWRhOmFkYQ=="), ("a word without a scheme", "letmein"), ("an empty bearer", "Bearer ")]
    {
        let reply = rig.quietly(me().header("authorization", header)).await?;
        rig.must(reply.status == 401, format!("{what} are refused with 401"));
    }
    mounted::believed(rig).await?;
    rig.check("public-list");
    for operation in operations.iter().filter(|operation| operation.public) {
        rig.must(
            OPEN.contains(&operation.name().as_str()),
            format!("{} is declared public and is one of the few that have to be", operation.name()),
        );
        let reply = rig.quietly(operation.ask(NOBODY)).await?;
        let answers = reply.code() != "PLM-AUTH-001";
        rig.must(answers, format!("{} asks for no credential, as declared", operation.name()));
    }
    mounted::open(rig).await?;
    rig.check("unknown-route");
    for ask in [
        get("/v1/nothing-of-this-name"),
        post("/v1/nothing-of-this-name"),
        delete("/v1/auth"),
        get("/v1"),
        get("/v1/users/../users"),
        get("/V1/users"),
        get("/v1//users"),
        get("/v1/users/"),
    ] {
        let reply = rig.send(ask).await?;
        rig.must((400..500).contains(&reply.status), "what the description does not know leads nowhere");
    }
    Ok(())
}
