//! `plimsoll jobs …`: what waits, what died and why, and what is to become of it; without a
//! running server, or beside one.

use std::{io::Read as _, sync::Arc};

use plimsoll::{
    Code, Time,
    config::{Setting, Span},
    work::admin::{
        find::Filter,
        operate::Desk,
        order::{Done, MOST, Tally},
        record::{Detail, Line},
    },
};
use plimsoll_core::{JobId, TenantId};
use serde_json::{Value, json};

mod show;

use super::{Ended, Ground, Outcome};
use crate::{
    arguments::{Global, Jobs, Which},
    mounts, output,
};

type Said<T> = std::result::Result<T, Ended>;

/// `plimsoll jobs …`
pub async fn run(global: &Global, what: &Jobs) -> Outcome {
    let ground = Ground::ready(global).await?;
    let kinds = Arc::new(mounts::mount(&ground.config).kinds()?);
    let desk = Desk { store: ground.store.clone(), clock: ground.clock.clone(), kinds };
    let code = match what {
        Jobs::List { tenant, state, which, page, page_size } => {
            let tenants = tenants(&ground, tenant.as_deref()).await?;
            let mut filter = filter(which, ground.clock.now())?;
            filter.state.clone_from(state);
            list(global, &desk, &tenants, filter, (*page, *page_size)).await?
        }
        Jobs::Show { id } => {
            let job = desk.show(id.parse()?).await?;
            let slug = slug_of(&ground, job.line.tenant).await?;
            output::result(global.json, &with_tenant(&job, &slug), |_| show::detail(&job, &slug, ground.clock.now()));
            0
        }
        Jobs::Stats { tenant } => {
            let one = match tenant {
                Some(slug) => Some(ground.desk().tenant(slug).await?.id),
                None => None,
            };
            let stats = desk.stats(one).await?;
            output::result(global.json, &stats, show::stats);
            0
        }
        Jobs::Cancel { id, reason } => {
            let id: JobId = id.parse()?;
            let done = desk.cancel(id, reason.clone()).await?;
            let said = match done {
                Done::Cancelling => format!("{id} runs and was told to stop"),
                _ => format!("cancelled {id}"),
            };
            output::result(global.json, &json!({ "id": id, "running": done == Done::Cancelling }), |_| said);
            0
        }
        Jobs::Replay { id: Some(id), payload, reason, .. } => {
            let (id, payload): (JobId, _) = (id.parse()?, payload.as_deref().map(document).transpose()?);
            desk.replay(id, payload.clone(), reason.clone()).await?;
            output::result(global.json, &json!({ "id": id, "fixed": payload.is_some() }), |_| {
                let with = if payload.is_some() { " with the new payload" } else { "" };
                format!("{id} is in the queue again{with}\nnext: plimsoll jobs show {id}")
            });
            0
        }
        Jobs::Replay { id: None, reason, tenant, which, limit, dry_run, .. } => {
            let asked = many(which, "replay", ground.clock.now())?;
            let order = Order::Replay(reason.clone());
            sweep(global, &ground, &desk, tenant.as_deref(), asked, (*limit, *dry_run), order).await?
        }
        Jobs::Discard { id: Some(id), reason, .. } => {
            let id: JobId = id.parse()?;
            desk.discard(id, reason.clone()).await?;
            output::result(global.json, &json!({ "id": id }), |_| format!("discarded {id}"));
            0
        }
        Jobs::Discard { id: None, reason, tenant, which, limit, dry_run } => {
            let asked = many(which, "discard", ground.clock.now())?;
            let order = Order::Discard(reason.clone());
            sweep(global, &ground, &desk, tenant.as_deref(), asked, (*limit, *dry_run), order).await?
        }
    };
    ground.close().await?;
    Ok(code)
}

fn with_tenant(job: &Detail, slug: &str) -> Value {
    let mut value = serde_json::to_value(job).unwrap_or_default();
    value["tenant"] = slug.into();
    value
}

/// Slug and id of the one that is named, or of all.
async fn tenants(ground: &Ground, slug: Option<&str>) -> Said<Vec<(String, TenantId)>> {
    let desk = ground.desk();
    Ok(match slug {
        Some(slug) => {
            let tenant = desk.tenant(slug).await?;
            vec![(tenant.slug, tenant.id)]
        }
        None => {
            let host = ("(host)".to_owned(), TenantId::from_bits(0));
            desk.list_tenants().await?.into_iter().map(|tenant| (tenant.slug, tenant.id)).chain([host]).collect()
        }
    })
}

async fn slug_of(ground: &Ground, id: TenantId) -> Said<String> {
    let all = tenants(ground, None).await?;
    Ok(all.into_iter().find(|(_, known)| *known == id).map_or_else(|| id.to_string(), |(slug, _)| slug))
}

fn moment(option: &str, text: Option<&String>) -> Said<Option<Time>> {
    let parse = |text: &String| Time::parse(text).map_err(|error| Code::Invalid.because(format!("{option}: {}", error.public())).into());
    text.map(parse).transpose()
}

fn age(option: &str, text: Option<&String>) -> Said<Option<std::time::Duration>> {
    let parse = |text: &String| {
        Span::from_text(text).map(Span::duration).map_err(|_| {
            Code::Invalid.because(format!("{option}: `{text}` is no length of time; write something like 15m, 12h or 2d")).into()
        })
    };
    text.map(parse).transpose()
}

fn filter(which: &Which, now: Time) -> Said<Filter> {
    let mut filter = Filter {
        kind: which.kind.clone(),
        code: which.code.clone(),
        request: which.request.clone(),
        made_from: moment("--from", which.from.as_ref())?,
        made_to: moment("--to", which.to.as_ref())?,
        ..Filter::default()
    };
    if let Some(age) = age("--older-than", which.older_than.as_ref())? {
        filter.older_than(now, age);
    }
    Ok(filter)
}

