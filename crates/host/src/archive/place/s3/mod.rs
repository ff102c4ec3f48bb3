//! An object store with Amazon's protocol as a place.
//!
//! An object appears whole: small ones with one request, others in parts that are put together at
//! the end. A part is held in memory until the store has it, so that it can be sent again: 16 MiB,
//! whatever the length of the archive. With at most 10 000 parts an archive may have 160 GB.

mod answer;
mod client;
mod sign;
#[cfg(test)]
mod stand_in;
#[cfg(test)]
mod tests;

use bytes::{Bytes, BytesMut};
use http::{Method, StatusCode, Uri};
use plimsoll_core::{Clock, Code, Result};
use zeroize::Zeroizing;

use self::{
    client::{Client, Sent},
    sign::Signer,
};
use super::{Object, Place, proper};
use crate::{
    archive::format::{Outgoing, Piece, pipe},
    stack::Boxed,
};

/// How long a part is. All but the last have the same length, which some stores demand.
const PART: usize = if cfg!(test) { 5 << 20 } else { 16 << 20 };
const MOST_PARTS: usize = 10_000;

/// A bucket, and what all names in it begin with.
pub struct S3 {
    client: Client,
    /// Scheme and authority.
    endpoint: String,
    bucket: String,
    /// Empty, or with a slash at its end.
    prefix: String,
}

impl S3 {
    /// `bucket/prefix` at `endpoint`, or at Amazon's in this region.
    ///
    /// # Errors
    /// [`Code::ConfigInvalid`] for names and addresses that cannot be, without repeating keys.
    pub fn new(path: &str, endpoint: Option<&str>, region: &str, access: String, secret: String, clock: Clock) -> Result<S3> {
        let wrong = |why: &str| Code::ConfigInvalid.because(why.to_owned());
        let (bucket, prefix) = path.trim_end_matches('/').split_once('/').unwrap_or((path.trim_end_matches('/'), ""));
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
        if bucket.len() < 3 || bucket.len() > 63 || !bucket.bytes().all(plain) {
            return Err(wrong(
                "archive.place names no bucket: 3 to 63 lower-case letters, digits, dots and hyphens, as in s3://bucket/prefix",
            ));
        }
        if !prefix.is_empty() {
            proper(prefix).map_err(|_| wrong("the prefix in archive.place is made of lower-case letters, digits and -_./"))?;
        }
        if access.is_empty() || secret.is_empty() {
            return Err(wrong("an object store needs archive.access_key and archive.secret_key"));
        }
        let default = format!("https://s3.{region}.amazonaws.com");
        let text = endpoint.unwrap_or(&default).trim_end_matches('/');
        let uri: Uri = text.parse().map_err(|_| wrong("archive.endpoint is not an http:// or https:// address"))?;
        let fits =
            matches!(uri.scheme_str(), Some("http" | "https")) && uri.path().trim_end_matches('/').is_empty() && uri.query().is_none();
        let Some(authority) = uri.authority().filter(|authority| fits && !authority.as_str().contains('@')) else {
            return Err(wrong("archive.endpoint is an address such as https://s3.example.org, without path and without user"));
        };
        let signer = Signer { access, secret: Zeroizing::new(secret), region: region.to_owned() };
        Ok(S3 {
            client: Client::new(authority.as_str().to_owned(), signer, clock)?,
            endpoint: text.to_owned(),
            bucket: bucket.to_owned(),
            prefix: if prefix.is_empty() { String::new() } else { format!("{prefix}/") },
        })
    }

    fn key(&self, name: &str) -> Result<String> {
        proper(name)?;
        Ok(format!("/{}/{}{name}", self.bucket, self.prefix))
    }

    async fn ask(&self, method: Method, path: &str, query: &[(&str, &str)], body: Bytes) -> Result<Sent> {
        self.client.ask(method, &self.endpoint, path, query, body).await
    }

    /// The rest of an object whose first part is full.
    async fn in_parts(&self, path: &str, first: Bytes, body: &mut Outgoing) -> Result<u64> {
        let begun = self.ask(Method::POST, path, &[("uploads", "")], Bytes::new()).await?.expect(StatusCode::OK)?;
        let upload = answer::text(&begun.body, "UploadId").ok_or_else(|| client::strange("it began an upload and did not name it"))?;
        let sent = self.parts(path, &upload, first, body).await;
        match sent {
            Ok((tags, length)) => {
                let list = answer::completion(&tags);
                let done = self.ask(Method::POST, path, &[("uploadId", &upload)], list.into()).await?.expect(StatusCode::OK)?;
                // Here the store may find out after it has answered 200.
                match answer::text(&done.body, "ETag") {
                    Some(_) => Ok(length),
                    None => Err(client::strange("it did not put the parts together")),
                }
            }
            Err(error) => {
                // Parts that stay behind cost money and are nobody's object.
                if let Err(second) = self.ask(Method::DELETE, path, &[("uploadId", &upload)], Bytes::new()).await {
                    tracing::warn!(cause = second.cause(), "an upload could not be given up: {}", second.public());
                }
                Err(error)
            }
        }
    }

