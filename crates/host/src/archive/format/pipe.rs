//! The joint between a closure that holds a database and a place that waits for a network.
//!
//! Bounded: whoever is quicker waits, so memory does not grow. An archive whose writer goes away
//! before it said that all is written never becomes visible at its place.

use bytes::Bytes;
use plimsoll_core::{Code, Error, Result};
use tokio::sync::mpsc;

use super::frame::{Sink, Source};

/// So many pieces may be under way.
const PIECES: usize = 8;
/// Pieces are about this long.
const PIECE: usize = 256 * 1024;

/// What goes through a pipe.
#[derive(Debug)]
pub enum Piece {
    /// More of it.
    Data(Bytes),
    /// All of it was sent.
    End,
}

/// The end into which is written, by code that may block.
pub struct Incoming {
    sender: mpsc::Sender<Result<Piece>>,
    held: Vec<u8>,
}

/// The end out of which is read: by a place with [`piece`](Outgoing::piece), or by code that may
/// block as a [`Source`].
pub struct Outgoing {
    receiver: mpsc::Receiver<Result<Piece>>,
    held: Bytes,
    ended: bool,
}

/// A pipe.
pub fn pipe() -> (Incoming, Outgoing) {
    let (sender, receiver) = mpsc::channel(PIECES);
    (Incoming { sender, held: Vec::with_capacity(PIECE) }, Outgoing { receiver, held: Bytes::new(), ended: false })
}

/// Why a side of a transfer fails that was merely left alone.
pub(crate) const HUNG_UP: &str = "hung-up";

fn hung_up() -> Error {
    Code::ArchivePlace.because("The other end of the transfer has gone away.").reasoned(HUNG_UP)
}

impl Incoming {
    /// Says that all is written.
    ///
    /// # Errors
    /// [`Code::ArchivePlace`] where nobody reads any more.
    pub fn end(mut self) -> Result<()> {
        self.flush()?;
        self.sender.blocking_send(Ok(Piece::End)).map_err(|_| hung_up())
    }

    /// Passes a failure on to the reader.
    pub fn fail(self, error: Error) {
        // A reader that has gone away does not need to know.
        let _ = self.sender.blocking_send(Err(error));
    }

    /// Sends a piece, from asynchronous code.
    ///
    /// # Errors
    /// [`Code::ArchivePlace`] where nobody reads any more.
    pub async fn send(&self, piece: Result<Piece>) -> Result<()> {
        self.sender.send(piece).await.map_err(|_| hung_up())
    }

    /// Sends a piece as it is, from code that may block.
    ///
    /// # Errors
    /// [`Code::ArchivePlace`] where nobody reads any more.
    pub fn pass(&self, piece: Result<Piece>) -> Result<()> {
        self.sender.blocking_send(piece).map_err(|_| hung_up())
    }

    fn flush(&mut self) -> Result<()> {
        if self.held.is_empty() {
            return Ok(());
        }
        let full = std::mem::replace(&mut self.held, Vec::with_capacity(PIECE));
        self.sender.blocking_send(Ok(Piece::Data(full.into()))).map_err(|_| hung_up())
    }
}

impl Sink for Incoming {
    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.held.extend_from_slice(bytes);
        if self.held.len() >= PIECE { self.flush() } else { Ok(()) }
    }
}

impl Outgoing {
    /// The next piece; `None` once all was read.
    ///
    /// # Errors
    /// What the writer failed with; [`Code::ArchivePlace`] where it went away before its end.
    pub async fn piece(&mut self) -> Result<Option<Bytes>> {
        if self.ended {
            return Ok(None);
        }
        let next = self.receiver.recv().await;
        self.judge(next)
    }

    /// As [`piece`](Outgoing::piece), for code that may block.
    ///
    /// # Errors
    /// As there.
    pub fn wait(&mut self) -> Result<Option<Bytes>> {
        if self.ended {
            return Ok(None);
        }
        let next = self.receiver.blocking_recv();
        self.judge(next)
    }

    /// The next piece, no longer than `most`.
    ///
    /// # Errors
    /// As [`piece`](Outgoing::piece).
    pub async fn up_to(&mut self, most: usize) -> Result<Option<Bytes>> {
        if self.held.is_empty() {
            match self.piece().await? {
                Some(piece) => self.held = piece,
                None => return Ok(None),
            }
        }
        Ok(Some(self.held.split_to(most.min(self.held.len()))))
    }

    fn judge(&mut self, next: Option<Result<Piece>>) -> Result<Option<Bytes>> {
        match next {
            Some(Ok(Piece::Data(bytes))) => Ok(Some(bytes)),
            Some(Ok(Piece::End)) => {
                self.ended = true;
                Ok(None)
            }
            Some(Err(error)) => Err(error),
            None => Err(hung_up()),
        }
    }
}

impl Source for Outgoing {
    fn take(&mut self, into: &mut [u8]) -> Result<usize> {
        while self.held.is_empty() {
            match self.wait()? {
                Some(bytes) => self.held = bytes,
                None => return Ok(0),
            }
        }
        let now = into.len().min(self.held.len());
        into[..now].copy_from_slice(&self.held.split_to(now));
        Ok(now)
    }
}

/// So that the header can be read first, and the rest by somebody else.
impl Source for &mut Outgoing {
    fn take(&mut self, into: &mut [u8]) -> Result<usize> {
        (**self).take(into)
    }
}
