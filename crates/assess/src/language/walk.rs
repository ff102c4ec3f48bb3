//! The walk over a syntax tree that readers share: down into a node and up out of it again, with the nodes around it at
//! hand. It is a loop, so that no nesting is too deep for it.

use tree_sitter::Node;

/// A reader that is led over a tree.
pub(crate) trait Walk<'t> {
    /// On the way down; whether to look inside.
    fn enter(&mut self, node: Node<'t>) -> bool;
    /// On the way up, also out of a node that was not looked into. The nodes around it are those around it on the way down.
    fn leave(&mut self, node: Node<'t>);
    /// The nodes around, the nearest last; the walk keeps them.
    fn around(&mut self) -> &mut Vec<Node<'t>>;
}

/// Leads a reader over a tree.
pub(crate) fn walk<'t>(reader: &mut impl Walk<'t>, root: Node<'t>) {
    let mut cursor = root.walk();
    loop {
        let node = cursor.node();
        let deeper = reader.enter(node);
        reader.around().push(node);
        if deeper && cursor.goto_first_child() {
            continue;
        }
        loop {
            let node = cursor.node();
            reader.around().pop();
            reader.leave(node);
            if cursor.goto_next_sibling() {
                break;
            }
            if !cursor.goto_parent() {
                return;
            }
        }
    }
}
