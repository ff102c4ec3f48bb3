//! Protection that may be switched off only with a reason.

use super::{
    many::toml_in_text,
    node::{Content, Node},
    setting::{Setting, Wrong, quote},
};

/// Shortest reason, in characters, that may stand behind an `off`.
const REASON_CHARACTERS: usize = 10;

/// On, or off with the reason that whoever switched it off gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Switch {
    /// The protection works: `"on"`.
    On,
    /// It does not, because of this: `{ off = "terminated at the gateway" }`.
    Off(String),
}

impl Switch {
    /// Whether the protection works.
    pub fn is_on(&self) -> bool {
        matches!(self, Switch::On)
    }
    /// Why it does not.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Switch::On => None,
            Switch::Off(reason) => Some(reason),
        }
    }
}

impl Setting for Switch {
    fn kind() -> String {
        "on, or off with a reason".into()
    }
    fn example() -> String {
        "\"on\"".into()
    }
    fn from_toml(value: &Node, wrong: &mut Vec<Wrong>) -> Option<Self> {
        match read(value) {
            Ok(switch) => Some(switch),
            Err(it) => {
                wrong.push(it.at(value.span()));
                None
            }
        }
    }
    fn from_text(text: &str) -> Result<Self, Wrong> {
        match text.trim() {
            "on" => Ok(Switch::On),
            table if table.starts_with('{') => toml_in_text(table, Self::from_toml).map_err(|_| refuse()),
            _ => Err(refuse()),
        }
    }
    fn show(&self) -> String {
        match self {
            Switch::On => "\"on\"".into(),
            Switch::Off(reason) => format!("{{ off = {} }}", quote(reason)),
        }
    }
}

fn read(value: &Node) -> Result<Switch, Wrong> {
    match value.content() {
        Content::Text(word) if word == "on" => Ok(Switch::On),
        Content::Table(table) => {
            if let Some(entry) = table.iter().find(|entry| entry.name != "off") {
                return Err(refuse().at(entry.span.clone()));
            }
            let reason = &table.first().ok_or_else(refuse)?.value;
            match reason.text().map(str::trim) {
                Some(text) if text.chars().count() >= REASON_CHARACTERS => Ok(Switch::Off(text.into())),
                _ => Err(refuse().at(reason.span())),
            }
        }
        _ => Err(refuse()),
    }
}

fn refuse() -> Wrong {
    Wrong::because(format!("expected `on`, or `off` with a reason of at least {REASON_CHARACTERS} characters"))
        .help("write \"on\" or { off = \"why this is safe here\" }")
}
