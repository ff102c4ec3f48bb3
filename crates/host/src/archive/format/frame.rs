//! Header and frames: the part of the format that knows nothing of tables.

use std::io;

use plimsoll_core::{Code, Result, Seed};
use ring::{
    aead::{Aad, LessSafeKey, NONCE_LEN, Nonce},
    digest,
};

use super::{
    VERSION,
    fault::{self, damaged, truncated},
    keys::{self, Keys, LOCK},
    manifest::Manifest,
};

/// How every archive begins. The first byte is no text, the line ends do not survive a transfer as
/// text, and the 1A stops a listing.
pub(super) const MARK: [u8; 8] = *b"\x89PLM\r\n\x1a\n";
/// The most plain text in one frame.
pub(super) const FRAME: usize = 256 * 1024;
/// No honest frame is longer: what does not shrink grows a little.
const LONGEST: usize = FRAME + FRAME / 8 + 1024;
const LONGEST_MANIFEST: usize = 1024 * 1024;
const DIGEST: usize = 16;
const TAG: usize = 16;
const MORE: u8 = 0;
const LAST: u8 = 1;
/// A good balance on rows: a quarter of the size, faster than the databases give them.
const LEVEL: i32 = 3;

/// Where an archive goes.
pub trait Sink {
    /// Takes all of `bytes`.
    ///
    /// # Errors
    /// [`Code::StorageFull`] where there is no room, [`Code::ArchivePlace`] for other failures.
    fn put(&mut self, bytes: &[u8]) -> Result<()>;
}

impl<W: io::Write> Sink for W {
    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.write_all(bytes).map_err(|error| fault::io("the archive", error))
    }
}

/// Where an archive comes from.
pub trait Source {
    /// Fills the beginning of `into`; how much. Zero is the end.
    ///
    /// # Errors
    /// [`Code::ArchivePlace`] where it cannot be read.
    fn take(&mut self, into: &mut [u8]) -> Result<usize>;
}

impl<R: io::Read> Source for R {
    fn take(&mut self, into: &mut [u8]) -> Result<usize> {
        loop {
            match self.read(into) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                done => return done.map_err(|error| fault::io("the archive", error)),
            }
        }
    }
}

/// The head of an archive.
#[derive(Debug, Clone)]
pub struct Header {
    /// What it is.
    pub manifest: Manifest,
    /// The manifest as it stands there, byte for byte.
    text: Vec<u8>,
    lock: [u8; LOCK],
}

impl Header {
    /// The id of the key under which it is sealed, in hexadecimal.
    pub fn sealed_under(&self) -> String {
        keys::wrapped_by(&self.lock)
    }

    /// A header for a new archive, and the archive's own key.
    pub(super) fn make(manifest: &Manifest, keys: &Keys, seed: &Seed) -> Result<(Header, LessSafeKey)> {
        let text = serde_json::to_vec(manifest)?;
        let key = zeroize::Zeroizing::new(seed.bytes::<32>());
        let lock = keys.wrap(&key, &bound(&text), seed)?;
        Ok((Header { manifest: manifest.clone(), text, lock }, keys::cipher(&key)?))
    }

    /// The same header for the key that wraps now.
    ///
    /// # Errors
    /// [`Code::ArchiveKey`] where the present one is not known.
    pub fn rewrapped(&self, keys: &Keys, seed: &Seed) -> Result<Header> {
        let bound = bound(&self.text);
        let key = keys.unwrap(&self.lock, &bound)?;
        Ok(Header { lock: keys.wrap(&key, &bound, seed)?, ..self.clone() })
    }

    /// The bytes of it.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = fixed(&self.text);
        out.extend_from_slice(&(LOCK as u16).to_be_bytes());
        out.extend_from_slice(&self.lock);
        let sum = short(&[&out]);
        out.extend_from_slice(&sum);
        out
    }

    /// Reads one.
    ///
    /// # Errors
    /// [`Code::ArchiveForeign`], [`Code::ArchiveVersion`], [`Code::ArchiveDamaged`]: in this order,
    /// since a file that is none of ours is not a damaged one.
    pub fn read(source: impl Source) -> Result<Header> {
        let mut counted = Counted { source, at: 0 };
        counted.header()
    }

    fn key(&self, keys: &Keys) -> Result<LessSafeKey> {
        keys::cipher(&*keys.unwrap(&self.lock, &bound(&self.text))?)
    }
}

/// Mark, version and manifest: what never changes.
fn fixed(manifest: &[u8]) -> Vec<u8> {
    let mut out = MARK.to_vec();
    out.extend_from_slice(&VERSION.to_be_bytes());
    out.extend_from_slice(&(manifest.len() as u32).to_be_bytes());
    out.extend_from_slice(manifest);
    out
}

