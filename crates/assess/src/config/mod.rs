//! Configuration: from files that are not programs to their facts.
//!
//! A reader looks at a path and, where the file is its own, reads the text. Several readers may
//! read one file: a `package.json` has dependencies for one and scripts for another. What only the
//! whole tree shows (references to files that are not there, steps that run the targets of a
//! Makefile) is found by [`whole`].

use crate::fact::Extract;

pub mod code;
pub mod command;
pub mod compose;
pub mod declared;
pub mod docker;
pub mod document;
pub mod environment;
pub mod helm;
pub mod ini;
pub mod json;
pub mod kubernetes;
pub mod leaf;
pub mod manifest;
pub mod migration;
pub mod monitoring;
pub mod node;
pub mod openapi;
pub mod pipeline;
pub mod proxy;
pub mod sheet;
pub mod shell;
pub mod spring;
pub mod sql;
pub mod terraform;
pub mod toml;
pub mod tool;
pub mod whole;
pub mod yaml;

/// One sort of file: its word and its facts, where the file is of that sort.
pub type Reader = fn(path: &str, text: &str) -> Option<(&'static str, Extract)>;

/// The readers, one line each.
#[rustfmt::skip]
const READERS: &[Reader] = &[
    docker::read,
    compose::read,
    environment::read,
    pipeline::read,
    command::read,
    kubernetes::read,
    helm::read,
    terraform::read,
    proxy::read,
    tool::read,
    monitoring::read,
    openapi::read,
    document::read,
    manifest::read,
    sql::read,
    migration::read, spring::read,
];

/// The most that is read of a file.
const BYTES: usize = 4 << 20;

/// Reads a file by what it is; nothing where no reader knows it.
pub fn extract(path: &str, text: &str) -> Option<(&'static str, Extract)> {
    if text.len() > BYTES {
        // A lock file may be long; it is only counted.
        return manifest::lock(path, text);
    }
    let mut whole: Option<(&'static str, Extract)> = None;
    for reader in READERS {
        let Some((sort, extract)) = reader(path, text) else { continue };
        match &mut whole {
            None => whole = Some((sort, extract)),
            Some((_, all)) => {
                all.facts.extend(extract.facts);
                all.trouble.extend(extract.trouble);
            }
        }
    }
    // What nobody knows is a file of values; what is code by its folder is none.
    whole.or_else(|| tool::unknown(path, text))
}

/// The last part of a path.
pub(crate) fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The ending of a file's name, without the dot; empty where there is none.
pub(crate) fn ending(path: &str) -> &str {
    base(path).rsplit_once('.').map_or("", |(_, ending)| ending)
}

#[cfg(test)]
mod tests;
