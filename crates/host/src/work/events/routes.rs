//! `GET /v1/events`: a tenant's events, as a stream or page by page.

use http::{HeaderMap, HeaderValue, Method, Response, header};
use plimsoll_core::{Access, Code, Error, Fault, Result, Role};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    read::{Extent, PAGE, Wanted, rows},
    stream,
};
use crate::{
    Body,
    ctx::{Ctx, Read},
    route::{Parameter, Query, Raw, Routes, json_answer},
};

const READ: Access = Access::needs("events:read", Role::Viewer);
/// Rows that one page looks at, so that a filter which fits nothing ends too.
const LOOKED_AT: i64 = 10 * PAGE;

/// Which events.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Filter {
    /// The number of the last event you have seen: what follows is told. Without it a page begins
    /// with the oldest event that is kept, and a stream with the next one that happens.
    #[schemars(range(min = 0))]
    after: Option<i64>,
    /// Types with commas between them: `song.created`, `song.*`.
    #[serde(rename = "type")]
    #[schemars(length(min = 1, max = 1000))]
    kinds: Option<String>,
}

/// The routes of events.
pub(crate) fn routes(r: &mut Routes<'_, ()>) {
    r.get("/events", READ, events)
        .named("events.list")
        .summary("What has happened, in order: as a page, or as a stream")
        .describe(
            "With `Accept: text/event-stream` an open stream of server-sent events; its `id` is the event's number, and a client that \
             comes back with `Last-Event-ID` (or `after`) misses nothing that is still kept. What is not kept any more is told as an event \
             `lost`. A stream ends with an event `end` when the server stops or the credential does not count any more. Otherwise a page \
             of CloudEvents; go on with its `after`. One sees the events of what one may read.",
        )
        .parameter(Parameter {
            name: "Last-Event-ID".into(),
            place: "header",
            required: false,
            description: "As `after`; sent by clients that reconnect.".into(),
            schema: json!({ "type": "string", "pattern": "^[0-9]{1,20}$" }),
        })
        .answers(200, Some(page_schema()))
        .problem(Code::EventsGone)
        .bound_too();
}

fn page_schema() -> Value {
    let event = json!({
        "type": "object",
        "title": "Event",
        "description": "A CloudEvent (version 1.0).",
        "required": ["specversion", "id", "source", "type", "time", "datacontenttype", "tenant", "sequence", "data"],
        "properties": {
            "specversion": { "const": "1.0" },
            "id": { "type": "string" },
            "source": { "type": "string", "description": "The collection it comes from, such as `/v1/songs`." },
            "type": { "type": "string", "description": "What happened, such as `song.created`." },
            "subject": { "type": "string", "description": "What it is about, within the source." },
            "time": { "type": "string", "format": "date-time" },
            "datacontenttype": { "const": "application/json" },
            "tenant": { "type": "string" },
            "sequence": { "type": "string", "description": "Its number in the tenant's log, as text that sorts." },
            "traceparent": { "type": "string" },
            "data": { "description": "Ids, versions, names of fields." }
        }
    });
    json!({
        "type": "object",
        "title": "EventPage",
        "required": ["items", "after", "more"],
        "properties": {
            "items": { "type": "array", "items": event },
            "after": { "type": "integer", "description": "Go on with this." },
            "more": { "type": "boolean", "description": "Whether something follows already." }
        }
    })
}

async fn events(ctx: Ctx<(), Read>, (Query(filter), Raw { parts }): (Query<Filter>, Raw)) -> Result<Response<Body>> {
    let wanted = Wanted::parse(filter.kinds.as_deref(), ctx.host.work.bus.tells)
        .map_err(|error| Error::invalid(vec![Fault::at("?type", error.public().to_owned())]))?;
    let after = filter.after.map_or_else(|| last_seen(&parts.headers), |after| Ok(Some(after)))?;
    let mut answer = if parts.method == Method::GET && wants_stream(&parts.headers) {
        stream::open(&ctx, &parts.headers, wanted, after).await?
    } else {
        page(&ctx, wanted, after).await?
    };
    answer.headers_mut().append(header::VARY, HeaderValue::from_static("Accept"));
    Ok(answer)
}

fn last_seen(headers: &HeaderMap) -> Result<Option<i64>> {
    let Some(value) = headers.get("last-event-id") else { return Ok(None) };
    let number =
        value.to_str().ok().filter(|text| text.len() <= 20).and_then(|text| text.parse::<i64>().ok()).filter(|number| *number >= 0);
    number.map(Some).ok_or_else(|| Code::Malformed.because("`Last-Event-ID` is the number of an event, as the stream has told it"))
}

/// Whether the caller would rather have a stream than JSON.
fn wants_stream(headers: &HeaderMap) -> bool {
    let named = |line: &HeaderValue| {
        let text = line.to_str().unwrap_or_default().to_ascii_lowercase();
        text.split(',').any(|one| {
            let (media, weight) = one.split_once(';').unwrap_or((one, ""));
            media.trim() == "text/event-stream" && weight.replace(' ', "") != "q=0"
        })
    };
    headers.get_all(header::ACCEPT).iter().any(named)
}

async fn page(ctx: &Ctx<(), Read>, wanted: Wanted, after: Option<i64>) -> Result<Response<Body>> {
    let (who, host) = (ctx.who.clone(), ctx.host.clone());
    let page = ctx.read(move |tx| {
        let extent = Extent::of(tx)?;
        if let Some(gone) = after.and_then(|after| extent.lacks(after)) {
            return Err(gone);
        }
        let mut after = after.unwrap_or(extent.first - 1);
        let (mut items, mut looked_at) = (Vec::new(), 0);
        'pages: while looked_at < LOOKED_AT && after < extent.head {
            let found = rows(tx, after, PAGE)?;
            let heard = host.heard(tx, &who, &found)?;
            for (event, heard) in found.into_iter().zip(heard) {
                after = event.seq;
                looked_at += 1;
                if heard && wanted.includes(&event, &who) {
                    items.push(event);
                }
                if items.len() >= usize::try_from(PAGE).unwrap_or(usize::MAX) {
                    break 'pages;
                }
            }
        }
        Ok(json!({ "items": items, "after": after, "more": after < extent.head }))
    });
    json_answer(http::StatusCode::OK, &page.await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_for_those_who_ask_for_one() {
        let wants = |text: &'static str| wants_stream(&HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(text))]));
        assert!(wants("text/event-stream") && wants("Text/Event-Stream; q=0.5, */*"));
        assert!(!wants("*/*") && !wants("application/json") && !wants("text/event-stream;q=0") && !wants_stream(&HeaderMap::new()));
    }
}
