//! What a call in a loop is made for: `for module in (users, orders): app.include_router(module.router)`.

use tree_sitter::Node;

use super::tree::{bare, children, field, text};
use crate::fact::Fact;

/// How far up the loop is looked for, and how many turns are told.
const FAR: usize = 40;
const MOST: usize = 200;

/// Says `each` thing that the call's arguments mean in turn, as it would be written; `*NAME` where the loop goes over a name.
pub(super) fn turns<'t>(source: &'t str, call: Node<'t>, fact: &mut Fact) {
    let Some(arguments) = field(call, "arguments") else { return };
    let mut around = call;
    for _ in 0..FAR {
        let Some(parent) = around.parent() else { return };
        around = parent;
        if around.kind() != "for_statement" {
            continue;
        }
        let (Some(left), Some(right)) = (field(around, "left"), field(around, "right")) else { return };
        // The turn's own name, or one of several: `for prefix, router in [...]`.
        let names: Vec<&str> = if left.kind() == "identifier" {
            vec![text(source, left)]
        } else {
            children(left).iter().map(|name| text(source, *name)).collect()
        };
        for argument in children(arguments).into_iter().take(4) {
            let said =
                text(source, if argument.kind() == "keyword_argument" { field(argument, "value").unwrap_or(argument) } else { argument });
            let (first, rest) = said.split_once('.').map_or((said, ""), |(first, rest)| (first, rest));
            let Some(place) = names.iter().position(|name| *name == first) else { continue };
            let dot = if rest.is_empty() { "" } else { "." };
            match bare(right).kind() {
                "list" | "tuple" | "set" => {
                    for item in children(bare(right)).into_iter().take(MOST) {
                        let item = if left.kind() == "identifier" { Some(item) } else { children(bare(item)).get(place).copied() };
                        let Some(item) = item.filter(|item| matches!(item.kind(), "identifier" | "attribute")) else { continue };
                        fact.attrs.push(("each".into(), format!("{}{dot}{rest}", text(source, item))));
                    }
                }
                "identifier" | "attribute" if rest.is_empty() => fact.attrs.push(("each".into(), format!("*{}", text(source, right)))),
                _ => {}
            }
        }
        return;
    }
}
