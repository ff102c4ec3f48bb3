//! `plimsoll migrate status|up|down`

use plimsoll::{Code, practices::PracticesConfig};
use plimsoll_store::Down;
use serde_json::{Value, json};

use super::{Ground, Outcome, configuration};
use crate::{
    arguments::{Global, Migrate},
    output,
};

/// Runs one of them.
pub async fn run(global: &Global, what: &Migrate) -> Outcome {
    if !configuration(global, Vec::new())?.get::<PracticesConfig>().holds("db-migrations") {
        return Err(Code::Refused.because("the practice db-migrations is switched off: the schema is whatever it is").into());
    }
    let ground = Ground::open(global)?;
    let code = match what {
        Migrate::Status => {
            let state = ground.store.schema_state().await?;
            let rows: Vec<Value> = state
                .0
                .iter()
                .map(|one| json!({ "owner": one.owner, "id": one.id, "state": one.state.name(), "applied_at": one.applied_at }))
                .collect();
            output::result(global.json, &json!({ "migrations": rows }), |_| table(&rows));
            u8::from(state.fit().is_err())
        }
        Migrate::Up => {
            let applied = ground.store.migrate_up().await?;
            let plain = if applied.is_empty() { "nothing is pending".to_owned() } else { format!("applied {}", applied.join(", ")) };
            output::result(global.json, &json!({ "applied": applied }), |_| plain);
            0
        }
        Migrate::Down { steps, yes } => {
            if !yes {
                let text = format!(
                    "undoing {steps} of the newest migrations drops tables with their data; repeat with --yes if that is what you want"
                );
                return Err(Code::Refused.because(text).into());
            }
            let undone = ground.store.migrate_down(Down::Steps(*steps)).await?;
            let plain = if undone.is_empty() { "nothing to undo".to_owned() } else { format!("undone {}", undone.join(", ")) };
            output::result(global.json, &json!({ "undone": undone }), |_| plain);
            0
        }
    };
    ground.close().await?;
    Ok(code)
}

fn table(rows: &[Value]) -> String {
    let cell = |one: &Value, name: &str| one[name].as_str().unwrap_or("").to_owned();
    let rows: Vec<Vec<String>> =
        rows.iter().map(|one| ["owner", "id", "state", "applied_at"].map(|name| cell(one, name)).to_vec()).collect();
    output::columns(&["owner", "migration", "state", "applied"], &rows)
}
