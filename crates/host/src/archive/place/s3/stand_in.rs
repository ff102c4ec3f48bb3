//! An object store for tests: one bucket in memory, which believes nobody without a good signature.
//!
//! It works out the signature from what arrived, header by header as `SignedHeaders` names them,
//! and so shares no code with the side that signs.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

use ring::{digest, hmac};

pub(super) const ACCESS: &str = "access";
pub(super) const SECRET: &str = "se/cret+";
pub(super) const BUCKET: &str = "bucket";
/// So few in a listing, so that it takes several.
const PAGE: usize = 2;

#[derive(Default)]
pub(super) struct Held {
    pub(super) objects: BTreeMap<String, Vec<u8>>,
    pub(super) uploads: BTreeMap<String, BTreeMap<u32, Vec<u8>>>,
    /// Requests that are answered with 503 first.
    pub(super) stumbles: u32,
    /// Objects are cut off after this many bytes.
    pub(super) cut: Option<usize>,
    pub(super) parts_are_refused: bool,
    begun: u32,
}

pub(super) struct StandIn {
    pub(super) address: String,
    pub(super) held: Arc<Mutex<Held>>,
}

struct Arrived {
    method: String,
    path: String,
    query: Vec<(String, String)>,
    raw_query: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl StandIn {
    pub(super) fn start() -> StandIn {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let held: Arc<Mutex<Held>> = Arc::default();
        let shared = held.clone();
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let Ok(connection) = connection else { return };
                let held = shared.clone();
                std::thread::spawn(move || while turn(&connection, &held).is_some() {});
            }
        });
        StandIn { address, held }
    }
}

fn turn(connection: &TcpStream, held: &Mutex<Held>) -> Option<()> {
    let arrived = read(connection)?;
    let (status, tag, body, cut) = answer(&arrived, &mut held.lock().unwrap());
    let mut out = connection;
    write!(out, "HTTP/1.1 {status} X\r\ncontent-length: {}\r\n", body.len()).ok()?;
    if let Some(tag) = tag {
        write!(out, "etag: {tag}\r\n").ok()?;
    }
    write!(out, "\r\n").ok()?;
    match cut {
        Some(at) => {
            out.write_all(&body[..at.min(body.len())]).ok()?;
            let _ = connection.shutdown(std::net::Shutdown::Both);
            None
        }
        None => out.write_all(&body).ok(),
    }
}

fn read(connection: &TcpStream) -> Option<Arrived> {
    let mut reader = BufReader::new(connection);
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        match line.trim_end().split_once(':') {
            Some((name, value)) => headers.insert(name.to_lowercase(), value.trim().to_owned()),
            None => break,
        };
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let (path, raw_query) = target.split_once('?').unwrap_or((&target, ""));
    let query = raw_query.split('&').filter_map(|pair| pair.split_once('=')).map(|(name, value)| (plain(name), plain(value))).collect();
    Some(Arrived { method, path: path.to_owned(), query, raw_query: raw_query.to_owned(), headers, body })
}

fn plain(text: &str) -> String {
    let (bytes, mut out, mut at) = (text.as_bytes(), Vec::new(), 0);
    while at < bytes.len() {
        if bytes[at] == b'%' {
            out.push(u8::from_str_radix(&text[at + 1..at + 3], 16).unwrap());
            at += 3;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8(out).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn believed(arrived: &Arrived) -> Option<()> {
    let header = |name: &str| arrived.headers.get(name).map(String::as_str);
    let field = |name: &str| -> Option<String> {
        let (_, rest) = header("authorization")?.split_once(&format!("{name}="))?;
        Some(rest.split(',').next()?.to_owned())
    };
    let (credential, names, signature) = (field("Credential")?, field("SignedHeaders")?, field("Signature")?);
    let [access, day, region, "s3", "aws4_request"] = credential.split('/').collect::<Vec<_>>()[..] else { return None };
    let sum = hex(digest::digest(&digest::SHA256, &arrived.body).as_ref());
    let demanded = ["host", "x-amz-content-sha256", "x-amz-date"].iter().all(|name| names.split(';').any(|one| one == *name));
    if access != ACCESS || header("x-amz-content-sha256")? != sum || !demanded {
        return None;
    }
    let mut pairs: Vec<&str> = arrived.raw_query.split('&').filter(|pair| !pair.is_empty()).collect();
    pairs.sort_unstable();
    let mut request = format!("{}\n{}\n{}\n", arrived.method, arrived.path, pairs.join("&"));
    for name in names.split(';') {
        request.push_str(&format!("{name}:{}\n", header(name)?));
    }
    request.push_str(&format!("\n{names}\n{sum}"));
    let scope = format!("{day}/{region}/s3/aws4_request");
    let text = format!(
        "AWS4-HMAC-SHA256\n{}\n{scope}\n{}",
        header("x-amz-date")?,
        hex(digest::digest(&digest::SHA256, request.as_bytes()).as_ref())
    );
    let mut key = format!("AWS4{SECRET}").into_bytes();
    for part in [day, region, "s3", "aws4_request"] {
        key = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), part.as_bytes()).as_ref().to_vec();
    }
    let expected = hex(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), text.as_bytes()).as_ref());
    (expected == signature).then_some(())
}

