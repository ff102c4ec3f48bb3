//! Path templates, and the tree that finds the most precise one.
//!
//! Static before mixed before parameter before the rest of the path. A node that has nothing for
//! the asked method is passed over, as frameworks do it: `GET /items/me` says nothing about
//! `DELETE /items/me`, which is an item called `me`.

use std::collections::HashMap;

use super::reading::{decoded, fold};

/// Most segments of a template; a description with a longer one is not believed.
const SEGMENTS: usize = 64;
/// Longest template in bytes.
const LENGTH: usize = 2_000;

/// A path with places for values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    segments: Vec<Segment>,
    slash: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Static(String),
    /// Text around one or more values, such as `report.{format}`: what stands before, between and after them.
    Mixed(Vec<String>),
    Value,
    Rest,
}

impl Template {
    /// Reads `/items/{id}`, `/report.{format}`, `/static/{*rest}`.
    ///
    /// # Errors
    /// A sentence that says what is not right.
    pub fn parse(text: &str) -> Result<Template, String> {
        let rest = text.strip_prefix('/').ok_or("a path begins with `/`")?;
        if text.len() > LENGTH || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(format!("a path has at most {LENGTH} bytes and no white space"));
        }
        let mut parts: Vec<&str> = rest.split('/').collect();
        let slash = parts.last().is_some_and(|last| last.is_empty());
        if slash {
            parts.pop();
        }
        if parts.len() > SEGMENTS {
            return Err(format!("a path has at most {SEGMENTS} segments"));
        }
        let last = parts.len().saturating_sub(1);
        let mut segments = Vec::with_capacity(parts.len());
        for (place, part) in parts.iter().enumerate() {
            let segment = segment(part)?;
            if segment == Segment::Rest && place != last {
                return Err("only the last segment can stand for the rest of the path".to_owned());
            }
            segments.push(segment);
        }
        Ok(Template { segments, slash })
    }

    /// The names in braces, in order.
    pub fn names(text: &str) -> Vec<&str> {
        let inner = text.split('{').skip(1).filter_map(|part| part.split('}').next());
        inner.map(|name| name.trim_start_matches('*').split(':').next().unwrap_or_default()).collect()
    }

    /// The values that `segments` have for this template, in its order; nothing when it does not fit.
    /// Only for templates whose values are whole segments.
    pub fn values<'s>(&self, segments: &'s [String]) -> Option<Vec<&'s str>> {
        let mut values = Vec::new();
        if self.segments.len() != segments.len() {
            return None;
        }
        for (pattern, text) in self.segments.iter().zip(segments) {
            match pattern {
                Segment::Static(fixed) if fixed == text => {}
                Segment::Value => values.push(text.as_str()),
                _ => return None,
            }
        }
        Some(values)
    }

    /// Whether it fits when every value may be several segments long, in any letter case: a
    /// description does not say which of its values are paths (`/files/{name}` may hold `a/b`).
    pub fn spans(&self, folded: &[String]) -> bool {
        // Positions in the template that may be reached after each segment of the path.
        let mut here = vec![false; self.segments.len() + 1];
        here[0] = true;
        for text in folded {
            let mut next = vec![false; here.len()];
            for (place, pattern) in self.segments.iter().enumerate() {
                let fits = match pattern {
                    Segment::Static(fixed) => fold(fixed) == *text,
                    Segment::Mixed(pieces) => mixed(pieces, text, true),
                    Segment::Value | Segment::Rest => true,
                };
                let wide = matches!(pattern, Segment::Value | Segment::Rest | Segment::Mixed(_));
                // Begins at this pattern, or stays in it.
                next[place + 1] |= (here[place] && fits) || (here[place + 1] && wide);
            }
            here = next;
        }
        here[self.segments.len()]
    }
}

fn segment(part: &str) -> Result<Segment, String> {
    if !part.contains(['{', '}']) {
        return Ok(Segment::Static(decoded(part)));
    }
    let wrong = || format!("the braces of `{part}` do not fit");
    let (mut pieces, mut rest) = (Vec::new(), part);
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').ok_or_else(wrong)?;
        if name.is_empty() || name.contains('{') || before.contains('}') {
            return Err(wrong());
        }
        if name.starts_with('*') || name.ends_with(":path") {
            return if before.is_empty() && after.is_empty() && pieces.is_empty() { Ok(Segment::Rest) } else { Err(wrong()) };
        }
        pieces.push(decoded(before));
        rest = after;
    }
    if rest.contains('}') {
        return Err(wrong());
    }
    pieces.push(decoded(rest));
    if pieces.len() == 2 && pieces.iter().all(String::is_empty) { Ok(Segment::Value) } else { Ok(Segment::Mixed(pieces)) }
}

