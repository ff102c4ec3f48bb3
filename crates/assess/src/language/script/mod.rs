//! JavaScript and TypeScript, with JSX, as CommonJS and as modules.

mod args;
mod bind;
mod body;
mod class;
mod define;
mod function;
#[cfg(test)]
mod handed_tests;
mod link;
mod module;
mod names;
mod read;
mod resolve;
mod setting;
mod table;
#[cfg(test)]
mod tests;
mod walk;
mod wire;

use super::Language;
use crate::{
    fact::{Extract, Import},
    wiring::{Program, Wired},
};

/// JavaScript.
pub const JAVASCRIPT: Script = Script { name: "javascript" };
/// TypeScript.
pub const TYPESCRIPT: Script = Script { name: "typescript" };

/// One of the two; they are read by the same code and import from each other.
#[derive(Debug)]
pub struct Script {
    name: &'static str,
}

impl Language for Script {
    fn name(&self) -> &'static str {
        self.name
    }
    fn family(&self) -> &'static str {
        "script"
    }
    fn extract(&self, path: &str, text: &str) -> Extract {
        read::read(path, text)
    }
    fn resolve(&self, from: &str, import: &Import, exists: &dyn Fn(&str) -> bool) -> Option<(String, Option<String>)> {
        resolve::resolve(from, import, exists)
    }
    fn wire(&self, program: &Program<'_>) -> Wired {
        wire::wire(program)
    }
}
