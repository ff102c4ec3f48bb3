//! Kinds made of kinds: what may be missing, lists, and tables with free keys.

use std::collections::BTreeMap;

use super::node::{Content, Node};
use super::setting::{Setting, Unset, Wrong, quote};

/// Reads a value of the file's notation inside a variable, a flag or a default.
pub(super) fn toml_in_text<T: Setting>(text: &str, read: impl FnOnce(&Node, &mut Vec<Wrong>) -> Option<T>) -> Result<T, Wrong> {
    let unreadable = || match T::SECRET {
        true => Wrong::because(format!("expected {}", T::kind())),
        false => Wrong::text::<T>(text),
    };
    let value = Node::parse(text).map_err(|_| unreadable())?;
    let mut wrong = Vec::new();
    let read = read(&value, &mut wrong);
    match (read, wrong.into_iter().next()) {
        (Some(read), None) => Ok(read),
        // The span counts inside the text: it would point at the wrong bytes of the file.
        (_, Some(first)) => Err(Wrong { span: None, ..first }),
        (None, None) => Err(unreadable()),
    }
}

/// In a variable, empty text means "not set", whatever the file says.
impl<T: Setting> Setting for Option<T> {
    const SECRET: bool = T::SECRET;

    fn kind() -> String {
        T::kind()
    }
    fn example() -> String {
        T::example()
    }
    fn from_toml(value: &Node, wrong: &mut Vec<Wrong>) -> Option<Self> {
        T::from_toml(value, wrong).map(Some)
    }
    fn from_text(text: &str) -> Result<Self, Wrong> {
        if text.is_empty() { Ok(None) } else { T::from_text(text).map(Some) }
    }
    fn show(&self) -> String {
        self.as_ref().map_or_else(|| "not set".into(), T::show)
    }
    fn is_set(&self) -> bool {
        self.is_some()
    }
}

impl<T: Setting> Unset for Option<T> {
    fn unset() -> Self {
        None
    }
}

/// In a variable: items with commas between them, or the notation of the file.
impl<T: Setting> Setting for Vec<T> {
    const SECRET: bool = T::SECRET;

    fn kind() -> String {
        format!("a list, each item {}", T::kind())
    }
    fn example() -> String {
        format!("[{}]", T::example())
    }
    fn from_toml(value: &Node, wrong: &mut Vec<Wrong>) -> Option<Self> {
        let Content::List(items) = value.content() else {
            wrong.push(Wrong::other_type::<Self>(value).help(format!("write square brackets, such as {}", Self::example())));
            return None;
        };
        let read: Vec<Option<T>> = items.iter().map(|item| T::from_toml(item, wrong)).collect();
        read.into_iter().collect()
    }
    fn from_text(text: &str) -> Result<Self, Wrong> {
        match text.trim() {
            "" => Ok(Vec::new()),
            list if list.starts_with('[') => toml_in_text(list, Self::from_toml),
            list => list
                .split(',')
                .map(|item| match item.trim() {
                    "" => Err(Wrong::because("an item of the list is empty").help("write items with single commas between them")),
                    item => T::from_text(item),
                })
                .collect(),
        }
    }
    fn show(&self) -> String {
        match T::SECRET {
            true => "set".into(),
            false => format!("[{}]", self.iter().map(T::show).collect::<Vec<_>>().join(", ")),
        }
    }
}

/// In a variable: the notation of the file, `{ name = value }`.
impl<T: Setting> Setting for BTreeMap<String, T> {
    const SECRET: bool = T::SECRET;

    fn kind() -> String {
        format!("a table of free names, each value {}", T::kind())
    }
    fn example() -> String {
        format!("{{ name = {} }}", T::example())
    }
    fn from_toml(value: &Node, wrong: &mut Vec<Wrong>) -> Option<Self> {
        let Some(table) = value.table() else {
            wrong.push(Wrong::other_type::<Self>(value).help(format!("write a table, such as {}", Self::example())));
            return None;
        };
        let read: Vec<Option<(String, T)>> =
            table.iter().map(|entry| Some((entry.name.clone(), T::from_toml(&entry.value, wrong)?))).collect();
        read.into_iter().collect()
    }
    fn from_text(text: &str) -> Result<Self, Wrong> {
        toml_in_text(text.trim(), Self::from_toml)
    }
    fn show(&self) -> String {
        match T::SECRET {
            true => "set".into(),
            false if self.is_empty() => "{}".into(),
            false => {
                let entries: Vec<String> = self.iter().map(|(name, value)| format!("{} = {}", key(name), value.show())).collect();
                format!("{{ {} }}", entries.join(", "))
            }
        }
    }
}

/// A name as it stands before the equals sign.
fn key(name: &str) -> String {
    let bare = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if bare { name.into() } else { quote(name) }
}
