//! What the service answers to which path.

use std::{io::Result, sync::PoisonError, time::Duration};

use serde_json::{Value, json};
use tokio::net::TcpStream;

use super::{
    Key, Seen, State, socket,
    talk::{Answer, Talk, head},
};

/// The words that a path is searched for; what stands before the first is a prefix.
const WORDS: &[&str] = &[
    "echo",
    "status",
    "slow",
    "reset",
    "half",
    "effect",
    "effect-then-reset",
    "drip",
    "cacheable",
    "fields",
    "bytes",
    "upload",
    "early",
    "raw",
    "socket",
    "openapi.json",
];

/// Answers requests until the caller leaves or an answer ends the connection.
pub async fn converse(stream: TcpStream, state: &State) -> Result<()> {
    let mut talk = Talk::new(stream);
    while let Some(seen) = talk.request().await? {
        // A caller that says so reads until the end of the connection.
        let last = seen.every("connection").iter().any(|value| value.eq_ignore_ascii_case("close"));
        if !one(&mut talk, state, seen).await? || last {
            break;
        }
    }
    Ok(())
}

/// One request; whether the connection is good for another.
async fn one(talk: &mut Talk, state: &State, mut seen: Seen) -> Result<bool> {
    let ask = Asked::new(&seen.target);
    let key = ask.text("key");
    let place = key.as_ref().map(|key| state.with(key, |key| (key.seen.push(seen.clone()), key.seen.len() - 1).1));
    match ask.word {
        "early" => {
            talk.answer(&seen.method, &Answer::json(ask.status(413), &json!({ "early": true })).field("connection", "close")).await?;
            return Ok(false);
        }
        "socket" => return socket::echo(talk, &seen).await.map(|()| false),
        _ => {}
    }
    talk.body(&seen, |count| {
        seen_more(state, key.as_deref(), place, count);
    })
    .await?;
    let (body, sum) = talk.read();
    let (raw, whole) = (body.to_vec(), String::from_utf8_lossy(body).into_owned());
    if let (Some(key), Some(place)) = (&key, place) {
        seen.length = state.with(key, |key| {
            let kept = &mut key.seen[place];
            kept.body.clone_from(&whole);
            kept.length
        });
    } else {
        seen.length = raw.len() as u64;
    }
    seen.body = whole;
    let mut effect = 0;
    if let (Some(key), "effect" | "effect-then-reset") = (&key, ask.word) {
        effect = state.with(key, |key| {
            key.effects += 1;
            key.effects
        });
    }
    if let Some(pause) = ask.number("ms") {
        let pause = tokio::time::sleep(Duration::from_millis(pause));
        if deserted(talk, pause).await {
            note_left(state, key.as_deref());
            return Ok(false);
        }
    }
    if let Some(key) = key.as_deref().filter(|_| ask.word != "drip")
        && state.look(key, |key| key.held)
    {
        state.with(key, |key| key.waiting += 1);
        let left = deserted(talk, state.until(key, |key| !key.held)).await;
        state.with(key, |key| key.waiting -= 1);
        if left {
            note_left(state, Some(key));
            return Ok(false);
        }
    }
    if let Some(status) = key.as_deref().and_then(|key| state.with(key, Key::failure)) {
        talk.answer(&seen.method, &Answer::json(status, &json!({ "ails": true }))).await?;
        return Ok(true);
    }
    let answer = match ask.word {
        "reset" | "effect-then-reset" => return Ok(false),
        "half" => {
            let fields = [("content-type".to_owned(), "text/plain".to_owned()), ("content-length".to_owned(), "1000".to_owned())];
            talk.write((head(200, &fields) + "\r\n" + &"h".repeat(500)).as_bytes()).await?;
            return Ok(false);
        }
        "raw" => {
            talk.write(&raw).await?;
            return Ok(false);
        }
        "drip" => {
            let media = ask.text("type").unwrap_or_else(|| "text/event-stream".to_owned());
            drip(talk, state, key.as_deref(), ask.number("n").unwrap_or(3), &media).await?;
            return Ok(false);
        }
        "echo" => Answer::json(
            ask.status(200),
            &json!({ "method": seen.method, "target": seen.target, "headers": seen.headers, "body": seen.body, "length": seen.length }),
        ),
        "status" => {
            let status = ask.rest.parse().unwrap_or(200);
            Answer::json(status, &json!({ "status": status }))
        }
        "slow" => Answer::json(200, &json!({ "waited_ms": ask.number("ms").unwrap_or(0) })),
        "effect" => Answer::json(ask.status(200), &json!({ "effect": effect })),
        "cacheable" => cacheable(&ask, &seen, place.map_or(0, |place| place + 1)),
        "fields" => {
            let mut answer = Answer::json(ask.status(200), &json!({ "fields": true }));
            answer.fields.extend(ask.pairs.iter().filter(|(name, _)| !matches!(name.as_str(), "key" | "ms" | "status")).cloned());
            answer
        }
        "bytes" => {
            let length = usize::try_from(ask.number("n").unwrap_or(0)).unwrap_or(0);
            Answer { status: 200, fields: vec![("content-type".into(), "application/octet-stream".into())], body: vec![b'b'; length] }
        }
        "upload" => Answer::json(200, &json!({ "length": seen.length, "sha256": sum })),
        "openapi.json" => match &*state.description.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(document) => Answer::json(200, document),
            None => nothing(),
        },
        _ => nothing(),
    };
    talk.answer(&seen.method, &answer).await?;
    Ok(true)
}