/// What an order about many is asked for: times are those at which jobs became dead letters.
fn many(which: &Which, verb: &str, now: Time) -> Said<Filter> {
    let older = age("--older-than", which.older_than.as_ref())?.map(|age| now.minus(age));
    let to = moment("--to", which.to.as_ref())?;
    let filter = Filter {
        state: Some("dead".to_owned()),
        kind: which.kind.clone(),
        code: which.code.clone(),
        request: which.request.clone(),
        ended_from: moment("--from", which.from.as_ref())?,
        ended_to: to.map_or(older, |to| Some(older.map_or(to, |older| older.min(to)))),
        ..Filter::default()
    };
    if filter.kind.is_none()
        && filter.code.is_none()
        && filter.request.is_none()
        && filter.ended_from.is_none()
        && filter.ended_to.is_none()
    {
        let sentence = format!(
            "say which: `plimsoll jobs {verb} ID`, or many by --kind (\"*\" for every kind), --code, --request, --from, --to, --older-than"
        );
        return Err(Code::Invalid.because(sentence).into());
    }
    Ok(filter)
}

/// A JSON document from the argument itself, from a file (`@FILE`) or from standard input (`-`).
fn document(text: &str) -> Said<Value> {
    let read = match text.strip_prefix('@') {
        Some(file) => std::fs::read_to_string(file).map_err(|error| Code::Invalid.because(format!("{file}: {error}")))?,
        None if text == "-" => {
            let mut read = String::new();
            std::io::stdin().lock().read_to_string(&mut read).map_err(|error| Code::Invalid.because(format!("standard input: {error}")))?;
            read
        }
        None => text.to_owned(),
    };
    serde_json::from_str(&read).map_err(|error| Code::Invalid.because(format!("the payload is no JSON: {error}")).into())
}

async fn list(global: &Global, desk: &Desk, tenants: &[(String, TenantId)], filter: Filter, paging: (i64, i64)) -> Outcome {
    let (page, size) = paging;
    let one = if let [(_, id)] = tenants { Some(*id) } else { None };
    let (lines, total) = desk.list(one, filter, size, (page - 1).saturating_mul(size)).await?;
    let slug =
        |line: &Line| tenants.iter().find(|(_, id)| *id == line.tenant).map_or_else(|| line.tenant.to_string(), |(slug, _)| slug.clone());
    if global.json {
        let items: Vec<Value> = lines
            .iter()
            .map(|line| {
                let mut value = serde_json::to_value(line).unwrap_or_default();
                value["tenant"] = slug(line).into();
                value
            })
            .collect();
        let pagination = plimsoll::resource::Pagination::new(page, size, total);
        output::result(true, &json!({ "items": items, "pagination": pagination }), |_| String::new());
        return Ok(0);
    }
    let (now, shown) = (desk.clock.now(), i64::try_from(lines.len()).unwrap_or(0));
    output::result(false, &(), |()| show::lines(&lines, slug, now));
    if let Some(dead) = lines.iter().find(|line| line.state == "dead") {
        output::say(&format!("\nwhy, and what can be done: plimsoll jobs show {}", dead.id));
    }
    if shown < total {
        output::say(&format!("{shown} of {total}; the next ones: --page {}", page + 1));
    }
    Ok(0)
}

/// What is to become of many.
enum Order {
    Replay(Option<String>),
    Discard(String),
}

/// One commit per tenant; the bound holds for all of them together.
async fn sweep(
    global: &Global,
    ground: &Ground,
    desk: &Desk,
    slug: Option<&str>,
    filter: Filter,
    (limit, dry): (i64, bool),
    order: Order,
) -> Outcome {
    let (mut done, mut left, mut remaining) = (Vec::new(), Vec::new(), 0);
    for (slug, id) in tenants(ground, slug).await? {
        let room = limit.min(MOST) - i64::try_from(done.len()).unwrap_or(0);
        let (_, fits) = desk.list(Some(id), filter.clone(), 1, 0).await?;
        if fits == 0 {
            continue;
        }
        if room <= 0 || dry {
            remaining += fits;
            continue;
        }
        let tally: Tally = match &order {
            Order::Replay(reason) => desk.replay_many(id, filter.clone(), room, reason.clone()).await?,
            Order::Discard(reason) => desk.discard_many(id, filter.clone(), room, reason.clone()).await?,
        };
        remaining += tally.remaining;
        done.extend(tally.done.into_iter().map(|job| json!({ "id": job, "tenant": slug })));
        left.extend(tally.left.into_iter().map(|(job, why)| json!({ "id": job, "tenant": slug, "why": why })));
    }
    let answer = json!({ "count": done.len(), "jobs": done, "left": left, "remaining": remaining, "dry_run": dry });
    let word = if matches!(order, Order::Replay(_)) { "replayed" } else { "discarded" };
    output::result(global.json, &answer, |_| {
        let mut text = if dry {
            format!("{remaining} dead letters fit; nothing was changed")
        } else {
            format!("{word} {}", show::counted(done.len(), "dead letter"))
        };
        if !dry && remaining > 0 {
            text.push_str(&format!("; {remaining} more fit, say it again for them (--limit {limit})"));
        }
        for one in &left {
            text.push_str(&format!("\nleft {}: {}", one["id"].as_str().unwrap_or(""), one["why"].as_str().unwrap_or("")));
        }
        text
    });
    Ok(u8::from(!left.is_empty()))
}
