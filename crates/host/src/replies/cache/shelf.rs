//! Where kept answers lie in this process: bounded in bytes, the least recently used goes first.
//!
//! Eight parts, each behind a lock of its own and each with an eighth of the room. All answers of
//! one path lie in one part, so that a change of the path takes them out with one look.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use http::HeaderName;

use super::{entry::Stored, key::Key};

/// Parts of the shelf.
pub const SHARDS: usize = 8;
/// No neighbour.
const NONE: usize = usize::MAX;

/// What lies under a key.
#[derive(Debug, Clone)]
pub enum Found {
    /// The answer.
    Answer(Arc<Stored>),
    /// The headers that choose among several answers (`Vary`).
    Names(Arc<Vec<HeaderName>>),
}

impl Found {
    fn weight(&self) -> usize {
        match self {
            Found::Answer(stored) => stored.weight(),
            Found::Names(names) => 256 + names.len() * 64,
        }
    }
}

/// Every kept answer of this process.
pub struct Shelf {
    parts: Vec<Mutex<Part>>,
    room: usize,
}

#[derive(Default)]
struct Part {
    places: HashMap<Key, usize>,
    by_path: HashMap<u64, HashSet<usize>>,
    nodes: Vec<Option<Node>>,
    free: Vec<usize>,
    newest: Option<usize>,
    oldest: Option<usize>,
    bytes: usize,
    evicted: u64,
}

struct Node {
    key: Key,
    path: u64,
    found: Found,
    weight: usize,
    newer: usize,
    older: usize,
}

impl Shelf {
    /// A shelf for this many bytes.
    pub fn new(bytes: usize) -> Shelf {
        Shelf { parts: (0..SHARDS).map(|_| Mutex::default()).collect(), room: bytes / SHARDS }
    }

    /// What lies under `key`, which belongs to `path`; it is now the most recently used.
    pub fn get(&self, path: u64, key: &Key) -> Option<Found> {
        let mut part = self.part(path);
        let at = *part.places.get(key)?;
        part.unlink(at);
        part.link(at);
        part.nodes[at].as_ref().map(|node| node.found.clone())
    }

    /// Puts something under `key`. Whatever is too large for its part is not kept.
    pub fn put(&self, path: u64, key: Key, found: Found) {
        let weight = found.weight();
        let mut part = self.part(path);
        if let Some(&at) = part.places.get(&key) {
            part.take_out(at);
        }
        if weight > self.room {
            return;
        }
        while part.bytes + weight > self.room {
            let Some(oldest) = part.oldest else { break };
            part.take_out(oldest);
            part.evicted += 1;
        }
        let node = Node { key, path, found, weight, newer: NONE, older: NONE };
        let at = match part.free.pop() {
            Some(at) => {
                part.nodes[at] = Some(node);
                at
            }
            None => {
                part.nodes.push(Some(node));
                part.nodes.len() - 1
            }
        };
        part.bytes += weight;
        part.places.insert(key, at);
        part.by_path.entry(path).or_default().insert(at);
        part.link(at);
    }

    /// Takes out what lies under one path and fits; says how many answers that were.
    pub fn drop_path(&self, path: u64, fits: impl Fn(&Stored) -> bool) -> usize {
        let mut part = self.part(path);
        let places: Vec<usize> = part.by_path.get(&path).into_iter().flatten().copied().collect();
        part.drop_those(places, fits)
    }

    /// Takes out whatever fits, wherever it lies; looks at everything.
    pub fn drop_all(&self, fits: impl Fn(&Stored) -> bool) -> usize {
        let dropped = self.parts.iter().map(|part| {
            let mut part = lock(part);
            let places: Vec<usize> = part.places.values().copied().collect();
            part.drop_those(places, &fits)
        });
        dropped.sum()
    }

    /// Bytes taken.
    pub fn bytes(&self) -> usize {
        self.parts.iter().map(|part| lock(part).bytes).sum()
    }
    /// How much there is: answers and lists of names.
    pub fn count(&self) -> usize {
        self.parts.iter().map(|part| lock(part).places.len()).sum()
    }
    /// Pushed out by others, since the start.
    pub fn evicted(&self) -> u64 {
        self.parts.iter().map(|part| lock(part).evicted).sum()
    }

    fn part(&self, path: u64) -> MutexGuard<'_, Part> {
        lock(&self.parts[(path >> 61) as usize])
    }
}

impl Part {
    fn drop_those(&mut self, places: Vec<usize>, fits: impl Fn(&Stored) -> bool) -> usize {
        let mut dropped = 0;
        for at in places {
            let fit = matches!(&self.nodes[at], Some(Node { found: Found::Answer(stored), .. }) if fits(stored));
            if fit {
                self.take_out(at);
                dropped += 1;
            }
        }
        dropped
    }

