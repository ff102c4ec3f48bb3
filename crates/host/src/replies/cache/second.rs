//! The second tier: kept answers that several processes share, and the list of purges that all
//! of them follow.
//!
//! A purge is a number and a description in a list on the server. Every process reads what is new
//! several times a second and takes the answers out of its own shelf. An answer carries the number
//! that was known when it was asked for, so one that is read from the server is good exactly if no
//! later purge takes it; the answers themselves are never searched for. When the list has lost
//! something (the server was emptied, or a process was cut off for so long that the list has moved
//! on), everything older counts as purged.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use plimsoll_core::{Seed, TenantId, Time};
use redis::Script;
use serde::{Deserialize, Serialize};

use super::{
    entry::{Mark, Stored, Terms},
    key::{Asked, Key, Scope},
    purge::{Purge, REMEMBERED, What},
    shelf::Found,
};
use crate::shared::{Lost, Shared};

/// Reads what is new: life and number of the list, and what was added after number ARGV[2].
const FOLLOW: &str = "
local epoch = redis.call('HGET', KEYS[1], 'epoch')
if not epoch then
  epoch = ARGV[1]
  redis.call('HSET', KEYS[1], 'epoch', epoch, 'number', 0)
  redis.call('DEL', KEYS[2])
end
local number = redis.call('HGET', KEYS[1], 'number')
return {epoch, number, redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. ARGV[2], '+inf', 'WITHSCORES')}
";

/// Adds a purge.
const ADD: &str = "
if redis.call('HEXISTS', KEYS[1], 'epoch') == 0 then
  redis.call('HSET', KEYS[1], 'epoch', ARGV[3], 'number', 0)
  redis.call('DEL', KEYS[2])
end
local number = redis.call('HINCRBY', KEYS[1], 'number', 1)
redis.call('ZADD', KEYS[2], number, number .. ' ' .. ARGV[1])
redis.call('ZREMRANGEBYRANK', KEYS[2], 0, -(tonumber(ARGV[2]) + 1))
return number
";

/// The shared tier.
pub struct Second {
    shared: Arc<Shared>,
    seed: Seed,
    follow: Script,
    add: Script,
    list: Mutex<List>,
    /// Purges that are not on the list yet.
    owed: Mutex<Vec<Purge>>,
}

/// The list of purges as far as this process knows it.
#[derive(Default)]
struct List {
    epoch: u64,
    /// Everything after this number is in `recent`.
    floor: u64,
    number: u64,
    recent: VecDeque<(u64, Purge)>,
    known: bool,
}

/// What the list says that is new.
pub enum News {
    /// These, with their numbers.
    Purges(Vec<(u64, Purge)>),
    /// Something is missing: nothing that was kept before can be trusted.
    Everything,
}

/// A kept answer as it is written.
#[derive(Serialize, Deserialize)]
struct Written {
    host: String,
    path: String,
    scope: u8,
    tenant: Option<TenantId>,
    person: Option<[u8; 16]>,
    base: Key,
    tags: Vec<String>,
    status: u16,
    headers: Vec<(String, String)>,
    at: i64,
    age: u64,
    fresh: u64,
    while_revalidate: u64,
    if_error: u64,
    epoch: u64,
    number: u64,
}

impl Second {
    /// On this server.
    pub fn new(shared: Arc<Shared>, seed: Seed) -> Second {
        Second { shared, seed, follow: Script::new(FOLLOW), add: Script::new(ADD), list: Mutex::default(), owed: Mutex::default() }
    }

    /// The list's life and number, as far as they are known here.
    pub fn mark(&self) -> Option<(u64, u64)> {
        let list = self.list();
        list.known.then_some((list.epoch, list.number))
    }

    /// Looks for the answer to a request, in one or two questions.
    pub async fn look(&self, asked: &Asked) -> Result<Option<(Key, Arc<Stored>, Option<Arc<Vec<HeaderName>>>)>, Lost> {
        let bases: Vec<Key> = asked.scopes().map(|scope| asked.base(scope)).collect();
        for (base, found) in bases.iter().zip(self.read(&bases).await?) {
            match found {
                Some(Found::Answer(stored)) if self.is_good(&stored) => return Ok(Some((*base, stored, None))),
                Some(Found::Names(names)) => {
                    let key = asked.variant(*base, &names);
                    if let Some(Some(Found::Answer(stored))) = self.read(&[key]).await?.pop()
                        && self.is_good(&stored)
                    {
                        return Ok(Some((key, stored, Some(names))));
                    }
                }
                _ => {}
            }
        }
        Ok(None)
    }

