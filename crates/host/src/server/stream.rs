//! The bytes of a connection: noted when they move, and closed so that the last answer arrives.

use std::{
    future::Future,
    io::{IoSlice, Result},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Sleep,
};

use super::connection::Life;

/// How long, and how many bytes, a client may still send after the last answer. A refusal is often
/// written while a large body is under way; closing with bytes unread resets the connection, and
/// the reset overtakes the answer.
const PATIENCE: Duration = Duration::from_secs(2);
const UNREAD: usize = 32 << 20;

/// A stream whose movements its [`Life`] notes.
pub(super) struct Watched<IO> {
    io: IO,
    life: Arc<Life>,
    /// Present once our side is closed: the end of patience and the bytes that are left.
    closing: Option<(Pin<Box<Sleep>>, usize)>,
}

impl<IO> Watched<IO> {
    pub(super) fn new(io: IO, life: Arc<Life>) -> Watched<IO> {
        Watched { io, life, closing: None }
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Watched<IO> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        let before = into.filled().len();
        let polled = Pin::new(&mut self.io).poll_read(cx, into);
        if into.filled().len() > before {
            self.life.received();
        }
        polled
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Watched<IO> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let polled = Pin::new(&mut self.io).poll_write(cx, bytes);
        if matches!(polled, Poll::Ready(Ok(1..))) {
            self.life.moved();
        }
        polled
    }
    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<Result<usize>> {
        let polled = Pin::new(&mut self.io).poll_write_vectored(cx, slices);
        if matches!(polled, Poll::Ready(Ok(1..))) {
            self.life.moved();
        }
        polled
    }
    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    /// Closes our side, then reads away what still comes until the peer closes its own.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let this = &mut *self;
        if this.closing.is_none() {
            ready!(Pin::new(&mut this.io).poll_shutdown(cx))?;
        }
        let (patience, left) = this.closing.get_or_insert_with(|| (Box::pin(tokio::time::sleep(PATIENCE)), UNREAD));
        let mut waste = [0; 16 << 10];
        loop {
            let mut waste = ReadBuf::new(&mut waste);
            match Pin::new(&mut this.io).poll_read(cx, &mut waste) {
                Poll::Pending => return patience.as_mut().poll(cx).map(Ok),
                Poll::Ready(Ok(())) if (1..=*left).contains(&waste.filled().len()) => *left -= waste.filled().len(),
                // The peer has closed, is gone, or sends without end.
                Poll::Ready(_) => return Poll::Ready(Ok(())),
            }
        }
    }
}
