//! A body that is kept while it passes: only whole, only up to the largest size.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::{Bytes, BytesMut};
use hyper::body::{Body as _, Frame, SizeHint};

use super::{Cache, flight::Leader};
use crate::{Body, body::Broken};

/// What becomes of a body that arrived whole.
pub type Keep = Box<dyn FnOnce(&Arc<Cache>, Bytes) + Send + Sync>;

/// An answer's body on its way to the caller, and into the cache.
pub struct Fill {
    body: Body,
    announced: Option<u64>,
    seen: u64,
    kept: BytesMut,
    pending: Option<Pending>,
}

struct Pending {
    cache: Arc<Cache>,
    keep: Keep,
    leader: Option<Leader>,
}

impl Fill {
    /// `announced` is what the head says about the length.
    pub fn new(cache: Arc<Cache>, body: Body, announced: Option<u64>, keep: Keep, leader: Option<Leader>) -> Fill {
        let mut fill = Fill { body, announced, seen: 0, kept: BytesMut::new(), pending: Some(Pending { cache, keep, leader }) };
        if fill.body.is_end_stream() {
            fill.finish();
        }
        fill
    }

    /// The body is complete: from here on others may have it.
    fn finish(&mut self) {
        let whole = self.announced.is_none_or(|announced| announced == self.seen);
        let Some(pending) = self.pending.take().filter(|_| whole) else { return };
        (pending.keep)(&pending.cache, std::mem::take(&mut self.kept).freeze());
        if let Some(leader) = pending.leader {
            leader.kept();
        }
    }

    /// The body will not be kept, and nobody need wait for it.
    fn give_up(&mut self) {
        self.kept = BytesMut::new();
        if let Some(leader) = self.pending.take().and_then(|pending| pending.leader) {
            leader.alone();
        }
    }
}

impl hyper::body::Body for Fill {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let this = &mut *self;
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) if this.pending.is_some() => {
                match frame.data_ref() {
                    Some(data) => {
                        this.seen += data.len() as u64;
                        let most = this.pending.as_ref().map_or(0, |pending| pending.cache.largest());
                        if this.seen > most as u64 {
                            this.give_up();
                        } else {
                            this.kept.extend_from_slice(data);
                            // Whoever writes to the caller need not ask again after the last byte.
                            if this.body.is_end_stream() || this.announced == Some(this.seen) {
                                this.finish();
                            }
                        }
                    }
                    // Trailers are not kept, and without them the answer would not be whole.
                    None => this.give_up(),
                }
            }
            Poll::Ready(None) => this.finish(),
            // Broken off: dropping the leader says that it failed.
            Poll::Ready(Some(Err(_))) => this.pending = None,
            _ => {}
        }
        polled
    }
    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