    async fn parts(&self, path: &str, upload: &str, first: Bytes, body: &mut Outgoing) -> Result<(Vec<String>, u64)> {
        let (mut tags, mut length, mut part, mut ended) = (Vec::new(), 0, first, false);
        loop {
            length += part.len() as u64;
            let number = (tags.len() + 1).to_string();
            if tags.len() == MOST_PARTS {
                return Err(Code::ArchivePlace.because("The archive is too long for the object store: 160 GB is the most."));
            }
            let sent = self.ask(Method::PUT, path, &[("partNumber", &number), ("uploadId", upload)], part).await?.expect(StatusCode::OK)?;
            tags.push(sent.tag.ok_or_else(|| client::strange("it took a part and did not name it"))?);
            if ended {
                return Ok((tags, length));
            }
            (part, ended) = gather(body, BytesMut::new()).await?;
            if part.is_empty() {
                return Ok((tags, length));
            }
        }
    }
}

/// A part's worth, and whether that was the end.
async fn gather(body: &mut Outgoing, mut held: BytesMut) -> Result<(Bytes, bool)> {
    held.reserve(PART);
    while held.len() < PART {
        match body.up_to(PART - held.len()).await? {
            Some(piece) => held.extend_from_slice(&piece),
            None => return Ok((held.freeze(), true)),
        }
    }
    Ok((held.freeze(), false))
}

impl Place for S3 {
    fn put<'a>(&'a self, name: &'a str, mut body: Outgoing) -> Boxed<'a, Result<u64>> {
        Box::pin(async move {
            let path = self.key(name)?;
            let (first, ended) = gather(&mut body, BytesMut::new()).await?;
            if !ended {
                return self.in_parts(&path, first, &mut body).await;
            }
            let length = first.len() as u64;
            self.ask(Method::PUT, &path, &[], first).await?.expect(StatusCode::OK)?;
            Ok(length)
        })
    }

    fn get<'a>(&'a self, name: &'a str) -> Boxed<'a, Result<Outgoing>> {
        Box::pin(async move {
            let path = self.key(name)?;
            let mut answer = self.client.open(&self.endpoint, &path).await?;
            let (sender, outgoing) = pipe();
            tokio::spawn(async move {
                loop {
                    let piece = match client::piece(&mut answer).await {
                        Ok(Some(bytes)) => Ok(Piece::Data(bytes)),
                        Ok(None) => Ok(Piece::End),
                        Err(error) => Err(error),
                    };
                    let last = !matches!(piece, Ok(Piece::Data(_)));
                    // A reader that has gone away wants no more.
                    if sender.send(piece).await.is_err() || last {
                        return;
                    }
                }
            });
            Ok(outgoing)
        })
    }

    fn list<'a>(&'a self, prefix: &'a str) -> Boxed<'a, Result<Vec<Object>>> {
        Box::pin(async move {
            let (path, begins) = (format!("/{}", self.bucket), format!("{}{prefix}", self.prefix));
            let (mut found, mut next) = (Vec::new(), None::<String>);
            loop {
                let mut query = vec![("list-type", "2"), ("prefix", begins.as_str())];
                if let Some(token) = &next {
                    query.insert(0, ("continuation-token", token));
                }
                let answer = self.ask(Method::GET, &path, &query, Bytes::new()).await?.expect(StatusCode::OK)?;
                for (key, bytes) in answer::contents(&answer.body)? {
                    // What we did not name is not ours.
                    if let Some(name) = key.strip_prefix(&self.prefix).filter(|name| proper(name).is_ok()) {
                        found.push(Object { name: name.to_owned(), bytes });
                    }
                }
                let token = answer::text(&answer.body, "NextContinuationToken");
                match answer::text(&answer.body, "IsTruncated").as_deref() {
                    Some("true") if token.is_some() && token != next => next = token,
                    Some("true") => return Err(client::strange("it lists a part and does not say how to go on")),
                    _ => break,
                }
            }
            found.sort_by(|a, b| a.name.cmp(&b.name));
            Ok(found)
        })
    }

    fn delete<'a>(&'a self, name: &'a str) -> Boxed<'a, Result<()>> {
        Box::pin(async move {
            let path = self.key(name)?;
            let sent = self.ask(Method::DELETE, &path, &[], Bytes::new()).await?;
            if sent.status == StatusCode::NOT_FOUND { Ok(()) } else { sent.expect(StatusCode::NO_CONTENT).map(drop) }
        })
    }

    fn shown(&self) -> String {
        format!("s3://{}/{} at {}", self.bucket, self.prefix.trim_end_matches('/'), self.endpoint)
    }
}
