//! A WebSocket that says everything again (RFC 6455), for one connection.

use std::io::{ErrorKind, Result};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use serde_json::json;
use tokio::io::AsyncReadExt as _;

use super::{
    Seen,
    talk::{Answer, Talk, head},
};

/// What RFC 6455 §1.3 adds to a caller's key.
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// Largest frame that is said again.
const LARGEST: u64 = 1024 * 1024;

/// The value of `Sec-WebSocket-Accept` for a caller's `Sec-WebSocket-Key`.
pub fn accept(key: &str) -> String {
    STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, format!("{key}{GUID}").as_bytes()))
}

/// A frame that says all of `payload`; masked, as callers must, where there is a mask.
pub fn frame(opcode: u8, payload: &[u8], mask: Option<[u8; 4]>) -> Vec<u8> {
    let masked = if mask.is_some() { 0x80 } else { 0 };
    let mut out = vec![0x80 | opcode];
    match payload.len() {
        length @ 0..=125 => out.push(masked | u8::try_from(length).unwrap_or(125)),
        length if length <= usize::from(u16::MAX) => {
            out.push(masked | 126);
            out.extend_from_slice(&u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes());
        }
        length => {
            out.push(masked | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    out.extend(mask.into_iter().flatten());
    let mask = mask.unwrap_or_default();
    out.extend(payload.iter().enumerate().map(|(place, byte)| byte ^ mask[place % 4]));
    out
}

/// Agrees to the change of protocol and repeats frames until a close.
pub(super) async fn echo(talk: &mut Talk, seen: &Seen) -> Result<()> {
    let wanted = seen.header("upgrade").is_some_and(|upgrade| upgrade.eq_ignore_ascii_case("websocket"));
    let Some(key) = seen.header("sec-websocket-key").filter(|_| wanted) else {
        let answer = Answer::json(426, &json!({ "detail": "this is a WebSocket" })).field("upgrade", "websocket");
        return talk.answer(&seen.method, &answer).await;
    };
    let fields = [("upgrade", "websocket".to_owned()), ("connection", "Upgrade".to_owned()), ("sec-websocket-accept", accept(key))];
    let fields = fields.map(|(name, value)| (name.to_owned(), value));
    talk.write((head(101, &fields) + "\r\n").as_bytes()).await?;
    loop {
        let mut start = [0u8; 2];
        talk.stream.read_exact(&mut start).await?;
        let length = match start[1] & 0x7f {
            126 => u64::from(talk.stream.read_u16().await?),
            127 => talk.stream.read_u64().await?,
            length => u64::from(length),
        };
        if length > LARGEST {
            return Err(ErrorKind::InvalidData.into());
        }
        let mut mask = [0u8; 4];
        if start[1] & 0x80 != 0 {
            talk.stream.read_exact(&mut mask).await?;
        }
        let mut payload = vec![0; usize::try_from(length).unwrap_or(0)];
        talk.stream.read_exact(&mut payload).await?;
        for (place, byte) in payload.iter_mut().enumerate() {
            *byte ^= mask[place % 4];
        }
        match start[0] & 0x0f {
            8 => return talk.write(&frame(8, &payload, None)).await,
            9 => talk.write(&frame(10, &payload, None)).await?,
            10 => {}
            // A frame of a message in parts keeps its own first byte: parts stay parts.
            opcode => {
                let mut out = frame(opcode, &payload, None);
                out[0] = start[0];
                talk.write(&out).await?;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_standard_is_answered_as_the_standard_says() {
        assert_eq!(accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!(frame(1, b"Hello", None), [0x81, 5, b'H', b'e', b'l', b'l', b'o']);
        assert_eq!(frame(1, b"Hello", Some([0x37, 0xfa, 0x21, 0x3d])), [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]);
    }
}