type Answer = (u16, Option<String>, Vec<u8>, Option<usize>);

fn answer(arrived: &Arrived, held: &mut Held) -> Answer {
    let said = |status: u16, code: &str| (status, None, format!("<Error><Code>{code}</Code></Error>").into_bytes(), None);
    if held.stumbles > 0 {
        held.stumbles -= 1;
        return said(503, "SlowDown");
    }
    if believed(arrived).is_none() {
        return said(403, "SignatureDoesNotMatch");
    }
    let path = plain(&arrived.path);
    let mut parts = path.trim_start_matches('/').splitn(2, '/');
    let (bucket, key) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default().to_owned());
    if bucket != BUCKET {
        return said(404, "NoSuchBucket");
    }
    let query = |name: &str| arrived.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    match (arrived.method.as_str(), query("uploadId"), query("partNumber")) {
        ("GET", ..) if key.is_empty() => list(held, &query("prefix").unwrap_or_default(), query("continuation-token")),
        ("GET", ..) => match held.objects.get(&key) {
            Some(bytes) => (200, None, bytes.clone(), held.cut),
            None => said(404, "NoSuchKey"),
        },
        ("PUT", Some(_), Some(_)) if held.parts_are_refused => said(507, "XMinioStorageFull"),
        ("PUT", Some(upload), Some(number)) => match held.uploads.get_mut(&upload) {
            Some(parts) => {
                parts.insert(number.parse().unwrap(), arrived.body.clone());
                (200, Some(format!("\"tag&{number}\"")), Vec::new(), None)
            }
            None => said(404, "NoSuchUpload"),
        },
        ("PUT", ..) => {
            held.objects.insert(key, arrived.body.clone());
            (200, Some("\"tag\"".into()), Vec::new(), None)
        }
        ("POST", Some(upload), _) => match held.uploads.remove(&upload) {
            Some(parts) => {
                let text = String::from_utf8(arrived.body.clone()).unwrap();
                let whole = parts
                    .keys()
                    .all(|number| text.contains(&format!("<PartNumber>{number}</PartNumber><ETag>&quot;tag&amp;{number}&quot;</ETag>")));
                if !whole {
                    return said(200, "InvalidPart");
                }
                held.objects.insert(key, parts.into_values().flatten().collect());
                (200, None, b"<R><ETag>&quot;all&quot;</ETag></R>".to_vec(), None)
            }
            None => said(404, "NoSuchUpload"),
        },
        ("POST", ..) => {
            held.begun += 1;
            let upload = format!("up/{}=", held.begun);
            held.uploads.insert(upload.clone(), BTreeMap::new());
            (200, None, format!("<R><UploadId>{upload}</UploadId></R>").into_bytes(), None)
        }
        ("DELETE", Some(upload), _) => {
            held.uploads.remove(&upload);
            (204, None, Vec::new(), None)
        }
        ("DELETE", ..) => {
            held.objects.remove(&key);
            (204, None, Vec::new(), None)
        }
        _ => said(405, "MethodNotAllowed"),
    }
}

fn list(held: &Held, prefix: &str, after: Option<String>) -> Answer {
    let mut keys = held.objects.iter().filter(|(key, _)| key.starts_with(prefix) && after.as_ref().is_none_or(|after| *key > after));
    let mut out = String::from("<ListBucketResult>");
    let mut last = String::new();
    for (key, bytes) in keys.by_ref().take(PAGE) {
        out.push_str(&format!("<Contents><Key>{key}</Key><Size>{}</Size></Contents>", bytes.len()));
        last.clone_from(key);
    }
    match keys.next() {
        Some(_) => out.push_str(&format!("<IsTruncated>true</IsTruncated><NextContinuationToken>{last}</NextContinuationToken>")),
        None => out.push_str("<IsTruncated>false</IsTruncated>"),
    }
    (200, None, out.into_bytes(), None)
}
