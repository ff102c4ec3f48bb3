//! Settings enter through one door and can be asked for.

use std::collections::BTreeSet;

use plimsoll_assess::{Rig, Trouble};
use serde_json::Value;

/// Asks an instance for every setting that applies to it.
pub(crate) async fn explained(rig: &mut Rig) -> Result<(), Trouble> {
    let secret = format!("s{:016x}", u64::from_le_bytes(rig.seed.bytes()));
    let dsn = format!("http://{secret}@127.0.0.1:9/1");
    let copy = rig.copy(&[("telemetry.sentry_dsn", &dsn), ("limits.queue", "33")]).await?;
    let said = copy.run(&["config", "explain", "--json"], "").await?;
    let keys: Vec<Value> = serde_json::from_str(&said.stdout).unwrap_or_default();
    let text = |key: &Value, name: &str| key[name].as_str().unwrap_or("").to_owned();
    let find = |name: &str| keys.iter().find(|key| key["key"] == name).cloned().unwrap_or(Value::Null);

    rig.check("one-place");
    rig.note("`config explain` on an instance with PLIMSOLL_LIMITS__QUEUE=33");
    rig.must(said.code == Some(0) && keys.len() > 40, "one command shows every setting");
    let variable = |key: &Value| format!("PLIMSOLL_{}", text(key, "key").to_uppercase().replace('.', "__"));
    rig.must(
        !keys.is_empty() && keys.iter().all(|key| text(key, "variable") == variable(key)),
        "each can be given by a variable of its name",
    );
    let names: BTreeSet<String> = keys.iter().map(|key| text(key, "key")).collect();
    rig.must(!keys.is_empty() && names.len() == keys.len(), "each is there once");
    rig.must(
        !keys.is_empty() && keys.iter().all(|key| !text(key, "kind").is_empty() && !text(key, "doc").is_empty()),
        "each has a kind and a sentence",
    );
    let queue = find("limits.queue");
    rig.must(text(&queue, "value") == "33", "the value of the variable applies");
    rig.must(queue["from"].to_string().contains("PLIMSOLL_LIMITS__QUEUE"), "and the variable is named as its source");

    rig.check("safe-defaults");
    for name in ["server.listen", "server.operations"] {
        rig.must(text(&find(name), "default").contains("127.0.0.1"), format!("unless told otherwise, {name} is on this machine only"));
    }
    let checked = copy.run(&["config", "check", "--json"], "").await?;
    rig.must(checked.code == Some(0), "an instance with a handful of settings has no fault");

    rig.check("dump");
    let masked = find("telemetry.sentry_dsn");
    rig.must(masked["secret"] == true && text(&masked, "value") == "set", "of a secret only that it is set is shown");
    rig.must(!said.stdout.is_empty() && !said.stdout.contains(&secret) && !said.stderr.contains(&secret), "its value stands nowhere");
    Ok(())
}
