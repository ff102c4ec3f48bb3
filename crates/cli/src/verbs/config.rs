//! `plimsoll config check|explain|reference|example`

use plimsoll::{config::Place, practices::PracticesConfig};
use serde_json::json;

use super::{Outcome, configuration, load};
use crate::{
    arguments::{ConfigVerb, Global},
    mounts, output,
};

/// Runs one of them; none needs a database.
pub fn run(global: &Global, what: &ConfigVerb) -> Outcome {
    match what {
        ConfigVerb::Check => check(global),
        ConfigVerb::Explain { key } => explain(global, key.as_deref()),
        ConfigVerb::Reference => {
            output::result(false, &(), |()| mounts::schema().reference());
            Ok(0)
        }
        ConfigVerb::Example => {
            output::result(false, &(), |()| mounts::schema().example());
            Ok(0)
        }
    }
}

fn check(global: &Global) -> Outcome {
    let faults = match load(global, Vec::new()) {
        Ok(config) => {
            let place = config.path().map_or_else(|| "no file".to_owned(), |path| path.display().to_string());
            output::result(global.json, &json!({ "ok": true, "faults": [] }), |_| {
                format!("the configuration is fine ({place}, profile {})", config.profile())
            });
            return Ok(0);
        }
        Err(faults) => faults,
    };
    let listed: Vec<_> =
        faults.iter().map(|fault| json!({ "place": fault.place.to_string(), "message": fault.message, "help": fault.help })).collect();
    output::result(global.json, &json!({ "ok": false, "faults": listed }), |_| faults.to_string());
    Ok(1)
}

fn explain(global: &Global, key: Option<&str>) -> Outcome {
    let config = configuration(global, Vec::new())?;
    let mut explained: Vec<_> = match key {
        Some(key) => vec![config.explain(key)?],
        None => config.all().collect(),
    };
    if !config.get::<PracticesConfig>().holds("config-env") {
        // Nobody knows any more where a value comes from, nor how else it could be given.
        for one in &mut explained {
            (one.from, one.variable) = (Place::Default, String::new());
        }
    }
    output::result(global.json, &explained, |all| all.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n\n"));
    Ok(0)
}
