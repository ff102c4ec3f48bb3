//! A value that must not be seen.

use std::fmt;

use zeroize::Zeroizing;

use super::node::Node;
use super::setting::{Setting, Wrong, from_string};

/// A secret text. Prints as `[secret]` and is overwritten in memory when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Keeps this text secret from here on.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(Zeroizing::new(text.into()))
    }
    /// The text itself. Whoever calls this must neither print nor store it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl Setting for Secret {
    const SECRET: bool = true;

    fn kind() -> String {
        "a secret text".into()
    }
    fn example() -> String {
        "\"…\"".into()
    }
    fn from_toml(value: &Node, wrong: &mut Vec<Wrong>) -> Option<Self> {
        from_string(value, wrong)
    }
    fn from_text(text: &str) -> Result<Self, Wrong> {
        match text {
            "" => Err(Wrong::because("the secret is empty")),
            text if text.contains('\0') => Err(Wrong::because("the secret contains a NUL character")),
            text => Ok(Secret::new(text)),
        }
    }
    fn show(&self) -> String {
        "set".into()
    }
}
