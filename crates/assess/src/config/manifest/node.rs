//! `package.json`.

use super::{Declared, MOST, value};
use crate::{config::leaf, fact::Extract};

/// Dependencies and the runtime that it asks for.
pub fn package(text: &str) -> Extract {
    let mut extract = Extract::default();
    for leaf in leaf::json(text).iter().filter(|leaf| leaf.path.len() >= 2).take(MOST) {
        let [group, name, ..] = leaf.path.as_slice() else { continue };
        let dev = match group.as_str() {
            "dependencies" | "peerDependencies" | "optionalDependencies" => false,
            "devDependencies" => true,
            "engines" => {
                extract.facts.push(value(format!("runtime.{name}"), &leaf.value, leaf.line));
                continue;
            }
            _ => continue,
        };
        if leaf.path.len() != 2 {
            continue;
        }
        let declared = Declared { name, version: &leaf.value, ecosystem: "npm", dev, pinned: exact(&leaf.value), line: leaf.line };
        let fact = declared.fact();
        extract.facts.push(match group.as_str() {
            "peerDependencies" => fact.with("group", "peer"),
            "optionalDependencies" => fact.with("group", "optional"),
            _ => fact,
        });
    }
    extract
}

/// Whether a version means one version: `1.2.3`, `=1.2.3`, `npm:x@1.2.3`, or a commit.
fn exact(version: &str) -> bool {
    let bare = version.trim().rsplit('@').next().unwrap_or(version).trim_start_matches(['=', 'v']);
    if version.contains("://") || version.starts_with("github:") {
        return version
            .rsplit_once('#')
            .is_some_and(|(_, commit)| commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }
    let numbers = bare.split(['-', '+']).next().unwrap_or(bare);
    numbers.split('.').count() == 3 && numbers.split('.').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}
