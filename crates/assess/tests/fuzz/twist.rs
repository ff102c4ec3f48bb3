//! Bends texts: a dozen ways, by a seed that repeats.

use plimsoll_core::seed::{STEP, stir};

use super::seeds::{ENTRIES, Entry, WORDS};

pub struct Twister<'a> {
    state: u64,
    entry: &'a Entry,
    longest: usize,
    /// Texts that were made, to go on from.
    pool: Vec<Vec<u8>>,
}

impl<'a> Twister<'a> {
    pub fn new(seed: u64, entry: &'a Entry, longest: usize) -> Twister<'a> {
        let name = entry.path.bytes().fold(seed, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
        let pool = entry.seeds.iter().map(|text| text.as_bytes().to_vec()).collect();
        Twister { state: name, entry, longest, pool }
    }
    /// The next text.
    pub fn next(&mut self) -> String {
        let mut text = self.pick(&self.pool.clone()).clone();
        for _ in 0..=self.below(6) {
            self.twist(&mut text);
            text.truncate(self.longest);
        }
        if self.pool.len() < 64 {
            self.pool.push(text.clone());
        } else {
            // The seeds stay.
            let place = self.entry.seeds.len() + self.below(64 - self.entry.seeds.len());
            self.pool[place].clone_from(&text);
        }
        String::from_utf8_lossy(&text).into_owned()
    }
    fn twist(&mut self, text: &mut Vec<u8>) {
        let (from, to) = self.range(text.len());
        match self.below(12) {
            0 => drop(text.drain(from..to)),
            1 => {
                let part = text[from..to].to_vec();
                let times = 1 + self.below(20);
                text.splice(to..to, part.repeat(times));
            }
            2 => text.truncate(from),
            3 => text[from..to].reverse(),
            4 => {
                let end = to.min(from + 8);
                for byte in &mut text[from..end] {
                    *byte = (self.random() & 0xFF) as u8;
                }
            }
            5 => self.word(text, from),
            6 => {
                let other = self.pick(ENTRIES);
                let other = self.pick(other.seeds).as_bytes().to_vec();
                let (start, end) = self.range(other.len());
                text.splice(from..to, other[start..end].iter().copied());
            }
            7 => {
                let (open, close) =
                    *self.pick(&[("(", ")"), ("[", "]"), ("{", "}"), ("\"", "\""), ("'", "'"), ("<", ">"), ("/*", "*/"), ("${", "}")]);
                let times = 1 + self.below(300);
                text.splice(to..to, close.repeat(times).into_bytes());
                text.splice(from..from, open.repeat(times).into_bytes());
            }
            8 => {
                let place = text[from..].iter().position(|byte| *byte == b'\n').map_or(text.len(), |at| from + at + 1);
                let indent = self.below(12);
                text.splice(place..place, b" ".repeat(indent));
            }
            9 => {
                let line = text[from..].split(|byte| *byte == b'\n').next().unwrap_or_default().to_vec();
                text.extend_from_slice(b"\n");
                text.extend(line);
            }
            10 => {
                let odd = *self.pick(&["\u{feff}", "\u{2028}", "\r", "\0", "é", "😀", "\u{202e}", "\t", "\\", "\u{85}", "ß", "İ"]);
                text.splice(from..from, odd.bytes());
            }
            _ => {
                let times = 1 + self.below(2_000);
                let byte = text.get(from).copied().unwrap_or(b' ');
                text.splice(from..from, vec![byte; times]);
            }
        }
    }
    fn word(&mut self, text: &mut Vec<u8>, at: usize) {
        let own: Vec<&str> = self.entry.seeds.iter().flat_map(|seed| seed.split_ascii_whitespace()).collect();
        let word = if self.below(2) == 0 { *self.pick(WORDS) } else { *self.pick(&own) };
        text.splice(at..at, word.bytes());
    }
    fn range(&mut self, length: usize) -> (usize, usize) {
        let (one, other) = (self.below(length + 1), self.below(length + 1));
        (one.min(other), one.max(other))
    }
    fn pick<'t, T>(&mut self, from: &'t [T]) -> &'t T {
        let place = self.below(from.len());
        &from[place]
    }
    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.random() % (bound.max(1) as u64)).unwrap_or(0)
    }
    fn random(&mut self) -> u64 {
        self.state = self.state.wrapping_add(STEP);
        stir(self.state)
    }
}
