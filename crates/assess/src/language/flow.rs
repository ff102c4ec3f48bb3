//! Where values go inside a file: variables with their scopes, and the numbers by which wiring follows a router
//! from the call that makes it, over variables, arguments and results, to the server that serves it.
//!
//! Calls carry these properties beside their arguments, so that [`crate::wiring`] needs no syntax tree:
//! `id` (`#4`: this call's result), `from` (the value it is called on), `into` (the variable or field that takes its
//! result), `0.ref` (the value given as argument), `0.params` and `0.lines` (the parameters and lines of a function
//! that is written as an argument). A value is `#4` (a call), `router@12` (a variable declared in line 12) or
//! `~pkg.Server.router` (a field of a type, the same in all files).

use std::collections::HashMap;

use tree_sitter::Node;

use crate::fact::Fact;

/// Longest value of a property, in characters.
const LONGEST: usize = 200;

/// What an expression is known to be.
#[derive(Debug, Clone, Default)]
pub(crate) struct Value {
    /// The canonical name, where it is a name.
    pub name: Option<String>,
    /// The canonical type of which it is an instance.
    pub of: Option<String>,
    /// The constant's plain text.
    pub constant: Option<String>,
    /// Which value it is, for wiring.
    pub id: Option<String>,
    /// The number of the call's fact, where it is a call.
    pub call: Option<usize>,
    /// Parameters and lines, where it is a function written in place.
    pub inline: Option<(String, String)>,
    /// Whether it is text into which values are pasted.
    pub built: bool,
}

impl Value {
    /// A constant.
    pub fn constant(text: impl Into<String>) -> Value {
        Value { constant: Some(text.into()), ..Value::default() }
    }
    /// A name.
    pub fn name(text: impl Into<String>) -> Value {
        Value { name: Some(text.into()), ..Value::default() }
    }
    /// Notes the value as a property of a call, with all that wiring asks of it; `shown` is how it reads.
    pub fn given(self, fact: &mut Fact, key: &str, shown: String) {
        fact.attrs.push((key.to_owned(), shown));
        if let Some(id) = self.id {
            fact.attrs.push((format!("{key}.ref"), id));
        }
        if let Some((params, lines)) = self.inline {
            fact.attrs.push((format!("{key}.params"), params));
            fact.attrs.push((format!("{key}.lines"), lines));
        }
        if let Some(of) = self.of {
            fact.attrs.push((format!("{key}.type"), of));
        }
        if self.built {
            fact.attrs.push((format!("{key}.built"), "yes".into()));
        }
    }
}

/// A variable.
#[derive(Debug, Clone, Default)]
pub(crate) struct Variable {
    /// Its canonical type.
    pub of: Option<String>,
    /// The function or type it stands for.
    pub name: Option<String>,
    /// Its constant value.
    pub constant: Option<String>,
    /// Which value it is.
    pub id: String,
}

impl Variable {
    /// What it holds.
    pub fn value(&self) -> Value {
        Value {
            name: self.name.clone(),
            of: self.of.clone(),
            constant: self.constant.clone(),
            id: Some(self.id.clone()),
            ..Value::default()
        }
    }
}

/// The scopes around a place.
#[derive(Debug, Default)]
pub(crate) struct Scopes(Vec<HashMap<String, Variable>>);

impl Scopes {
    /// Begins one.
    pub fn enter(&mut self) {
        self.0.push(HashMap::new());
    }
    /// Ends the innermost.
    pub fn leave(&mut self) {
        self.0.pop();
    }
    /// Declares a variable.
    pub fn declare(&mut self, name: &str, variable: Variable) {
        if let Some(last) = self.0.last_mut() {
            last.insert(name.to_owned(), variable);
        }
    }
    /// Finds a variable; scopes beyond the nearest hundred are not looked at.
    pub fn find(&self, name: &str) -> Option<&Variable> {
        self.0.iter().rev().take(100).find_map(|scope| scope.get(name))
    }
    /// Changes what is known of a variable.
    pub fn find_mut(&mut self, name: &str) -> Option<&mut Variable> {
        self.0.iter_mut().rev().take(100).find_map(|scope| scope.get_mut(name))
    }
}

/// What is asked of a call's result belongs to that call as well: `r.HandleFunc("/a", h).Methods("GET")`.
pub(crate) fn chained(before: Option<&mut Fact>, method: &str, link: &Fact) {
    let Some(before) = before else { return };
    let places = link.attrs.iter().filter(|(key, _)| key.bytes().all(|byte| byte.is_ascii_digit()));
    let asked: Vec<&str> = places.map(|(_, value)| value.as_str()).collect();
    before.attrs.push(("then".into(), clip(&format!("{method}({})", asked.join(",")))));
}

/// The text of a node.
pub(crate) fn text<'t>(node: Node<'_>, source: &'t str) -> &'t str {
    source.get(node.byte_range()).unwrap_or("")
}

/// The first and the last line of a node, from 1.
pub(crate) fn lines(node: Node<'_>) -> (u32, u32) {
    let line = |row: usize| u32::try_from(row).unwrap_or(u32::MAX - 1) + 1;
    (line(node.start_position().row), line(node.end_position().row))
}

/// Source text without needless white space, shortened.
pub(crate) fn compact(text: &str) -> String {
    let mut out = String::new();
    let (mut space, mut count) = (false, 0);
    let mut quote: Option<char> = None;
    let mut escaped = false;
    for character in text.chars() {
        if count >= LONGEST {
            break;
        }
        if quote.is_none() && character.is_whitespace() {
            space = true;
            continue;
        }
        let word = |c: char| c.is_alphanumeric() || c == '_';
        if space && out.chars().last().is_some_and(word) && word(character) {
            out.push(' ');
            count += 1;
        }
        space = false;
        match quote {
            Some(open) if character == open && !escaped => quote = None,
            None if matches!(character, '"' | '`') => quote = Some(character),
            _ => {}
        }
        escaped = character == '\\' && !escaped;
        out.push(character);
        count += 1;
    }
    out
}

/// A text of at most 200 characters.
pub(crate) fn clip(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

/// The shape of a string that detectors may ask for: sql, url, dsn.
pub(crate) fn shape(text: &str) -> Option<&'static str> {
    let start: String = text.trim_start().chars().take(24).collect::<String>().to_ascii_lowercase();
    let sql = [
        "select ",
        "insert into ",
        "insert ",
        "update ",
        "delete from ",
        "create table",
        "create index",
        "create unique",
        "alter table",
        "with ",
    ];
    let statement = sql.iter().find(|word| start.starts_with(*word));
    if let Some(word) = statement {
        let rest = text.to_ascii_lowercase();
        let wanted = match *word {
            "select " => " from ",
            "insert " => " into ",
            "update " => " set ",
            "with " => "select",
            _ => "",
        };
        let flat = rest.split_whitespace().collect::<Vec<_>>().join(" ");
        return (wanted.is_empty() || flat.contains(wanted)).then_some("sql");
    }
    let (scheme, rest) = text.split_once("://")?;
    if scheme.is_empty() || !scheme.chars().all(|c| c.is_ascii_alphanumeric() || c == '+' || c == '-') {
        return None;
    }
    match scheme {
        "http" | "https" | "ws" | "wss" if !rest.is_empty() => Some("url"),
        "postgres" | "postgresql" | "mysql" | "mongodb" | "mongodb+srv" | "redis" | "rediss" | "amqp" | "amqps" | "sqlite" | "nats" => {
            Some("dsn")
        }
        _ => None,
    }
}