fn nothing() -> Answer {
    Answer::json(404, &json!({ "detail": "there is nothing here" }))
}

fn seen_more(state: &State, key: Option<&str>, place: Option<usize>, count: u64) {
    if let (Some(key), Some(place)) = (key, place) {
        state.with(key, |key: &mut Key| key.seen[place].length += count);
    }
}

fn note_left(state: &State, key: Option<&str>) {
    if let Some(key) = key {
        state.with(key, |key| key.left += 1);
    }
}

/// Waits for `end`; true when the caller leaves before.
async fn deserted(talk: &mut Talk, end: impl Future<Output = ()>) -> bool {
    tokio::select! {
        () = end => false,
        () = talk.gone() => true,
    }
}

/// Server-sent events, each in a chunk of its own.
async fn drip(talk: &mut Talk, state: &State, key: Option<&str>, count: u64, media: &str) -> Result<()> {
    let fields = [("content-type", media), ("cache-control", "no-cache"), ("transfer-encoding", "chunked")];
    let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
    talk.write((head(200, &fields) + "\r\n").as_bytes()).await?;
    for number in 1..=count {
        if let Some(key) = key.filter(|_| number == 2)
            && deserted(talk, state.until(key, |key| !key.held)).await
        {
            note_left(state, Some(key));
            return Ok(());
        }
        let event = format!("id: {number}\ndata: {number}\n\n");
        talk.write(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes()).await?;
    }
    talk.write(b"0\r\n\r\n").await
}

/// An answer that may be kept, as far as was asked.
fn cacheable(ask: &Asked, seen: &Seen, number: usize) -> Answer {
    let mut control = Vec::new();
    for (name, directive) in
        [("max_age", "max-age"), ("s_maxage", "s-maxage"), ("swr", "stale-while-revalidate"), ("sie", "stale-if-error")]
    {
        control.extend(ask.number(name).map(|seconds| format!("{directive}={seconds}")));
    }
    for (name, directive) in [("private", "private"), ("no_store", "no-store"), ("no_cache", "no-cache")] {
        control.extend(ask.text(name).map(|_| directive.to_owned()));
    }
    let mut fields: Vec<(String, String)> = Vec::new();
    let control = ask.text("cc").unwrap_or_else(|| control.join(", "));
    if !control.is_empty() {
        fields.push(("cache-control".into(), control));
    }
    let tag = ask.text("etag").map(|tag| format!("\"{tag}\""));
    fields.extend(tag.iter().map(|tag| ("etag".into(), tag.clone())));
    for (name, field) in [("last_modified", "last-modified"), ("vary", "vary"), ("age", "age")] {
        fields.extend(ask.text(name).map(|value| (field.into(), value)));
    }
    if tag.is_some() && seen.header("if-none-match") == tag.as_deref() {
        return Answer { status: 304, fields, body: Vec::new() };
    }
    let body: Value = json!({ "key": ask.text("key"), "number": number, "body": ask.text("body") });
    let mut answer = Answer::json(ask.status(200), &body);
    answer.fields.extend(fields);
    answer
}

/// What a path and its query ask for.
struct Asked {
    word: &'static str,
    /// The path behind the word.
    rest: String,
    pairs: Vec<(String, String)>,
}

impl Asked {
    fn new(target: &str) -> Asked {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut segments = path.split('/');
        let word = segments.find_map(|segment| WORDS.iter().copied().find(|word| *word == segment)).unwrap_or("");
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        };
        let pairs = query.split('&').filter(|pair| !pair.is_empty()).map(pair).collect();
        Asked { word, rest: segments.collect::<Vec<_>>().join("/"), pairs }
    }
    fn text(&self, name: &str) -> Option<String> {
        self.pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    }
    fn number(&self, name: &str) -> Option<u64> {
        self.text(name)?.parse().ok()
    }
    fn status(&self, otherwise: u16) -> u16 {
        self.number("status").and_then(|status| u16::try_from(status).ok()).unwrap_or(otherwise)
    }
}

/// Percent signs and plus signs of a query undone.
fn decoded(text: &str) -> String {
    let (mut out, mut bytes) = (Vec::new(), text.bytes());
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits: Vec<u8> = bytes.by_ref().take(2).collect();
                std::str::from_utf8(&digits).ok().and_then(|digits| u8::from_str_radix(digits, 16).ok()).unwrap_or(b'?')
            }
            other => other,
        });
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_understood_below_any_prefix() {
        let ask = Asked::new("/mounted/open/status/503?key=a%20b+c&ms=5&flag");
        assert_eq!((ask.word, ask.rest.as_str()), ("status", "503"));
        assert_eq!(ask.text("key").as_deref(), Some("a b c"));
        assert_eq!((ask.number("ms"), ask.text("flag").as_deref()), (Some(5), Some("")));
        assert_eq!(Asked::new("/effects").word, "");
        assert_eq!(Asked::new("/a/echo/status/1").rest, "status/1");
    }
}
