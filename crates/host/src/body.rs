//! The one body type, for requests and for answers.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use hyper::body::{Frame, Incoming, SizeHint};
use plimsoll_core::{Error, Result as Made};
use tokio::sync::mpsc;

/// Why a body broke off; carries our own error so that the stack can answer with it.
pub type Broken = Box<dyn std::error::Error + Send + Sync>;

type Stream = Pin<Box<dyn hyper::body::Body<Data = Bytes, Error = Broken> + Send>>;

/// Bytes known in full, bytes that arrive from a connection, or a stream of our own.
pub enum Body {
    /// All there is; empty when `None` was taken or nothing was there.
    Full(Bytes),
    /// From the network.
    Incoming(Incoming),
    /// Made while it is sent.
    Stream(Stream),
}

impl Body {
    /// No bytes.
    pub const fn empty() -> Body {
        Body::Full(Bytes::new())
    }
    /// A body made while it is sent.
    pub fn stream(stream: impl hyper::body::Body<Data = Bytes, Error = Broken> + Send + 'static) -> Body {
        Body::Stream(Box::pin(stream))
    }
    /// A body of pieces that somebody sends as they are made. An error ends it, so that whoever reads it sees that
    /// it is not whole.
    pub fn channel(pieces: mpsc::Receiver<Made<Bytes>>) -> Body {
        Body::stream(Pieces(pieces))
    }
    /// The bytes, where all of them are known.
    pub fn full(&self) -> Option<&Bytes> {
        match self {
            Body::Full(bytes) => Some(bytes),
            _ => None,
        }
    }
}

/// What comes out of a channel.
struct Pieces(mpsc::Receiver<Made<Bytes>>);

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let piece = self.0.poll_recv(cx);
        piece.map(|piece| piece.map(|piece| piece.map(Frame::data).map_err(|error| Carried(error).into())))
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Body {
        Body::Full(bytes)
    }
}
impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Body {
        Body::Full(bytes.into())
    }
}
impl From<String> for Body {
    fn from(text: String) -> Body {
        Body::Full(text.into())
    }
}
impl From<&'static str> for Body {
    fn from(text: &'static str) -> Body {
        Body::Full(Bytes::from_static(text.as_bytes()))
    }
}
impl From<Incoming> for Body {
    fn from(incoming: Incoming) -> Body {
        Body::Incoming(incoming)
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match &mut *self {
            Body::Full(bytes) if bytes.is_empty() => Poll::Ready(None),
            Body::Full(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Body::Incoming(incoming) => Pin::new(incoming).poll_frame(cx).map_err(Into::into),
            Body::Stream(stream) => stream.as_mut().poll_frame(cx),
        }
    }
    fn is_end_stream(&self) -> bool {
        match self {
            Body::Full(bytes) => bytes.is_empty(),
            Body::Incoming(incoming) => incoming.is_end_stream(),
            Body::Stream(stream) => stream.is_end_stream(),
        }
    }
    fn size_hint(&self) -> SizeHint {
        match self {
            Body::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Body::Incoming(incoming) => incoming.size_hint(),
            Body::Stream(stream) => stream.size_hint(),
        }
    }
}

/// Carries an [`Error`] through a body that only knows standard errors.
#[derive(Debug)]
pub struct Carried(pub Error);
impl std::fmt::Display for Carried {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.public())
    }
}
impl std::error::Error for Carried {}
