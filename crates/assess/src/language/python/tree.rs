//! Small questions to a syntax tree.

use std::{num::NonZeroU16, sync::OnceLock};

use tree_sitter::{Language, Node, Parser, Tree};

pub(super) use crate::language::flow::lines;

/// Parses Python; nothing where the parser gives up.
pub(super) fn parse(text: &str) -> Option<Tree> {
    let mut parser = Parser::new();
    parser.set_language(&tree_sitter_python::LANGUAGE.into()).ok()?;
    crate::language::parse::parse(&mut parser, text)
}

/// The text of a node.
pub(super) fn text<'t>(source: &'t str, node: Node<'_>) -> &'t str {
    source.get(node.byte_range()).unwrap_or("")
}

/// Numbers of words that are asked for at almost every node: a number is compared faster than it is looked up.
struct Words {
    comment: u16,
    parentheses: u16,
    waits: u16,
    fields: Vec<(&'static str, NonZeroU16)>,
}

fn words() -> &'static Words {
    static WORDS: OnceLock<Words> = OnceLock::new();
    WORDS.get_or_init(|| {
        let language: Language = tree_sitter_python::LANGUAGE.into();
        let kind = |word| language.id_for_node_kind(word, true);
        let fields = [
            "alias",
            "alternative",
            "argument",
            "arguments",
            "attribute",
            "body",
            "cause",
            "condition",
            "consequence",
            "definition",
            "function",
            "key",
            "left",
            "module_name",
            "name",
            "object",
            "operator",
            "parameters",
            "return_type",
            "right",
            "subscript",
            "superclasses",
            "type",
            "value",
        ];
        let fields = fields.into_iter().filter_map(|word| Some((word, language.field_id_for_name(word)?))).collect();
        Words { comment: kind("comment"), parentheses: kind("parenthesized_expression"), waits: kind("await"), fields }
    })
}

/// The named children without comments.
pub(super) fn children<'t>(node: Node<'t>) -> Vec<Node<'t>> {
    if node.named_child_count() == 0 {
        return Vec::new();
    }
    let (mut cursor, comment) = (node.walk(), words().comment);
    node.named_children(&mut cursor).filter(|child| child.kind_id() != comment).collect()
}

/// A child by the name of its field.
pub(super) fn field<'t>(node: Node<'t>, name: &str) -> Option<Node<'t>> {
    match words().fields.iter().find(|(word, _)| *word == name) {
        Some((_, number)) => node.child_by_field_id(number.get()),
        None => node.child_by_field_name(name),
    }
}

/// Takes parentheses and `await` away.
pub(super) fn bare(mut node: Node<'_>) -> Node<'_> {
    let words = words();
    while node.kind_id() == words.parentheses || node.kind_id() == words.waits {
        match children(node).first() {
            Some(inner) => node = *inner,
            None => break,
        }
    }
    node
}

/// The statements of a body without the docstring.
pub(super) fn statements(body: Node<'_>) -> Vec<Node<'_>> {
    let mut all = children(body);
    if all.first().is_some_and(|first| is_lone_string(*first)) {
        all.remove(0);
    }
    all
}

/// Whether a statement is nothing but a string.
pub(super) fn is_lone_string(statement: Node<'_>) -> bool {
    statement.kind() == "expression_statement"
        && statement.named_child_count() == 1
        && statement.named_child(0).is_some_and(|only| matches!(only.kind(), "string" | "concatenated_string"))
}

/// Makes a text at most `most` characters long and one line.
pub(super) fn short(text: &str, most: usize) -> String {
    let mut out = String::with_capacity(text.len().min(most));
    let mut space = false;
    for (count, character) in text.chars().enumerate() {
        if count > most * 4 || out.len() >= most {
            break;
        }
        if character.is_whitespace() {
            space = !out.is_empty();
        } else {
            if space {
                out.push(' ');
            }
            space = false;
            out.push(character);
        }
    }
    out
}
