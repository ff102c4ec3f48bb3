//! Signatures of requests: AWS Signature Version 4, with the body's digest.

use plimsoll_core::Time;
use ring::hmac;
use zeroize::Zeroizing;

use crate::identity::{hex, sha256};

/// Who signs.
pub(super) struct Signer {
    pub(super) access: String,
    pub(super) secret: Zeroizing<String>,
    pub(super) region: String,
}

/// What a request needs besides, to be believed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Signed {
    /// `x-amz-date`
    pub(super) date: String,
    /// `x-amz-content-sha256`
    pub(super) digest: String,
    /// `authorization`
    pub(super) authorization: String,
}

impl Signer {
    /// Signs a request. `path` and `query` are as they are sent, `query` in order of its names.
    pub(super) fn sign(&self, method: &str, host: &str, path: &str, query: &str, body: &[u8], now: Time) -> Signed {
        let date = stamp(now);
        let digest = hex(&sha256(body));
        let headers = format!("host:{host}\nx-amz-content-sha256:{digest}\nx-amz-date:{date}\n");
        const NAMES: &str = "host;x-amz-content-sha256;x-amz-date";
        let request = format!("{method}\n{path}\n{query}\n{headers}\n{NAMES}\n{digest}");
        let scope = format!("{}/{}/s3/aws4_request", &date[..8], self.region);
        let text = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", hex(&sha256(request.as_bytes())));
        let first = Zeroizing::new(format!("AWS4{}", *self.secret).into_bytes());
        let key = [&date[..8], &self.region, "s3", "aws4_request"].iter().fold(first, |key, part| {
            Zeroizing::new(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), part.as_bytes()).as_ref().to_vec())
        });
        let signature = hex(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), text.as_bytes()).as_ref());
        let authorization = format!("AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={NAMES}, Signature={signature}", self.access);
        Signed { date, digest, authorization }
    }
}

/// `20260101T000000Z`
fn stamp(at: Time) -> String {
    at.to_string().chars().take(19).filter(char::is_ascii_alphanumeric).chain(['Z']).collect()
}

/// A text in a query or a path, as the signature wants it written.
pub(super) fn escaped(text: &str, slash: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            b'/' if slash => out.push('/'),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_signed_as_the_example_in_the_documentation_of_amazon() {
        // "Example: GET Bucket (List Objects)" of the S3 API reference on Signature Version 4.
        let signer = Signer {
            access: "AKIAIOSFODNN7EXAMPLE".into(),
            secret: Zeroizing::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into()),
            region: "us-east-1".into(),
        };
        let now = Time::parse("2013-05-24T00:00:00Z").unwrap();
        let signed = signer.sign("GET", "examplebucket.s3.amazonaws.com", "/", "max-keys=2&prefix=J", b"", now);
        assert_eq!(signed.date, "20130524T000000Z");
        assert!(
            signed.authorization.ends_with("Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
            "{}",
            signed.authorization
        );
    }

    #[test]
    fn texts_are_escaped_as_signatures_want_them() {
        assert_eq!(escaped("a b/ä~-_.", false), "a%20b%2F%C3%A4~-_.");
        assert_eq!(escaped("/x/y+z", true), "/x/y%2Bz");
    }
}
