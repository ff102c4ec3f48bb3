//! Bodies on their way through: counted, never held in full, and not waited for without end.

use std::{
    future::Future as _,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use hyper::{
    body::{Body as _, Frame, Incoming, SizeHint},
    client::conn::http1::SendRequest,
};
use plimsoll_core::Code;
use tokio::time::Sleep;

use super::mount::Mount;
use crate::{
    Body,
    body::{Broken, Carried},
};

/// A request's body: counted while it passes.
pub struct Upload {
    body: Body,
    left: u64,
    limit: usize,
    patience: Patience,
}

impl Upload {
    /// At most `limit` bytes, never standing still for longer than `idle`.
    pub fn new(body: Body, limit: usize, idle: Duration) -> Upload {
        Upload { body, left: limit as u64, limit, patience: Patience::new(idle) }
    }
}

impl hyper::body::Body for Upload {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let this = &mut *self;
        match Pin::new(&mut this.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                this.patience.renew();
                let length = frame.data_ref().map_or(0, |data| data.len() as u64);
                let Some(left) = this.left.checked_sub(length) else {
                    return Poll::Ready(Some(Err(Carried(crate::route::call::too_large(this.limit)).into())));
                };
                this.left = left;
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Pending if this.patience.is_over(cx) => {
                Poll::Ready(Some(Err(Carried(Code::BodyTimeout.because("the body stood still for too long")).into())))
            }
            other => other,
        }
    }
    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An answer's body; when it has ended, its connection is free for the next request.
pub struct Download {
    body: Incoming,
    mount: Arc<Mount>,
    connection: Option<SendRequest<Body>>,
    patience: Patience,
}

impl Download {
    /// The rest of an answer that came over `connection`. Counted as active already.
    pub fn new(body: Incoming, mount: Arc<Mount>, connection: SendRequest<Body>) -> Download {
        let patience = Patience::new(mount.idle_timeout);
        let mut download = Download { body, mount, connection: Some(connection), patience };
        if download.body.is_end_stream() {
            download.finish();
        }
        download
    }
    fn finish(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.mount.pool.put_back(connection);
        }
    }
}

impl hyper::body::Body for Download {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let this = &mut *self;
        match Pin::new(&mut this.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                this.patience.renew();
                if this.body.is_end_stream() {
                    this.finish();
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(None) => {
                this.finish();
                Poll::Ready(None)
            }
            Poll::Ready(Some(Err(cause))) => {
                this.connection = None;
                Poll::Ready(Some(Err(cause.into())))
            }
            Poll::Pending if this.patience.is_over(cx) => {
                this.connection = None;
                Poll::Ready(Some(Err(Carried(Code::UpstreamTimeout.because("the service's answer stood still for too long")).into())))
            }
            Poll::Pending => Poll::Pending,
        }
    }
    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Download {
    fn drop(&mut self) {
        self.mount.active.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A timer that is made only once somebody has to wait.
struct Patience {
    length: Duration,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Patience {
    fn new(length: Duration) -> Patience {
        Patience { length, timer: None }
    }
    fn renew(&mut self) {
        self.timer = None;
    }
    fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        let length = self.length;
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(length)));
        timer.as_mut().poll(cx).is_ready()
    }
}
