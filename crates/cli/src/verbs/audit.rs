//! `plimsoll audit verify`

use plimsoll::{Code, Scope, ledger::chain};
use plimsoll_core::TenantId;
use plimsoll_store::Pace;
use serde_json::{Value, json};

use super::{Ground, Outcome};
use crate::{
    arguments::{Audit, Global},
    output,
};

/// Walks the chains; exit code 1 when an entry does not fit.
pub async fn run(global: &Global, what: &Audit) -> Outcome {
    let Audit::Verify { tenant } = what;
    let ground = Ground::ready(global).await?;
    let mut tenants: Vec<(String, TenantId)> = vec![("(host)".to_owned(), TenantId::from_bits(0))];
    tenants.extend(ground.desk().list_tenants().await?.into_iter().map(|one| (one.slug, one.id)));
    if let Some(slug) = tenant {
        tenants.retain(|(known, _)| known == slug);
        if tenants.is_empty() {
            return Err(Code::NotFound
                .because(format!("there is no tenant `{slug}`; `plimsoll tenant list` shows those that exist"))
                .into());
        }
    }
    let (mut rows, mut intact) = (Vec::new(), true);
    for (slug, id) in tenants {
        let found = ground.store.read(Scope::Tenant(id), &Pace::new(), chain::verify).await?;
        intact &= found.broken.is_none();
        rows.push(json!({
            "tenant": slug, "intact": found.broken.is_none(), "entries": found.entries, "head": found.head,
            "broken_at": found.broken.map(|(seq, _)| seq), "reason": found.broken.map(|(_, why)| why),
        }));
    }
    output::result(global.json, &json!({ "intact": intact, "chains": rows }), |_| rows.iter().map(line).collect::<Vec<_>>().join("\n"));
    ground.close().await?;
    Ok(u8::from(!intact))
}

fn line(row: &Value) -> String {
    let text = |name: &str| row[name].as_str().unwrap_or("").to_owned();
    match row["broken_at"].as_i64() {
        None => format!("{}: {} entries, intact, head {}", text("tenant"), row["entries"], text("head")),
        Some(seq) => format!("{}: BROKEN at entry {seq}: {}", text("tenant"), text("reason")),
    }
}
