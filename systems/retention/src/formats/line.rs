//! A stream that counts its lines and stops where it is told to.

use std::io::{BufRead, ErrorKind, Read};

use crate::record::Reason;

/// A stream of bytes with the number of the line.
pub(super) struct Lines<R> {
    inner: R,
    /// The line of the next byte, from 1.
    pub line: u64,
    /// Bytes that may still be taken; [`Lines::allow`] renews them.
    left: usize,
}

impl<R: BufRead> Lines<R> {
    pub fn new(inner: R) -> Lines<R> {
        Lines { inner, line: 1, left: usize::MAX }
    }

    /// Lets this many bytes pass from here on, before reading fails.
    pub fn allow(&mut self, bytes: usize) {
        self.left = bytes;
    }

    /// Whether reading failed because of [`Lines::allow`].
    pub fn spent(&self) -> bool {
        self.left == 0
    }

    /// The next byte, without taking it.
    pub fn peek(&mut self) -> Result<Option<u8>, Reason> {
        loop {
            match self.inner.fill_buf() {
                Ok(bytes) => return Ok(bytes.first().copied()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Err(Reason::Unread),
            }
        }
    }

    /// Takes bytes up to and with the first one at which `last` says so, and keeps those that fit into
    /// `most` of them; whether there was such a byte.
    pub fn take(&mut self, out: &mut Vec<u8>, most: usize, mut last: impl FnMut(u8) -> bool) -> Result<bool, Reason> {
        loop {
            let bytes = match self.inner.fill_buf() {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => return Err(Reason::Unread),
            };
            if bytes.is_empty() {
                return Ok(false);
            }
            let mut lines = 0;
            let found = bytes.iter().position(|byte| {
                lines += u64::from(*byte == b'\n');
                last(*byte)
            });
            let taken = found.map_or(bytes.len(), |at| at + 1);
            let fits = taken.min(most.saturating_sub(out.len()));
            out.extend_from_slice(&bytes[..fits]);
            self.line += lines;
            self.inner.consume(taken);
            if found.is_some() {
                return Ok(true);
            }
        }
    }

    /// Takes the byte that was peeked at.
    pub fn skip(&mut self, byte: u8) {
        self.line += u64::from(byte == b'\n');
        self.inner.consume(1);
    }

    /// Takes a byte order mark, if there is one.
    pub fn skip_mark(&mut self) -> Result<(), Reason> {
        // Three bytes may come in three pieces; the first says enough: no record begins with it.
        for byte in [0xef, 0xbb, 0xbf] {
            if self.peek()? != Some(byte) {
                break;
            }
            self.skip(byte);
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Lines<R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let bytes = self.fill_buf()?;
        let taken = bytes.len().min(out.len());
        out[..taken].copy_from_slice(&bytes[..taken]);
        self.consume(taken);
        Ok(taken)
    }
}

impl<R: BufRead> BufRead for Lines<R> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        let left = self.left;
        let bytes = self.inner.fill_buf()?;
        if bytes.is_empty() {
            return Ok(bytes);
        }
        if left == 0 {
            return Err(std::io::Error::other("more than allowed"));
        }
        Ok(&bytes[..bytes.len().min(left)])
    }

    fn consume(&mut self, taken: usize) {
        // The bytes are still there until they are consumed, so asking for them again is free.
        if let Ok(bytes) = self.inner.fill_buf() {
            self.line += bytes[..taken.min(bytes.len())].iter().filter(|byte| **byte == b'\n').count() as u64;
        }
        self.left = self.left.saturating_sub(taken);
        self.inner.consume(taken);
    }
}