/// Whether `text` is the pieces with at least one letter between each.
fn mixed(pieces: &[String], text: &str, folded: bool) -> bool {
    let piece = |place: usize| if folded { fold(&pieces[place]) } else { pieces[place].clone() };
    let last = pieces.len() - 1;
    let Some(mut rest) = text.strip_prefix(piece(0).as_str()) else { return false };
    for place in 1..last {
        let wanted = piece(place);
        let Some(first) = rest.chars().next() else { return false };
        let Some(at) = rest[first.len_utf8()..].find(&wanted) else { return false };
        rest = &rest[first.len_utf8() + at + wanted.len()..];
    }
    rest.strip_suffix(piece(last).as_str()).is_some_and(|value| !value.is_empty())
}

/// How the end of a path is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Without a slash.
    Plain,
    /// With a slash.
    Slashed,
    /// As if a slash at the end meant nothing.
    Either,
}

/// Templates with a number each, found by path.
#[derive(Debug, Default)]
pub struct Tree {
    root: Node,
    folded: bool,
    /// Whether a letter's case or a slash at the end of a template can make a difference.
    pub particular: bool,
}

#[derive(Debug, Default)]
struct Node {
    fixed: HashMap<String, Node>,
    mixed: Vec<(Vec<String>, Node)>,
    value: Option<Box<Node>>,
    rest: Vec<u32>,
    plain: Vec<u32>,
    slashed: Vec<u32>,
}

impl Tree {
    /// No templates; `folded` when paths come in one letter case.
    pub fn new(folded: bool) -> Tree {
        Tree { folded, ..Tree::default() }
    }

    /// Adds a template; several numbers at one template are kept in the order they came.
    pub fn insert(&mut self, template: &Template, number: u32) {
        let mut node = &mut self.root;
        self.particular |= template.slash && !template.segments.is_empty();
        for segment in &template.segments {
            node = match segment {
                Segment::Static(text) => {
                    self.particular |= fold(text) != *text;
                    node.fixed.entry(if self.folded { fold(text) } else { text.clone() }).or_default()
                }
                Segment::Mixed(pieces) => {
                    self.particular |= pieces.iter().any(|piece| fold(piece) != *piece);
                    let pieces: Vec<String> = pieces.iter().map(|piece| if self.folded { fold(piece) } else { piece.clone() }).collect();
                    let place = node.mixed.iter().position(|(known, _)| *known == pieces).unwrap_or_else(|| {
                        node.mixed.push((pieces, Node::default()));
                        node.mixed.len() - 1
                    });
                    &mut node.mixed[place].1
                }
                Segment::Value => node.value.get_or_insert_default(),
                Segment::Rest => {
                    node.rest.push(number);
                    return;
                }
            };
        }
        if template.slash { node.slashed.push(number) } else { node.plain.push(number) }
    }

    /// The numbers at the most precise template that fits and has one that is `wanted`.
    pub fn best(&self, segments: &[impl AsRef<str>], end: End, wanted: &dyn Fn(u32) -> bool) -> Vec<u32> {
        let mut found = Vec::new();
        self.root.best(segments, end, wanted, &mut found);
        found
    }

    /// The numbers of every template that fits, whatever the end.
    pub fn all(&self, segments: &[impl AsRef<str>], wanted: &dyn Fn(u32) -> bool) -> Vec<u32> {
        let mut found = Vec::new();
        self.root.all(segments, wanted, &mut found);
        found
    }
}