fn bound(manifest: &[u8]) -> [u8; 32] {
    crate::identity::sha256(&fixed(manifest))
}

fn short(parts: &[&[u8]]) -> [u8; DIGEST] {
    let mut context = digest::Context::new(&digest::SHA256);
    parts.iter().for_each(|part| context.update(part));
    let mut out = [0; DIGEST];
    out.copy_from_slice(&context.finish().as_ref()[..DIGEST]);
    out
}

/// A frame's digest holds its place in its archive too, so that a place that stores archives
/// notices without a key what was moved.
fn frame_digest(bound: &[u8; 32], number: u64, kind: u8, body: &[u8]) -> [u8; DIGEST] {
    short(&[bound, &number.to_be_bytes(), &[kind], body])
}

fn nonce(number: u64, kind: u8) -> Nonce {
    let mut bytes = [0; NONCE_LEN];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    bytes[NONCE_LEN - 1] = kind;
    Nonce::assume_unique_for_key(bytes)
}

/// Turns plain text into sealed frames.
pub(super) struct FrameWriter<S> {
    sink: S,
    key: LessSafeKey,
    bound: [u8; 32],
    plain: Vec<u8>,
    number: u64,
    zstd: zstd::bulk::Compressor<'static>,
    /// Of everything that was written, to recognise the file by.
    whole: digest::Context,
    pub(super) written: u64,
}

/// What all frames came to.
pub(super) struct Ended<S> {
    pub(super) sink: S,
    pub(super) frames: u64,
    pub(super) bytes: u64,
    /// SHA-256 of the whole file.
    pub(super) digest: [u8; 32],
}

impl<S: Sink> FrameWriter<S> {
    pub(super) fn new(header: &Header, key: LessSafeKey, sink: S) -> Result<FrameWriter<S>> {
        let mut writer = FrameWriter {
            sink,
            key,
            bound: bound(&header.text),
            plain: Vec::with_capacity(FRAME),
            number: 0,
            zstd: zstd::bulk::Compressor::new(LEVEL)?,
            whole: digest::Context::new(&digest::SHA256),
            written: 0,
        };
        writer.out(&header.bytes())?;
        Ok(writer)
    }

    pub(super) fn add(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            if self.plain.len() == FRAME {
                self.flush(MORE)?;
            }
            let (now, later) = bytes.split_at(bytes.len().min(FRAME - self.plain.len()));
            self.plain.extend_from_slice(now);
            bytes = later;
        }
        Ok(())
    }

    /// Writes the last frame.
    pub(super) fn end(mut self) -> Result<Ended<S>> {
        self.flush(LAST)?;
        let mut digest = [0; 32];
        digest.copy_from_slice(self.whole.finish().as_ref());
        Ok(Ended { sink: self.sink, frames: self.number, bytes: self.written, digest })
    }

    fn flush(&mut self, kind: u8) -> Result<()> {
        let mut body = self.zstd.compress(&self.plain)?;
        self.plain.clear();
        self.key
            .seal_in_place_append_tag(nonce(self.number, kind), Aad::from(&self.bound), &mut body)
            .map_err(|_| Code::Internal.error().caused_by("a frame could not be sealed"))?;
        let mut head = Vec::with_capacity(5 + DIGEST);
        head.push(kind);
        head.extend_from_slice(&(body.len() as u32).to_be_bytes());
        head.extend_from_slice(&frame_digest(&self.bound, self.number, kind, &body));
        self.number += 1;
        self.out(&head)?;
        self.out(&body)
    }

    fn out(&mut self, bytes: &[u8]) -> Result<()> {
        self.sink.put(bytes)?;
        self.whole.update(bytes);
        self.written += bytes.len() as u64;
        Ok(())
    }
}

/// A source that knows how far it has come.
struct Counted<S> {
    source: S,
    at: u64,
}

impl<S: Source> Counted<S> {
    /// Fills `into` as far as there is something; how much.
    fn fill(&mut self, into: &mut [u8]) -> Result<usize> {
        let mut have = 0;
        while have < into.len() {
            match self.source.take(&mut into[have..])? {
                0 => break,
                more => have += more,
            }
        }
        self.at += have as u64;
        Ok(have)
    }

    fn exactly(&mut self, into: &mut [u8], inside: &str) -> Result<()> {
        if self.fill(into)? == into.len() { Ok(()) } else { Err(truncated(self.at, inside)) }
    }

