//! Configurations that must not start.

use plimsoll_assess::{
    Rig, Trouble,
    rig::{Stage, get, post},
};

/// A production configuration to which one fault is added.
const SOUND: [(&str, &str); 2] = [("profile", "production"), ("tls.off", "encrypted by the mesh below it")];

fn stage(rig: &Rig) -> Result<&Stage, Trouble> {
    rig.ground().stage.as_ref().ok_or_else(|| Trouble::new("private copies were not granted"))
}

/// Starts with these settings and expects a refusal that names each of `named`.
async fn refused(rig: &mut Rig, settings: &[(&str, &str)], named: &[&str], what: &str) -> Result<String, Trouble> {
    let ended = stage(rig)?.refusal(settings).await?;
    let said = ended.as_ref().map(|ended| ended.stderr.clone()).unwrap_or_default();
    let stopped = ended.is_some_and(|ended| ended.code.is_some_and(|code| code != 0));
    rig.must(stopped, format!("with {what} the service does not start"));
    rig.must(named.iter().all(|name| said.contains(name)), format!("what it says about {what} names {}", named.join(" and ")));
    Ok(said)
}

fn with<'s>(settings: &[(&'s str, &'s str)]) -> Vec<(&'s str, &'s str)> {
    SOUND.iter().chain(settings).copied().collect()
}

/// Bad settings, each with what has to be said about it.
pub(crate) async fn validation(rig: &mut Rig) -> Result<(), Trouble> {
    rig.check("unknown-names");
    refused(rig, &[("server.lisen", "127.0.0.1:0")], &["PLIMSOLL_SERVER__LISEN", "PLIMSOLL_SERVER__LISTEN"], "a misspelt setting").await?;
    refused(rig, &[("servr.listen", "127.0.0.1:0")], &["PLIMSOLL_SERVR__LISTEN"], "a misspelt section").await?;

    rig.check("typed");
    for (key, value, what) in [
        ("server.idle_timeout", "soon", "a duration that is none"),
        ("server.body_limit", "much", "a size that is none"),
        ("server.connections", "-5", "a count below zero"),
        ("limits.principal", "fast", "a rate that is none"),
        ("identity.register", "perhaps", "a switch that is neither true nor false"),
        ("profile", "staging", "a profile that does not exist"),
    ] {
        refused(rig, &[(key, value)], &[&format!("`{key}`")], what).await?;
    }

    rig.check("together");
    for (settings, key, what) in [
        (&[("tls.key", "key.pem")][..], "certificate", "a key without its certificate"),
        (&[("cors.origins", "[\"*\"]"), ("cors.credentials", "true")], "origin", "cookies for every origin"),
        (&[("server.trusted_proxies", "[\"10.0.0.0/33\"]")], "trusted_proxies", "a network that does not exist"),
        (&[("telemetry.trace_ratio", "7")], "between 0 and 1", "a share above one"),
    ] {
        refused(rig, settings, &[key], what).await?;
    }

    rig.check("all-at-once");
    let three = [("server.idle_timeout", "soon"), ("server.connections", "many"), ("limits.principal", "fast")];
    refused(rig, &three, &["server.idle_timeout", "server.connections", "limits.principal"], "three faults").await?;
    Ok(())
}

/// What is convenient on a desk and refused in production.
pub(crate) async fn debugging(rig: &mut Rig) -> Result<(), Trouble> {
    rig.check("refused-in-production");
    for level in ["debug", "trace"] {
        refused(rig, &with(&[("telemetry.level", level)]), &["PLIMSOLL_TELEMETRY__LEVEL"], &format!("the log level {level} in production"))
            .await?;
    }
    let off = "{ \"rate-limit\" = \"convenient while developing\" }";
    refused(rig, &with(&[("practices.off", off)]), &["development profile only"], "a practice switched off in production").await?;

    rig.check("no-debug-routes");
    for path in [
        "/debug",
        "/debug/pprof/",
        "/debug/vars",
        "/_debug",
        "/console/debug",
        "/actuator",
        "/actuator/env",
        "/trace",
        "/server-status",
        "/phpinfo.php",
        "/.env",
        "/__debug__/",
        "/admin/console",
    ] {
        let reply = rig.send(get(path)).await?;
        rig.must(reply.status == 404, format!("{path} does not exist"));
    }

    rig.check("quiet-errors");
    let tenant = rig.tenant().await?;
    for (ask, what) in [
        (get("/v1/nothing-of-this-name"), "an unknown address"),
        (get("/v1/users/not-an-id").bearer(&tenant.owner), "a malformed id"),
        (post("/v1/keys").bearer(&tenant.owner).header("content-type", "application/json").body("{"), "a broken body"),
        (get("/v1/users?page=x").bearer(&tenant.owner), "a broken query"),
    ] {
        let reply = rig.send(ask).await?;
        let text = reply.text();
        let loud = [".rs:", "panicked", "backtrace", "stack trace", "/src/", "at line 0", "SELECT "].iter().any(|mark| text.contains(mark));
        rig.must((400..500).contains(&reply.status) && !loud, format!("the answer to {what} shows no code, path or trace"));
    }
    Ok(())
}

/// Secrets that nobody chose.
pub(crate) async fn secrets(rig: &mut Rig) -> Result<(), Trouble> {
    rig.check("weak-master-key");
    let pattern = "0123456789abcdef".repeat(4);
    let zeros = "00".repeat(32);
    for (value, what) in [
        (zeros.as_str(), "a master key of zeros"),
        (pattern.as_str(), "a master key made up by hand"),
        ("changeme", "an example in the place of the master key"),
    ] {
        let said = refused(rig, &[("identity.master_key", value)], &["PLIMSOLL_IDENTITY__MASTER_KEY"], what).await?;
        rig.must(!said.contains(value), format!("what it says about {what} does not repeat it"));
    }

    rig.check("unset-master-key");
    // plimsoll: allow no-hardcoded-credentials until 2027-11-21 nothing listens there; the service has to refuse before it asks
    let shared = [("database.url", "postgres://plimsoll:h4rd-t0-gu3ss-9s8d7f@127.0.0.1:9/plimsoll")];
    refused(rig, &with(&shared), &["identity.master_key"], "no master key on a shared database in production").await?;

    rig.check("known-store-password");
    let key: String = rig.seed.bytes::<32>().iter().map(|byte| format!("{byte:02x}")).collect();
    for password in ["postgres", "changeme", "plimsoll"] {
        let url = format!("postgres://plimsoll:{password}@127.0.0.1:9/plimsoll");
        let settings = with(&[("database.url", &url), ("identity.master_key", &key)]);
        let said = refused(rig, &settings, &["DATABASE__URL", "password of the database"], "a database password out of an example").await?;
        rig.must(!said.contains(&url), "what it says does not repeat the address");
    }
    Ok(())
}