impl Node {
    fn best(&self, segments: &[impl AsRef<str>], end: End, wanted: &dyn Fn(u32) -> bool, found: &mut Vec<u32>) -> bool {
        let Some((first, rest)) = segments.split_first() else {
            if end != End::Slashed {
                found.extend(self.plain.iter().copied().filter(|number| wanted(*number)));
            }
            if end != End::Plain {
                found.extend(self.slashed.iter().copied().filter(|number| wanted(*number)));
                if found.is_empty() {
                    found.extend(self.rest.iter().copied().filter(|number| wanted(*number)));
                }
            }
            return !found.is_empty();
        };
        let first = first.as_ref();
        if self.fixed.get(first).is_some_and(|node| node.best(rest, end, wanted, found)) {
            return true;
        }
        for (pieces, node) in &self.mixed {
            if mixed(pieces, first, false) && node.best(rest, end, wanted, found) {
                return true;
            }
        }
        if !first.is_empty() && self.value.as_ref().is_some_and(|node| node.best(rest, end, wanted, found)) {
            return true;
        }
        found.extend(self.rest.iter().copied().filter(|number| wanted(*number)));
        !found.is_empty()
    }

    fn all(&self, segments: &[impl AsRef<str>], wanted: &dyn Fn(u32) -> bool, found: &mut Vec<u32>) {
        found.extend(self.rest.iter().copied().filter(|number| wanted(*number)));
        let Some((first, rest)) = segments.split_first() else {
            found.extend(self.plain.iter().chain(&self.slashed).copied().filter(|number| wanted(*number)));
            return;
        };
        let first = first.as_ref();
        self.fixed.get(first).into_iter().for_each(|node| node.all(rest, wanted, found));
        self.mixed.iter().filter(|(pieces, _)| mixed(pieces, first, false)).for_each(|(_, node)| node.all(rest, wanted, found));
        self.value.iter().for_each(|node| node.all(rest, wanted, found));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(templates: &[&str]) -> Tree {
        let mut tree = Tree::new(false);
        for (number, text) in templates.iter().enumerate() {
            tree.insert(&Template::parse(text).unwrap(), number as u32);
        }
        tree
    }
    fn best(tree: &Tree, path: &str) -> Vec<u32> {
        let asked = super::super::reading::Asked::read(path);
        tree.best(&asked.segments, asked.end, &|_| true)
    }

    #[test]
    fn the_most_precise_template_is_found() {
        let tree = tree(&[
            "/items/{id}",
            "/items/me",
            "/items/{id}/parts",
            "/static/{*rest}",
            "/report.{kind}",
            "/{any}",
            "/",
            "/a/b/",
            "/{x}-{y}",
        ]);
        for (path, expected) in [
            ("/items/7", vec![0]),
            ("/items/me", vec![1]),
            ("/items/me/parts", vec![2]),
            ("/items/", vec![]),
            ("/static/a/b/c", vec![3]),
            ("/static/", vec![3]),
            ("/static", vec![5]),
            ("/report.pdf", vec![4]),
            ("/report.", vec![5]),
            ("/", vec![6]),
            ("/a/b/", vec![7]),
            ("/a/b", vec![]),
            ("/1-2", vec![8]),
            ("/-2", vec![5]),
            ("/items/7/other", vec![]),
        ] {
            assert_eq!(best(&tree, path), expected, "{path}");
        }
    }

    #[test]
    fn a_template_that_has_nothing_for_the_method_is_passed_over() {
        let tree = tree(&["/items/me", "/items/{id}"]);
        assert_eq!(tree.best(&["items", "me"], End::Plain, &|number| number == 1), [1]);
        assert_eq!(tree.all(&["items", "me"], &|_| true), [0, 1]);
    }

    #[test]
    fn values_may_span_segments_where_nothing_better_is_known() {
        let spans = |template: &str, path: &[&str]| {
            Template::parse(template).unwrap().spans(&path.iter().map(|&text| text.to_owned()).collect::<Vec<_>>())
        };
        assert!(spans("/files/{name}", &["files", "a", "b", "c"]) && spans("/Files/{name}/meta", &["files", "a", "b", "meta"]));
        assert!(!spans("/files/{name}", &["files"]) && !spans("/files/{name}/meta", &["files", "a", "b"]) && !spans("/a", &["a", "b"]));
    }

    #[test]
    fn what_is_no_template_is_refused() {
        for wrong in ["", "a", "/{", "/}", "/{}", "/{a", "/a}", "/{{a}}", "/{*rest}/a", "/x{*rest}", "/a b", "/a\n"] {
            assert!(Template::parse(wrong).is_err(), "{wrong}");
        }
        assert!(Template::parse(&"/a".repeat(65)).is_err());
        assert_eq!(Template::names("/a/{b}/c.{d}/{*e}/{f:path}"), ["b", "d", "e", "f"]);
    }
}
