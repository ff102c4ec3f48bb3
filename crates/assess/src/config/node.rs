//! Values with places: what YAML, JSON, TOML and INI files have in common.
//!
//! Nodes stand in one list and name each other by number, so that an alias costs nothing and a tree
//! of any depth is dropped without recursion. Whoever walks a tree has a bound of its own: [`Doc::leaves`]
//! stops at a depth and after a number of values, because aliases can make a small file endless.

/// The number of a node.
pub type Id = u32;

/// How deep a walk goes.
const DEPTH: usize = 48;
/// How many leaves a walk yields.
const LEAVES: usize = 20_000;
/// How many steps a walk takes: aliases can lead to many nodes without leaves.
const STEPS: usize = 200_000;

/// What stands at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Nothing, or the word for it.
    Null,
    /// A text, number or truth value, as text.
    Scalar(String),
    /// A sequence.
    List(Vec<Id>),
    /// Keys with their lines and values, in the order of the source.
    Map(Vec<(String, u32, Id)>),
}

/// A value with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// What it is.
    pub content: Content,
    /// First line, from 1.
    pub line: u32,
    /// Last line.
    pub end: u32,
}

/// The documents of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Doc {
    nodes: Vec<Node>,
    /// The root of each document.
    pub roots: Vec<Id>,
    /// What could not be read, for people.
    pub trouble: Vec<String>,
}

impl Doc {
    /// Adds a node.
    pub fn push(&mut self, content: Content, line: u32, end: u32) -> Id {
        self.nodes.push(Node { content, line, end: end.max(line) });
        u32::try_from(self.nodes.len() - 1).unwrap_or(u32::MAX)
    }
    /// A node by number.
    pub fn node(&self, id: Id) -> Option<&Node> {
        self.nodes.get(id as usize)
    }
    /// Changes a node.
    pub fn node_mut(&mut self, id: Id) -> Option<&mut Node> {
        self.nodes.get_mut(id as usize)
    }
    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }
    /// The documents, to read from.
    pub fn documents(&self) -> impl Iterator<Item = At<'_>> {
        self.roots.iter().filter_map(|id| self.at(*id))
    }
    /// The first document.
    pub fn first(&self) -> Option<At<'_>> {
        self.documents().next()
    }
    fn at(&self, id: Id) -> Option<At<'_>> {
        self.node(id).map(|node| At { doc: self, node })
    }
}

/// A place in a document.
#[derive(Debug, Clone, Copy)]
pub struct At<'a> {
    doc: &'a Doc,
    node: &'a Node,
}

/// A value at the end of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// Keys from the top, joined with dots; numbers of lists are left out.
    pub path: String,
    /// The value; empty for nothing, for empty lists and empty maps.
    pub value: String,
    /// First line.
    pub line: u32,
    /// Last line.
    pub end: u32,
}

impl<'a> At<'a> {
    /// First line.
    pub fn line(&self) -> u32 {
        self.node.line
    }
    /// Last line.
    pub fn end(&self) -> u32 {
        self.node.end
    }
    /// The value below a key.
    pub fn get(&self, key: &str) -> Option<At<'a>> {
        match &self.node.content {
            Content::Map(entries) => entries.iter().rev().find(|(name, _, _)| name == key).and_then(|(_, _, id)| self.doc.at(*id)),
            _ => None,
        }
    }
    /// The value below several keys.
    pub fn path(&self, keys: &[&str]) -> Option<At<'a>> {
        keys.iter().try_fold(*self, |at, key| at.get(key))
    }
    /// The text of a scalar.
    pub fn text(&self) -> Option<&'a str> {
        match &self.node.content {
            Content::Scalar(text) => Some(text),
            _ => None,
        }
    }
    /// The text of a scalar below a key.
    pub fn text_of(&self, key: &str) -> Option<&'a str> {
        self.get(key).and_then(|at| at.text())
    }
    /// Whether nothing stands here.
    pub fn is_null(&self) -> bool {
        self.node.content == Content::Null
    }
    /// Whether it is a map.
    pub fn is_map(&self) -> bool {
        matches!(self.node.content, Content::Map(_))
    }
    /// Whether it is a list.
    pub fn is_list(&self) -> bool {
        matches!(self.node.content, Content::List(_))
    }
    /// The items of a list; none for anything else.
    pub fn items(&self) -> impl Iterator<Item = At<'a>> + use<'a> {
        let doc = self.doc;
        let ids: &[Id] = match &self.node.content {
            Content::List(ids) => ids,
            _ => &[],
        };
        ids.iter().filter_map(move |id| doc.at(*id))
    }
    /// The entries of a map with the lines of their keys; none for anything else.
    pub fn entries(&self) -> impl Iterator<Item = (&'a str, u32, At<'a>)> + use<'a> {
        let doc = self.doc;
        let entries: &[(String, u32, Id)] = match &self.node.content {
            Content::Map(entries) => entries,
            _ => &[],
        };
        entries.iter().filter_map(move |(key, line, id)| doc.at(*id).map(|at| (key.as_str(), *line, at)))
    }
    /// One text or a list of texts; the keys, where it is a map.
    pub fn words(&self) -> Vec<&'a str> {
        match &self.node.content {
            Content::Scalar(text) => vec![text],
            Content::Map(entries) => entries.iter().map(|(key, _, _)| key.as_str()).collect(),
            Content::List(_) => self.items().filter_map(|item| item.text()).collect(),
            Content::Null => Vec::new(),
        }
    }
    /// A scalar as it is, a list of scalars joined with spaces: commands in both of their forms.
    pub fn joined(&self) -> String {
        self.words().join(" ")
    }
    /// Everything below, flat. A list whose path ends with one of `joined` is one value, its items joined with spaces.
    pub fn leaves(&self, prefix: &str, joined: &[&str]) -> Vec<Leaf> {
        let mut found = Vec::new();
        let mut stack = vec![(*self, prefix.to_owned(), 0_usize, self.node.line)];
        let mut steps = 0;
        while let Some((at, path, depth, line)) = stack.pop() {
            steps += 1;
            if steps > STEPS || found.len() >= LEAVES {
                break;
            }
            let end = at.node.end.max(line);
            match &at.node.content {
                Content::Scalar(text) => found.push(Leaf { path, value: text.clone(), line, end }),
                Content::Null => found.push(Leaf { path, value: String::new(), line, end }),
                _ if depth >= DEPTH => {}
                Content::List(ids) if ids.is_empty() => found.push(Leaf { path, value: "[]".into(), line, end }),
                Content::Map(entries) if entries.is_empty() => found.push(Leaf { path, value: "{}".into(), line, end }),
                Content::List(_) => {
                    let last = path.rsplit('.').next().unwrap_or_default();
                    if joined.contains(&last) && at.items().all(|item| item.text().is_some()) {
                        found.push(Leaf { path, value: at.joined(), line, end });
                    } else {
                        let items: Vec<At<'a>> = at.items().collect();
                        stack.extend(items.into_iter().rev().map(|item| (item, path.clone(), depth + 1, item.node.line)));
                    }
                }
                Content::Map(_) => {
                    let entries: Vec<_> = at.entries().collect();
                    stack.extend(entries.into_iter().rev().map(|(key, line, value)| {
                        let path = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
                        (value, path, depth + 1, line)
                    }));
                }
            }
        }
        found
    }
}
