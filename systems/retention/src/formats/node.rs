//! The tree of one record, as light as it can be: texts are those of the file and not copies of them,
//! and fields are few, so that looking through them is faster than any table.

use std::{borrow::Cow, fmt};

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// A value.
pub(super) enum Node<'t> {
    Null,
    Truth(bool),
    Number(Number),
    Text(Cow<'t, str>),
    List(Vec<Node<'t>>),
    Fields(Fields<'t>),
}

/// The fields of an object.
#[derive(Default)]
pub(super) struct Fields<'t>(Vec<(Cow<'t, str>, Node<'t>)>);

impl<'t> Fields<'t> {
    /// The value of a name; of two with one name the last, as everywhere in JSON.
    pub fn get(&self, name: &str) -> Option<&Node<'t>> {
        self.0.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl<'t> Node<'t> {
    /// The same tree, borrowed.
    pub fn of(value: &'t Value) -> Node<'t> {
        match value {
            Value::Null => Node::Null,
            Value::Bool(yes) => Node::Truth(*yes),
            Value::Number(number) => Node::Number(number.clone()),
            Value::String(text) => Node::Text(Cow::Borrowed(text)),
            Value::Array(list) => Node::List(list.iter().map(Node::of).collect()),
            Value::Object(fields) => {
                Node::Fields(Fields(fields.iter().map(|(name, value)| (Cow::Borrowed(name.as_str()), Node::of(value))).collect()))
            }
        }
    }

    /// The same tree on its own, for what is judged elsewhere: a date in its wrapping.
    pub fn value(&self) -> Value {
        match self {
            Node::Null => Value::Null,
            Node::Truth(yes) => Value::Bool(*yes),
            Node::Number(number) => Value::Number(number.clone()),
            Node::Text(text) => Value::String(text.clone().into_owned()),
            Node::List(list) => Value::Array(list.iter().map(Node::value).collect()),
            Node::Fields(fields) => {
                Value::Object(fields.0.iter().map(|(name, value)| (name.clone().into_owned(), value.value())).collect::<Map<_, _>>())
            }
        }
    }

    pub fn list(&self) -> Option<&[Node<'t>]> {
        if let Node::List(list) = self { Some(list) } else { None }
    }

    pub fn fields(&self) -> Option<&Fields<'t>> {
        if let Node::Fields(fields) = self { Some(fields) } else { None }
    }

    /// Text, a number or a truth value as text.
    pub fn scalar(&self) -> Option<Cow<'_, str>> {
        match self {
            Node::Text(text) => Some(Cow::Borrowed(text)),
            Node::Number(number) => Some(Cow::Owned(number.to_string())),
            Node::Truth(yes) => Some(Cow::Borrowed(if *yes { "true" } else { "false" })),
            _ => None,
        }
    }

    /// Whether it says nothing: null, or text of spaces.
    pub fn empty(&self) -> bool {
        match self {
            Node::Null => true,
            Node::Text(text) => text.trim().is_empty(),
            _ => false,
        }
    }
}

impl<'t> Deserialize<'t> for Node<'t> {
    fn deserialize<D: Deserializer<'t>>(deserializer: D) -> Result<Node<'t>, D::Error> {
        deserializer.deserialize_any(Any)
    }
}

struct Any;

impl<'t> Visitor<'t> for Any {
    type Value = Node<'t>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Node<'t>, E> {
        Ok(Node::Null)
    }
    fn visit_bool<E>(self, yes: bool) -> Result<Node<'t>, E> {
        Ok(Node::Truth(yes))
    }
    fn visit_u64<E>(self, number: u64) -> Result<Node<'t>, E> {
        Ok(Node::Number(number.into()))
    }
    fn visit_i64<E>(self, number: i64) -> Result<Node<'t>, E> {
        Ok(Node::Number(number.into()))
    }
    fn visit_f64<E>(self, number: f64) -> Result<Node<'t>, E> {
        Ok(Number::from_f64(number).map_or(Node::Null, Node::Number))
    }
    fn visit_borrowed_str<E>(self, text: &'t str) -> Result<Node<'t>, E> {
        Ok(Node::Text(Cow::Borrowed(text)))
    }
    fn visit_str<E>(self, text: &str) -> Result<Node<'t>, E> {
        Ok(Node::Text(Cow::Owned(text.to_owned())))
    }
    fn visit_seq<A: SeqAccess<'t>>(self, mut rest: A) -> Result<Node<'t>, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = rest.next_element()? {
            list.push(value);
        }
        Ok(Node::List(list))
    }
    fn visit_map<A: MapAccess<'t>>(self, mut rest: A) -> Result<Node<'t>, A::Error> {
        let mut fields = Vec::with_capacity(8);
        while let Some((Name(name), value)) = rest.next_entry()? {
            fields.push((name, value));
        }
        Ok(Node::Fields(Fields(fields)))
    }
}

/// A name of a field, borrowed where it has no escapes.
struct Name<'t>(Cow<'t, str>);

impl<'t> Deserialize<'t> for Name<'t> {
    fn deserialize<D: Deserializer<'t>>(deserializer: D) -> Result<Name<'t>, D::Error> {
        struct Text;
        impl<'t> Visitor<'t> for Text {
            type Value = Name<'t>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }
            fn visit_borrowed_str<E>(self, text: &'t str) -> Result<Name<'t>, E> {
                Ok(Name(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Name<'t>, E> {
                Ok(Name(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}
