//! `plimsoll doctor`

use plimsoll::{archive::record, database, shared::Shared};
use serde::Serialize;

use super::{Ended, Ground, Outcome, configuration};
use crate::{arguments::Global, output};

/// One thing that was looked at.
#[derive(Serialize)]
struct Line {
    /// What.
    check: &'static str,
    /// `ok`, `warning` or `failed`.
    state: &'static str,
    /// What was found.
    found: String,
    /// Why it matters.
    why: &'static str,
    /// What to do, where something is to be done.
    fix: Option<String>,
}

/// Looks at configuration, database, schema, durability, row security and the master key.
pub async fn run(global: &Global) -> Outcome {
    let mut lines = Vec::new();
    let config = match configuration(global, Vec::new()) {
        Ok(config) => config,
        Err(Ended::Reported(code)) => return Ok(code),
        Err(other) => return Err(other),
    };
    let place = config.path().map_or_else(|| "defaults and environment".to_owned(), |path| path.display().to_string());
    lines.push(Line {
        check: "configuration",
        state: "ok",
        found: format!("{place}, profile {}", config.profile()),
        why: "a service must start the same way every time",
        fix: None,
    });
    match Ground::open(global) {
        Ok(ground) => {
            inspect(&ground, &mut lines).await;
            ground.close().await?;
        }
        Err(Ended::Failed(error)) => lines.push(failed("database", &error, "nothing can be kept without it")),
        Err(other) => return Err(other),
    }
    let worst = lines.iter().any(|line| line.state == "failed");
    output::result(global.json, &lines, |lines| lines.iter().map(show).collect::<Vec<_>>().join("\n"));
    Ok(u8::from(worst))
}

async fn inspect(ground: &Ground, lines: &mut Vec<Line>) {
    match ground.store.facts().await {
        Err(error) => lines.push(failed("database", &error, "nothing can be kept without it")),
        Ok(facts) => {
            lines.push(Line {
                check: "database",
                state: "ok",
                found: format!("{} {}, {} bytes", facts.kind.name(), facts.version, facts.size),
                why: "it holds everything",
                fix: None,
            });
            let settings = facts.durability.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ");
            lines.push(Line {
                check: "durability",
                state: if facts.durable { "ok" } else { "failed" },
                found: settings,
                why: "what was acknowledged must survive a power loss",
                fix: (!facts.durable).then(|| "set fsync, full_page_writes and synchronous_commit to on".to_owned()),
            });
            if database::shared(&ground.config) {
                lines.push(Line {
                    check: "row security",
                    state: if facts.bypasses_row_security { "failed" } else { "ok" },
                    found: if facts.bypasses_row_security { "the role bypasses it".to_owned() } else { "binds the role".to_owned() },
                    why: "it stands behind our own tenant checks",
                    fix: facts
                        .bypasses_row_security
                        .then(|| "connect as a role without SUPERUSER and BYPASSRLS that owns the tables".to_owned()),
                });
            }
        }
    }
    match ground.store.schema_state().await.and_then(|state| state.ready().map(|()| state.0.len())) {
        Ok(count) => lines.push(Line {
            check: "schema",
            state: "ok",
            found: format!("{count} migrations applied, none pending"),
            why: "binary and database must agree",
            fix: None,
        }),
        Err(error) => {
            // An embedded database is migrated by the next start.
            let state = if database::shared(&ground.config) { "failed" } else { "warning" };
            lines.push(Line {
                check: "schema",
                state,
                found: error.public().to_owned(),
                why: "binary and database must agree",
                fix: Some("plimsoll migrate up".to_owned()),
            });
        }
    }
    shared(ground, lines).await;
    match ground.master() {
        Ok(_) => lines.push(Line {
            check: "master key",
            state: "ok",
            found: "present, readable only by its owner".to_owned(),
            why: "it seals the keys that sign tokens",
            fix: None,
        }),
        Err(error) => lines.push(failed("master key", &error, "it seals the keys that sign tokens")),
    }
    backups(ground, lines).await;
}

/// Whether there are backups, where, and whether one was ever restored. What would be a worry where
/// users' data lies is none on a developer's machine.
async fn backups(ground: &Ground, lines: &mut Vec<Line>) {
    let why = "what cannot be restored is lost with its disk";
    let looked = async {
        let archive = ground.archive()?;
        let (backup, drill) = record::newest(&ground.store).await?;
        Ok::<_, plimsoll::Error>((archive.depot, backup, drill))
    };
    let (depot, backup, drill) = match looked.await {
        Ok(found) => found,
        // A schema that is not in place has its own line.
        Err(error) if error.code() == plimsoll::Code::Internal => return,
        Err(error) => return lines.push(failed("backups", &error, why)),
    };
    let when = |at: Option<plimsoll::Time>| at.map_or_else(|| "none".to_owned(), |at| at.to_string());
    let newest = when(backup.as_ref().map(|backup| backup.started_at));
    let drilled = when(drill.as_ref().map(|drill| drill.started_at));
    let worries = database::production(&ground.config) && (!depot.elsewhere || backup.is_none() || drill.is_none());
    let fix = match (backup, drill, depot.elsewhere) {
        (.., false) => "set archive.place to another disk or an object store, and keep a copy of the key elsewhere too",
        (None, ..) => "plimsoll backup create",
        (_, None, _) => "plimsoll backup drill",
        _ => "",
    };
    lines.push(Line {
        check: "backups",
        state: if worries { "warning" } else { "ok" },
        found: format!("at {}; newest {newest}, last good drill {drilled}", depot.place.shown()),
        why,
        fix: worries.then(|| fix.to_owned()),
    });
}

/// The server that several processes share, where one is named. Without it everything works, less well.
async fn shared(ground: &Ground, lines: &mut Vec<Line>) {
    let why = "processes count limits together and share kept answers there";
    let asked = match Shared::new(&ground.config.get()) {
        Ok(None) => return,
        Ok(Some(shared)) => shared.version().await,
        Err(error) => Err(error),
    };
    lines.push(match asked {
        Ok(version) => Line { check: "redis", state: "ok", found: format!("version {version}, takes writes"), why, fix: None },
        Err(error) => Line {
            check: "redis",
            state: "warning",
            found: error.public().to_owned(),
            why,
            fix: Some("start it, or correct redis.url; until then each process counts and keeps for itself".to_owned()),
        },
    });
}

fn failed(check: &'static str, error: &plimsoll::Error, why: &'static str) -> Line {
    Line { check, state: "failed", found: error.public().to_owned(), why, fix: Some(format!("plimsoll explain {}", error.code().stable())) }
}

fn show(line: &Line) -> String {
    let mark = match line.state {
        "ok" => "ok     ",
        "warning" => "warning",
        _ => "FAILED ",
    };
    let mut text = format!("{mark}  {}: {}", line.check, line.found);
    if let Some(fix) = &line.fix {
        text.push_str(&format!("\n           why: {}\n           fix: {fix}", line.why));
    }
    text
}