    fn take_out(&mut self, at: usize) {
        self.unlink(at);
        let Some(node) = self.nodes[at].take() else { return };
        self.free.push(at);
        self.bytes -= node.weight;
        self.places.remove(&node.key);
        if let Some(siblings) = self.by_path.get_mut(&node.path) {
            siblings.remove(&at);
            if siblings.is_empty() {
                self.by_path.remove(&node.path);
            }
        }
    }

    /// Takes a node out of the order.
    fn unlink(&mut self, at: usize) {
        let Some(node) = &self.nodes[at] else { return };
        let (newer, older) = (node.newer, node.older);
        if let Some(node) = self.node(newer) {
            node.older = older;
        } else if self.newest == Some(at) {
            self.newest = Some(older).filter(|older| *older != NONE);
        }
        if let Some(node) = self.node(older) {
            node.newer = newer;
        } else if self.oldest == Some(at) {
            self.oldest = Some(newer).filter(|newer| *newer != NONE);
        }
    }

    /// Puts a node in front of all others.
    fn link(&mut self, at: usize) {
        let before = self.newest.replace(at);
        if let Some(node) = self.node(at) {
            (node.newer, node.older) = (NONE, before.unwrap_or(NONE));
        }
        match before.and_then(|before| self.node(before)) {
            Some(before) => before.newer = at,
            None => self.oldest = Some(at),
        }
    }

    fn node(&mut self, at: usize) -> Option<&mut Node> {
        self.nodes.get_mut(at)?.as_mut()
    }
}

fn lock(part: &Mutex<Part>) -> MutexGuard<'_, Part> {
    part.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::super::tests::stored;
    use super::*;

    fn key(number: u64) -> Key {
        let mut key = [0; 16];
        key[..8].copy_from_slice(&number.to_be_bytes());
        key
    }
    fn body(found: Option<Found>) -> Option<usize> {
        match found? {
            Found::Answer(stored) => Some(stored.body.len()),
            Found::Names(_) => None,
        }
    }
    fn put(shelf: &Shelf, number: u64, length: usize) {
        shelf.put(0, key(number), Found::Answer(Arc::new(stored("/a", vec![b'x'; length]))));
    }

    #[test]
    fn it_never_takes_more_than_its_room_and_the_least_recently_used_goes_first() {
        let shelf = Shelf::new(8 * 10_000);
        for number in 0..5 {
            put(&shelf, number, 1_000);
        }
        assert_eq!(body(shelf.get(0, &key(0))), Some(1_000));
        for number in 5..1_000 {
            put(&shelf, number, 1_000);
            assert!(shelf.bytes() <= 10_000, "{}", shelf.bytes());
            assert!(body(shelf.get(0, &key(0))).is_some(), "what is used stays");
        }
        assert!(body(shelf.get(0, &key(1))).is_none() && shelf.evicted() > 900);
    }

    #[test]
    fn what_is_put_twice_is_there_once_and_what_is_too_large_is_not_there() {
        let shelf = Shelf::new(8 * 10_000);
        put(&shelf, 1, 100);
        put(&shelf, 1, 200);
        assert_eq!((shelf.count(), body(shelf.get(0, &key(1)))), (1, Some(200)));
        put(&shelf, 1, 20_000);
        assert_eq!((shelf.count(), shelf.bytes()), (0, 0), "the old answer under this key is not true any more");
    }

    #[test]
    fn a_path_is_taken_out_whole_and_no_other() {
        let shelf = Shelf::new(8 << 20);
        for number in 0..100 {
            shelf.put(number % 2, key(number), Found::Answer(Arc::new(stored("/a", vec![]))));
        }
        assert_eq!(shelf.drop_path(0, |_| true), 50);
        assert_eq!((shelf.count(), shelf.drop_path(0, |_| true)), (50, 0));
        assert_eq!(shelf.drop_all(|stored| stored.path == "/b"), 0);
        assert_eq!((shelf.drop_all(|_| true), shelf.bytes(), shelf.count()), (50, 0, 0));
    }

    /// Against a plain list, for many steps of every kind.
    #[test]
    fn the_order_holds_under_any_sequence_of_steps() {
        let (shelf, mut model, mut state) = (Shelf::new(8 * 40_000), Vec::<u64>::new(), 7u64);
        for _ in 0..20_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let number = (state >> 33) % 60;
            match (state >> 40) % 3 {
                0 => {
                    put(&shelf, number, 1_000);
                    model.retain(|one| *one != number);
                    model.push(number);
                    let weight = stored("/a", vec![b'x'; 1_000]).weight();
                    while model.len() * weight > 40_000 {
                        model.remove(0);
                    }
                }
                1 => {
                    let there = model.contains(&number);
                    assert_eq!(shelf.get(0, &key(number)).is_some(), there);
                    if there {
                        model.retain(|one| *one != number);
                        model.push(number);
                    }
                }
                _ => assert_eq!(shelf.count(), model.len()),
            }
        }
    }
}
