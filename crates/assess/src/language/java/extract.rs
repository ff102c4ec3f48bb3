//! One file of Java: its imports, then its definitions with the statements in them.

use std::collections::{BTreeMap, BTreeSet};

use tree_sitter::{Node, Parser};

use super::names::{Names, children, lines, text};
use crate::fact::{Extract, Fact, Guard, Import, Kind, Symbol};

/// Deeper nesting is not read.
pub const DEPTH: usize = 160;
/// More facts than this are not taken from one file.
const MOST: usize = 60_000;

/// The reader of a file.
pub struct Reader<'t> {
    /// The text.
    pub source: &'t str,
    /// What names mean.
    pub names: Names,
    /// What was found.
    pub out: Extract,
    /// The definition that is read.
    pub symbol: u32,
    /// The condition around the place that is read.
    pub guard: Option<Guard>,
    /// Variables of the method with their types, the innermost last.
    pub scope: Vec<(String, String)>,
    /// Fields of the class with their types.
    pub fields: BTreeMap<String, String>,
    /// Constants of the file by name.
    pub constants: BTreeMap<String, String>,
    /// Methods of the class with what they yield.
    pub returns: BTreeMap<String, String>,
    /// Methods of the class.
    pub methods: BTreeSet<String>,
    /// The class that is read, with those around it.
    pub class: String,
}

/// Reads a file.
pub fn file(_path: &str, source: &str) -> Extract {
    let mut parser = Parser::new();
    let mut reader = Reader {
        source,
        names: Names::default(),
        out: Extract::default(),
        symbol: 0,
        guard: None,
        scope: Vec::new(),
        fields: BTreeMap::new(),
        constants: BTreeMap::new(),
        returns: BTreeMap::new(),
        methods: BTreeSet::new(),
        class: String::new(),
    };
    let last = u32::try_from(source.lines().count()).unwrap_or(u32::MAX).max(1);
    reader.out.symbols.push(Symbol { name: String::new(), parent: 0, line: 1, end: last, class: false });
    let tree = match parser
        .set_language(&tree_sitter_java::LANGUAGE.into())
        .ok()
        .and_then(|()| crate::language::parse::parse(&mut parser, source))
    {
        Some(tree) => tree,
        None => {
            reader.out.trouble.push("line 1: the parser gave up".to_owned());
            return reader.out;
        }
    };
    let root = tree.root_node();
    if root.has_error() {
        let line = first_error(root);
        reader.out.trouble.push(format!("line {line}: a part is no Java that is known"));
    }
    let declarations = children(root);
    for node in &declarations {
        match node.kind() {
            "package_declaration" => {
                let name = children(*node).into_iter().find(|child| matches!(child.kind(), "scoped_identifier" | "identifier"));
                reader.names.package = name.map_or(String::new(), |name| text(name, source).to_owned());
            }
            "import_declaration" => reader.import(*node),
            _ => reader.declare(*node, "", 0),
        }
    }
    for node in declarations {
        if node.kind().ends_with("_declaration") && !matches!(node.kind(), "package_declaration" | "import_declaration") {
            reader.class(node, 0, 0);
        }
    }
    reader.out
}

fn first_error(root: Node<'_>) -> u32 {
    let mut node = root;
    for _ in 0..400 {
        let mut cursor = node.walk();
        let Some(inner) = node.children(&mut cursor).find(|child| child.is_error() || child.is_missing() || child.has_error()) else {
            break;
        };
        node = inner;
    }
    lines(node).0
}

impl<'t> Reader<'t> {
    /// Adds a fact as it is.
    pub fn push(&mut self, fact: Fact) {
        if self.out.facts.len() < MOST {
            self.out.facts.push(fact);
        }
    }
    /// Adds a fact of the definition that is read, under the condition around it.
    pub fn fact(&mut self, mut fact: Fact) {
        fact.symbol = self.symbol;
        fact.guard.clone_from(&self.guard);
        self.push(fact);
    }
    fn import(&mut self, node: Node<'t>) {
        let Some(path) = children(node).into_iter().find(|child| matches!(child.kind(), "scoped_identifier" | "identifier")) else {
            return;
        };
        let (written, name) = (text(node, self.source), text(path, self.source).to_owned());
        let whole = children(node).iter().any(|child| child.kind() == "asterisk");
        let fixed = written.starts_with("import static");
        self.names.import(&name, whole, fixed);
        let (line, end) = lines(node);
        let (module, item) = name.rsplit_once('.').unwrap_or((&name, ""));
        let import = if whole {
            Import { local: "*".to_owned(), module: name.clone(), item: None, level: 0, line, symbol: 0, optional: false }
        } else {
            Import {
                local: item.to_owned(),
                module: module.to_owned(),
                item: Some(item.to_owned()),
                level: 0,
                line,
                symbol: 0,
                optional: false,
            }
        };
        self.out.imports.push(import);
        self.push(Fact::new(Kind::Import, if whole { format!("{name}.*") } else { name }, line, end));
    }
    /// The type of a variable.
    pub fn variable(&self, name: &str) -> Option<String> {
        let local = self.scope.iter().rev().take(400).find(|(known, _)| known == name).map(|(_, of)| of.clone());
        local.or_else(|| self.fields.get(name).cloned()).filter(|of| !of.is_empty())
    }
    /// Whether the class has this method itself.
    pub fn class_has(&self, method: &str) -> bool {
        self.methods.contains(method)
    }
    /// The canonical name of the class that is read.
    pub fn class_name(&self) -> Option<String> {
        if self.class.is_empty() {
            return None;
        }
        Some(if self.names.package.is_empty() { self.class.clone() } else { format!("{}.{}", self.names.package, self.class) })
    }
}