    async fn read(&self, keys: &[Key]) -> Result<Vec<Option<Found>>, Lost> {
        let mut command = redis::cmd("MGET");
        for key in keys {
            command.arg(self.name(key));
        }
        let values: Vec<Option<Vec<u8>>> = self.shared.command(&command).await?;
        Ok(values.into_iter().map(|value| value.and_then(decode)).collect())
    }

    /// Keeps an answer; where it has several forms, also what chooses among them.
    pub async fn keep(&self, key: &Key, stored: &Stored, names: &[HeaderName]) -> Result<(), Lost> {
        let (Some(value), Some(life)) = (encode(stored), self.life(stored)) else { return Ok(()) };
        let mut pipe = redis::pipe();
        pipe.cmd("SET").arg(self.name(key)).arg(value).arg("PX").arg(life).ignore();
        if !names.is_empty() {
            let mut value = vec![b'N'];
            value.extend(names.iter().map(HeaderName::as_str).collect::<Vec<_>>().join(",").into_bytes());
            pipe.cmd("SET").arg(self.name(&stored.base)).arg(value).arg("PX").arg(life).ignore();
        }
        self.shared.pipe(&pipe).await
    }

    /// Takes one answer out.
    pub async fn forget(&self, key: &Key) -> Result<(), Lost> {
        let mut command = redis::cmd("DEL");
        command.arg(self.name(key));
        self.shared.command(&command).await
    }

    fn life(&self, stored: &Stored) -> Option<u64> {
        stored.mark.shared?;
        u64::try_from(stored.useful().as_millis()).ok().filter(|life| *life > 0)
    }

    /// Puts a purge on the list.
    /// One that cannot be put there now is put there as soon as the server is back.
    pub async fn add(&self, purge: &Purge) -> Result<(), Lost> {
        let put = self.put(purge).await;
        if put.is_err() {
            let mut owed = self.owed.lock().unwrap_or_else(PoisonError::into_inner);
            if owed.len() >= REMEMBERED {
                owed.clear();
                owed.push(Purge { what: What::All, tenant: None });
            }
            owed.push(purge.clone());
        }
        put
    }

    /// Puts on the list what could not be put there before.
    async fn settle(&self) -> Result<(), Lost> {
        loop {
            let Some(purge) = self.owed.lock().unwrap_or_else(PoisonError::into_inner).pop() else { return Ok(()) };
            self.add(&purge).await?;
        }
    }

    async fn put(&self, purge: &Purge) -> Result<(), Lost> {
        let Ok(text) = serde_json::to_string(purge) else { return Ok(()) };
        let mut run = self.add.prepare_invoke();
        run.key(self.state()).key(self.log());
        run.arg(text).arg(REMEMBERED).arg(self.new_epoch());
        self.shared.script::<u64>(&run).await.map(drop)
    }

    /// Reads what is new on the list.
    pub async fn follow(&self) -> Result<News, Lost> {
        self.settle().await?;
        let known = {
            let list = self.list();
            if list.known { list.number } else { 0 }
        };
        let mut run = self.follow.prepare_invoke();
        run.key(self.state()).key(self.log()).arg(self.new_epoch()).arg(known);
        let (epoch, number, lines): (u64, u64, Vec<(String, u64)>) = self.shared.script(&run).await?;
        let read: Vec<(u64, Purge)> = lines
            .into_iter()
            .map(|(line, number)| {
                let purge = line.split_once(' ').and_then(|(_, text)| serde_json::from_str(text).ok());
                // One that a later version wrote: better too much than too little.
                (number, purge.unwrap_or(Purge { what: What::All, tenant: None }))
            })
            .collect();
        let mut list = self.list();
        let first = read.first().map_or(number + 1, |(first, _)| *first);
        let whole = list.known && list.epoch == epoch && number >= list.number && first <= list.number + 1;
        if !whole {
            let begins = !list.known;
            let floor = first.saturating_sub(1);
            *list = List { epoch, floor, number, recent: read.into(), known: true };
            // A process that has just begun has kept nothing that could be wrong.
            return Ok(if begins { News::Purges(Vec::new()) } else { News::Everything });
        }
        list.number = number;
        list.recent.extend(read.iter().cloned());
        while list.recent.len() > REMEMBERED {
            if let Some((number, _)) = list.recent.pop_front() {
                list.floor = number;
            }
        }
        Ok(News::Purges(read))
    }

    /// Whether no purge has taken an answer since it was asked for.
    fn is_good(&self, stored: &Stored) -> bool {
        let Some((epoch, number)) = stored.mark.shared else { return false };
        let list = self.list();
        list.known
            && list.epoch == epoch
            && number >= list.floor
            && !list.recent.iter().rev().take_while(|(later, _)| *later > number).any(|(_, purge)| purge.takes(stored))
    }

