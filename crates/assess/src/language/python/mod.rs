//! Python: FastAPI, Starlette, Flask, Django and what stands beside them.
//!
//! A file is read twice over one tree: [`scope`] binds its names, [`extract`] walks through everything and writes facts in
//! canonical names. [`link`] follows names over files, and [`wire`] applies the rules of the frameworks.

mod define;
mod extract;
mod guard;
mod link;
mod literal;
mod name;
mod open;
mod resolve;
mod scope;
mod setting;
mod tree;
mod turns;
mod value;
mod wire;

#[cfg(test)]
mod tests;

use super::Language;
use crate::{
    fact::{Extract, Import},
    wiring::{Program, Wired},
};

/// Python.
pub struct Python;

impl Language for Python {
    fn name(&self) -> &'static str {
        "python"
    }
    fn extract(&self, path: &str, text: &str) -> Extract {
        extract::extract(path, text)
    }
    fn resolve(&self, from: &str, import: &Import, exists: &dyn Fn(&str) -> bool) -> Option<(String, Option<String>)> {
        resolve::resolve(from, import, exists)
    }
    fn wire(&self, program: &Program<'_>) -> Wired {
        wire::wire(program)
    }
}