    fn header(&mut self) -> Result<Header> {
        let mut mark = [0; MARK.len()];
        let have = self.fill(&mut mark)?;
        if have == 0 {
            return Err(truncated(0, "its header: it is empty"));
        }
        if mark[..have] != MARK[..have] {
            return Err(fault::foreign());
        }
        if have < mark.len() {
            return Err(truncated(self.at, "its header"));
        }
        let mut number = [0; 2];
        self.exactly(&mut number, "its header")?;
        match u16::from_be_bytes(number) {
            VERSION => {}
            other => return Err(fault::version(other, VERSION)),
        }
        let mut length = [0; 4];
        self.exactly(&mut length, "its header")?;
        let length = u32::from_be_bytes(length) as usize;
        if length > LONGEST_MANIFEST {
            return Err(damaged("the length of its manifest is impossible"));
        }
        let mut text = vec![0; length];
        self.exactly(&mut text, "its manifest")?;
        let mut length = [0; 2];
        self.exactly(&mut length, "its header")?;
        if usize::from(u16::from_be_bytes(length)) != LOCK {
            return Err(damaged("the length of its lock is impossible"));
        }
        let mut lock = [0; LOCK];
        self.exactly(&mut lock, "its header")?;
        let mut sum = [0; DIGEST];
        self.exactly(&mut sum, "its header")?;
        let mut before = fixed(&text);
        before.extend_from_slice(&length);
        before.extend_from_slice(&lock);
        if short(&[&before]) != sum {
            return Err(damaged("its header does not match its digest"));
        }
        let manifest = serde_json::from_slice(&text).map_err(|error| damaged("its manifest cannot be read").caused_by(error))?;
        Ok(Header { manifest, text, lock })
    }

    /// The next frame's kind and sealed body, its digest checked.
    fn frame(&mut self, bound: &[u8; 32], number: u64) -> Result<(u8, Vec<u8>)> {
        let begins = self.at;
        let mut head = [0; 5 + DIGEST];
        match self.fill(&mut head)? {
            0 => return Err(truncated(self.at, "the sequence of its frames: the last one is missing")),
            have if have < head.len() => return Err(truncated(self.at, &format!("frame {number}"))),
            _ => {}
        }
        let broken = || damaged(format!("frame {number} (at byte {begins}) was altered, or belongs elsewhere"));
        let kind = head[0];
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
        if kind > LAST || !(TAG..=LONGEST).contains(&length) {
            return Err(broken());
        }
        let mut body = vec![0; length];
        self.exactly(&mut body, &format!("frame {number}"))?;
        if frame_digest(bound, number, kind, &body) != head[5..] {
            return Err(broken());
        }
        Ok((kind, body))
    }

    fn nothing_more(&mut self) -> Result<()> {
        let end = self.at;
        if self.fill(&mut [0])? == 0 { Ok(()) } else { Err(damaged(format!("bytes follow its end at {end}"))) }
    }
}

/// Turns sealed frames back into plain text.
pub(super) struct FrameReader<S> {
    source: Counted<S>,
    key: LessSafeKey,
    bound: [u8; 32],
    number: u64,
    ended: bool,
    zstd: zstd::bulk::Decompressor<'static>,
}

impl<S: Source> FrameReader<S> {
    pub(super) fn open(source: S, keys: &Keys) -> Result<(Header, FrameReader<S>)> {
        let mut source = Counted { source, at: 0 };
        let header = source.header()?;
        let key = header.key(keys)?;
        let zstd = zstd::bulk::Decompressor::new()?;
        let bound = bound(&header.text);
        Ok((header, FrameReader { source, key, bound, number: 0, ended: false, zstd }))
    }

    /// The plain text of the next frame; `None` after the last.
    pub(super) fn frame(&mut self) -> Result<Option<Vec<u8>>> {
        if self.ended {
            return Ok(None);
        }
        let number = self.number;
        let (kind, mut body) = self.source.frame(&self.bound, number)?;
        let opened = self
            .key
            .open_in_place(nonce(number, kind), Aad::from(&self.bound), &mut body)
            .map_err(|_| damaged(format!("frame {number} does not open with the archive's key: it was forged, or belongs elsewhere")))?;
        let plain =
            self.zstd.decompress(opened, FRAME).map_err(|error| damaged(format!("frame {number} cannot be expanded")).caused_by(error))?;
        self.number += 1;
        if kind == LAST {
            self.ended = true;
            self.source.nothing_more()?;
        }
        Ok(Some(plain))
    }
}

/// Reads an archive without any key and compares all digests: finds rot, not forgery. How many
/// frames and bytes it has.
///
/// # Errors
/// As [`Header::read`], and [`Code::ArchiveDamaged`] for the first frame that is not whole.
pub fn check(source: impl Source) -> Result<(Header, u64, u64)> {
    let mut source = Counted { source, at: 0 };
    let header = source.header()?;
    let bound = bound(&header.text);
    let mut number = 0;
    loop {
        let (kind, _) = source.frame(&bound, number)?;
        number += 1;
        if kind == LAST {
            source.nothing_more()?;
            return Ok((header, number, source.at));
        }
    }
}