    /// A life of the list: 53 bits, which every script language can count.
    fn new_epoch(&self) -> u64 {
        u64::from_be_bytes(self.seed.bytes()) >> 11
    }
    fn name(&self, key: &Key) -> String {
        self.shared.key("c", &crate::identity::hex(key))
    }
    fn state(&self) -> String {
        self.shared.key("purge", "state")
    }
    fn log(&self) -> String {
        self.shared.key("purge", "log")
    }
    fn list(&self) -> MutexGuard<'_, List> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `A`, the length of the head, the head as JSON, the body.
fn encode(stored: &Stored) -> Option<Vec<u8>> {
    let (epoch, number) = stored.mark.shared?;
    let headers: Option<Vec<(String, String)>> =
        stored.headers.iter().map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))).collect();
    let micros = |span: Duration| u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
    let (scope, tenant, person) = match stored.scope {
        Scope::Public => (0, None, None),
        Scope::Strangers => (1, None, None),
        Scope::Tenant(tenant) => (2, Some(tenant), None),
        Scope::Person(tenant, person) => (3, Some(tenant), Some(person)),
    };
    let head = serde_json::to_vec(&Written {
        host: stored.host.clone(),
        path: stored.path.clone(),
        scope,
        tenant,
        person,
        base: stored.base,
        tags: stored.tags.clone(),
        status: stored.status.as_u16(),
        headers: headers?,
        at: stored.at.micros(),
        age: micros(stored.terms.age),
        fresh: micros(stored.terms.fresh),
        while_revalidate: micros(stored.terms.while_revalidate),
        if_error: micros(stored.terms.if_error),
        epoch,
        number,
    })
    .ok()?;
    let mut value = vec![b'A'];
    value.extend(u32::try_from(head.len()).ok()?.to_be_bytes());
    value.extend(&head);
    value.extend(&stored.body);
    Some(value)
}

fn decode(value: Vec<u8>) -> Option<Found> {
    match value.first()? {
        b'N' => {
            let names = std::str::from_utf8(&value[1..]).ok()?.split(',').map(|name| HeaderName::from_bytes(name.as_bytes()).ok());
            Some(Found::Names(Arc::new(names.collect::<Option<Vec<_>>>()?)))
        }
        b'A' => {
            let length = u32::from_be_bytes(value.get(1..5)?.try_into().ok()?) as usize;
            let written: Written = serde_json::from_slice(value.get(5..5 + length)?).ok()?;
            let mut headers = HeaderMap::with_capacity(written.headers.len());
            for (name, text) in &written.headers {
                headers.append(HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_str(text).ok()?);
            }
            let scope = match (written.scope, written.tenant, written.person) {
                (0, None, None) => Scope::Public,
                (1, None, None) => Scope::Strangers,
                (2, Some(tenant), None) => Scope::Tenant(tenant),
                (3, Some(tenant), Some(person)) => Scope::Person(tenant, person),
                _ => return None,
            };
            Some(Found::Answer(Arc::new(Stored {
                host: written.host,
                path: written.path,
                scope,
                base: written.base,
                tags: written.tags,
                status: StatusCode::from_u16(written.status).ok()?,
                headers,
                body: Bytes::from(value).slice(5 + length..),
                at: Time::from_micros(written.at),
                terms: Terms {
                    age: Duration::from_micros(written.age),
                    fresh: Duration::from_micros(written.fresh),
                    while_revalidate: Duration::from_micros(written.while_revalidate),
                    if_error: Duration::from_micros(written.if_error),
                },
                mark: Mark { own: 0, shared: Some((written.epoch, written.number)) },
            })))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::stored;
    use super::*;

    #[test]
    fn what_is_written_is_read_again_and_what_is_broken_is_nothing() {
        let mut one = stored("/a", b"hello".to_vec());
        one.mark.shared = Some((7, 3));
        one.scope = Scope::Person(TenantId::from_bits(9), [4; 16]);
        let value = encode(&one).unwrap();
        let Some(Found::Answer(read)) = decode(value.clone()) else { panic!("not read") };
        assert_eq!((read.body.as_ref(), read.scope, read.mark, &read.terms), (&b"hello"[..], one.scope, one.mark, &one.terms));
        assert_eq!(read.headers, one.headers);
        for length in 0..value.len() - 5 {
            assert!(decode(value[..length].to_vec()).is_none(), "{length}");
        }
        assert!(decode(b"A\xff\xff\xff\xff".to_vec()).is_none() && decode(b"X".to_vec()).is_none());
    }
}
