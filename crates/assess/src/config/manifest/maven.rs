//! `pom.xml`.

use roxmltree::{Document, Node, ParsingOptions};

use super::{Declared, MOST, value};
use crate::fact::Extract;

/// Dependencies, plugins, properties and the parent.
pub fn project(text: &str) -> Extract {
    let mut extract = Extract::default();
    // No entities: they could make a small file large.
    let options = ParsingOptions { allow_dtd: false, nodes_limit: 400_000, ..ParsingOptions::default() };
    if deep(text) {
        extract.trouble.push("nested too deeply".to_owned());
        return extract;
    }
    let document = match Document::parse_with_options(text, options) {
        Ok(document) => document,
        Err(error) => {
            extract.trouble.push(format!("line {}: {error}", error.pos().row));
            return extract;
        }
    };
    let root = document.root_element();
    let line = |node: Node<'_, '_>| document.text_pos_at(node.range().start).row;
    let properties = child(root, "properties");
    let resolve = |raw: &str| -> String {
        let key = raw.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
        let found = key.and_then(|key| properties.and_then(|all| text_of(all, key)));
        found.unwrap_or(raw).to_owned()
    };
    let parent = child(root, "parent");
    if let Some(parent) = parent {
        let name = coordinates(parent);
        let version = text_of(parent, "version").unwrap_or_default();
        extract.facts.push(value(format!("maven.parent.{name}"), version, line(parent)));
    }
    if let Some(properties) = properties {
        for property in properties.children().filter(Node::is_element).take(200) {
            let name = property.tag_name().name();
            let said = property.text().unwrap_or_default();
            extract.facts.push(value(format!("maven.properties.{name}"), said, line(property)));
            if matches!(name, "java.version" | "maven.compiler.release" | "maven.compiler.target") {
                extract.facts.push(value("runtime.java", said, line(property)));
            }
        }
    }
    for node in document.descendants().filter(|node| matches!(node.tag_name().name(), "dependency" | "plugin")).take(MOST) {
        let (name, version) = (coordinates(node), resolve(text_of(node, "version").unwrap_or_default()));
        let managed = node.ancestors().any(|above| above.tag_name().name() == "dependencyManagement");
        if node.tag_name().name() == "plugin" {
            extract.facts.push(value(format!("build.plugin.{name}"), &version, line(node)));
            continue;
        }
        if node.ancestors().any(|above| above.tag_name().name() == "plugin") {
            continue; // a plugin's own
        }
        let dev = matches!(text_of(node, "scope"), Some("test"));
        // Without a version the parent or a bill of materials gives one.
        let pinned = version.is_empty()
            || !(version.contains(['[', '(', ',', '$'])
                || version.ends_with("SNAPSHOT")
                || matches!(version.as_str(), "LATEST" | "RELEASE"));
        let mut fact = Declared {
            name: &name,
            version: &version,
            ecosystem: "maven",
            dev,
            pinned,
            line: line(child(node, "artifactId").unwrap_or(node)),
        }
        .fact();
        if managed {
            fact = fact.with("managed", "yes");
        }
        extract.facts.push(fact);
    }
    extract
}

fn child<'a, 'input>(node: Node<'a, 'input>, name: &str) -> Option<Node<'a, 'input>> {
    node.children().find(|child| child.tag_name().name() == name)
}

fn text_of<'a>(node: Node<'a, '_>, name: &str) -> Option<&'a str> {
    child(node, name).and_then(|child| child.text()).map(str::trim)
}

fn coordinates(node: Node<'_, '_>) -> String {
    // Plugins of Maven itself may leave their group out.
    let group = text_of(node, "groupId").unwrap_or("org.apache.maven.plugins");
    format!("{group}:{}", text_of(node, "artifactId").unwrap_or_default())
}

/// Whether elements are nested so deeply that a parser that recurses could run out of stack.
pub fn deep(text: &str) -> bool {
    let (mut depth, mut rest) = (0i64, text);
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        match rest.as_bytes().first() {
            Some(b'/') => depth -= 1,
            Some(b'!' | b'?') | None => {}
            Some(_) => {
                let close = rest.find('>').unwrap_or(rest.len());
                depth += i64::from(!rest[..close].ends_with('/'));
            }
        }
        if depth > 200 {
            return true;
        }
    }
    false
}
