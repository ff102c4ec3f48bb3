//! First reading of a file: its definitions, what each name is bound to, and its imports.

use std::collections::HashMap;

use tree_sitter::Node;

use super::tree::{children, field, lines, text};
use crate::fact::{Import, Symbol};

/// What a name is bound to.
#[derive(Clone, Copy)]
pub(super) enum Bind<'t> {
    /// An import, by number.
    Import(usize),
    /// A definition, by number.
    Def(u32),
    /// The value of an expression, with the annotation where there is one.
    Value(Node<'t>, Option<Node<'t>>),
    /// An object of the type that this expression names: a caught error, an annotation without a value.
    Typed(Node<'t>),
    /// A parameter with annotation and default.
    Param(Option<Node<'t>>, Option<Node<'t>>),
    /// Something of which nothing is known.
    Other,
}

/// One place where a name is bound.
#[derive(Clone, Copy)]
pub(super) struct Binding<'t> {
    /// Where, in bytes.
    pub at: usize,
    /// To what.
    pub bind: Bind<'t>,
}

/// The names of a definition.
#[derive(Default)]
pub(super) struct Scope<'t> {
    /// Its names.
    pub names: HashMap<&'t str, Vec<Binding<'t>>>,
    /// For a class: what is assigned to `self.NAME` in its methods.
    pub own: HashMap<&'t str, Vec<(u32, Binding<'t>)>>,
    /// For a method: the class.
    pub class: Option<u32>,
    /// For a method: what it calls its object.
    pub receiver: Option<&'t str>,
    /// For a class: the expressions it is built on.
    pub bases: Vec<Node<'t>>,
}

/// A file's scopes, one per symbol.
pub(super) struct Scopes<'t> {
    /// The text.
    pub text: &'t str,
    /// The definitions; the first is the file.
    pub symbols: Vec<Symbol>,
    /// Their names.
    pub scopes: Vec<Scope<'t>>,
    /// The imports.
    pub imports: Vec<Import>,
    /// The number of the definition at a byte.
    pub at: HashMap<usize, u32>,
}

/// Reads a file's definitions and bindings.
pub(super) fn scopes<'t>(source: &'t str, root: Node<'t>) -> Scopes<'t> {
    let (_, end) = lines(root);
    let file = Symbol { name: String::new(), parent: 0, line: 1, end, class: false };
    let mut read = Scopes { text: source, symbols: vec![file], scopes: vec![Scope::default()], imports: Vec::new(), at: HashMap::new() };
    let mut stack = vec![(root, 0_u32, false)];
    while let Some((node, symbol, optional)) = stack.pop() {
        let below = read.visit(node, symbol, optional);
        stack.extend(below.into_iter().rev());
    }
    read
}

impl<'t> Scopes<'t> {
    fn visit(&mut self, node: Node<'t>, symbol: u32, optional: bool) -> Vec<(Node<'t>, u32, bool)> {
        let inside = |this: Vec<Node<'t>>| this.into_iter().map(|child| (child, symbol, optional)).collect();
        match node.kind() {
            "class_definition" | "function_definition" => self.define(node, symbol, optional),
            "import_statement" | "import_from_statement" => {
                self.import(node, symbol, optional);
                Vec::new()
            }
            "expression_statement" => {
                children(node).into_iter().for_each(|inner| self.assigned(inner, symbol));
                Vec::new()
            }
            "try_statement" => {
                // An import that may fail is one whose handler goes on.
                let parts = children(node);
                let caught = parts.iter().any(|part| part.kind() == "except_clause");
                parts.into_iter().map(|part| (part, symbol, optional || caught)).collect()
            }
            "with_statement" => {
                self.opened(node, symbol);
                inside(children(node).into_iter().filter(|child| child.kind() == "block").collect())
            }
            "except_clause" => {
                for part in children(node) {
                    if part.kind() == "as_pattern" {
                        self.alias(part, symbol, true);
                    }
                }
                if let (Some(value), Some(name)) = (field(node, "value"), field(node, "alias")) {
                    self.bind(symbol, text(self.text, name), name.start_byte(), Bind::Typed(value));
                }
                inside(children(node))
            }
            "for_statement" => {
                if let Some(left) = field(node, "left") {
                    self.unknown(left, symbol);
                }
                inside(children(node))
            }
            "module"
            | "block"
            | "if_statement"
            | "elif_clause"
            | "else_clause"
            | "while_statement"
            | "finally_clause"
            | "except_group_clause"
            | "match_statement"
            | "case_clause"
            | "decorated_definition" => inside(children(node)),
            _ => Vec::new(),
        }
    }

    fn define(&mut self, node: Node<'t>, parent: u32, optional: bool) -> Vec<(Node<'t>, u32, bool)> {
        let Some(name) = field(node, "name").map(|name| text(self.text, name)) else { return Vec::new() };
        let class = node.kind() == "class_definition";
        let number = u32::try_from(self.symbols.len()).unwrap_or(u32::MAX);
        let outer = self.symbols.get(parent as usize).map_or("", |symbol| symbol.name.as_str());
        // A chain of ten thousand classes in classes has no name that anybody could read.
        let full = if outer.is_empty() || outer.len() > 400 { name.to_owned() } else { format!("{outer}.{name}") };
        let (mut line, end) = lines(node);
        if let Some(around) = node.parent().filter(|around| around.kind() == "decorated_definition") {
            line = lines(around).0;
        }
        self.symbols.push(Symbol { name: full, parent, line, end, class });
        self.at.insert(node.start_byte(), number);
        self.bind(parent, name, node.start_byte(), Bind::Def(number));
        let mut scope = Scope::default();
        if class {
            scope.bases = field(node, "superclasses").map(children).unwrap_or_default();
        } else if self.symbols.get(parent as usize).is_some_and(|symbol| symbol.class) {
            scope.class = Some(parent);
        } else {
            scope.class = self.scopes.get(parent as usize).and_then(|scope| scope.class);
            scope.receiver = self.scopes.get(parent as usize).and_then(|scope| scope.receiver);
        }
        self.scopes.push(scope);
        if !class && let Some(list) = field(node, "parameters") {
            self.parameters(list, number, parent);
        }
        field(node, "body").map(|body| vec![(body, number, optional)]).unwrap_or_default()
    }

    fn parameters(&mut self, list: Node<'t>, number: u32, parent: u32) {
        for (count, one) in children(list).into_iter().enumerate() {
            let Some(name) = parameter_name(one).map(|name| text(self.text, name)) else { continue };
            let method = self.symbols.get(parent as usize).is_some_and(|symbol| symbol.class);
            if count == 0 && method && matches!(name, "self" | "cls") {
                if let Some(scope) = self.scopes.get_mut(number as usize) {
                    scope.receiver = Some(name);
                }
                continue;
            }
            self.bind(number, name, one.start_byte(), Bind::Param(field(one, "type"), field(one, "value")));
        }
    }

    fn bind(&mut self, symbol: u32, name: &'t str, at: usize, bind: Bind<'t>) {
        if let Some(scope) = self.scopes.get_mut(symbol as usize) {
            scope.names.entry(name).or_default().push(Binding { at, bind });
        }
    }

    /// `a = b = value`, `a: T = value`, `self.a = value`.
    fn assigned(&mut self, node: Node<'t>, symbol: u32) {
        let mut node = node;
        while node.kind() == "assignment" {
            let (Some(left), right, annotation) = (field(node, "left"), field(node, "right"), field(node, "type")) else { return };
            let mut value = right;
            while let Some(chained) = value.filter(|value| value.kind() == "assignment") {
                value = field(chained, "right");
            }
            let bind = match (value, annotation) {
                (Some(value), annotation) => Bind::Value(value, annotation),
                (None, Some(annotation)) => Bind::Typed(annotation),
                (None, None) => Bind::Other,
            };
            match left.kind() {
                "identifier" => self.bind(symbol, text(self.text, left), left.start_byte(), bind),
                "attribute" => self.owned(left, symbol, bind),
                _ => self.unknown(left, symbol),
            }
            match right {
                Some(next) => node = next,
                None => return,
            }
        }
    }

    fn owned(&mut self, left: Node<'t>, symbol: u32, bind: Bind<'t>) {
        let (Some(object), Some(name)) = (field(left, "object"), field(left, "attribute")) else { return };
        let Some(scope) = self.scopes.get(symbol as usize) else { return };
        let (Some(class), Some(receiver)) = (scope.class, scope.receiver) else { return };
        if object.kind() == "identifier" && text(self.text, object) == receiver {
            let name = text(self.text, name);
            if let Some(class) = self.scopes.get_mut(class as usize) {
                class.own.entry(name).or_default().push((symbol, Binding { at: left.start_byte(), bind }));
            }
        }
    }

    fn unknown(&mut self, left: Node<'t>, symbol: u32) {
        match left.kind() {
            "identifier" => self.bind(symbol, text(self.text, left), left.start_byte(), Bind::Other),
            "pattern_list" | "tuple_pattern" | "list_pattern" => {
                for part in children(left) {
                    if part.kind() == "identifier" {
                        self.bind(symbol, text(self.text, part), part.start_byte(), Bind::Other);
                    }
                }
            }
            _ => {}
        }
    }

    fn opened(&mut self, node: Node<'t>, symbol: u32) {
        for clause in children(node).into_iter().filter(|child| child.kind() == "with_clause") {
            for item in children(clause) {
                if let Some(value) = field(item, "value").filter(|value| value.kind() == "as_pattern") {
                    self.alias(value, symbol, false);
                }
            }
        }
    }

    fn alias(&mut self, pattern: Node<'t>, symbol: u32, caught: bool) {
        let parts = children(pattern);
        let (Some(value), Some(target)) = (parts.first(), field(pattern, "alias")) else { return };
        let Some(name) = target.named_child(0).filter(|name| name.kind() == "identifier") else { return };
        let bind = if caught { Bind::Typed(*value) } else { Bind::Value(*value, None) };
        self.bind(symbol, text(self.text, name), target.start_byte(), bind);
    }

    fn import(&mut self, node: Node<'t>, symbol: u32, optional: bool) {
        let (line, _) = lines(node);
        let from = field(node, "module_name");
        let (level, module) = match from {
            Some(from) if from.kind() == "relative_import" => {
                let written = text(self.text, from);
                let name = written.trim_start_matches(['.', ' ']);
                (u32::try_from(written.len() - name.len()).unwrap_or(1), name.to_owned())
            }
            Some(from) => (0, dotless(text(self.text, from))),
            None => (0, String::new()),
        };
        let mut cursor = node.walk();
        let names: Vec<Node<'t>> = node.children_by_field_name("name", &mut cursor).collect();
        let star = children(node).iter().any(|child| child.kind() == "wildcard_import");
        let add = |this: &mut Self, local: &'t str, module: String, item: Option<String>| {
            let number = this.imports.len();
            this.imports.push(Import { local: local.to_owned(), module, item, level, line, symbol, optional });
            if local != "*" {
                // `import a.b` gives the name `a`.
                let bound = local.split('.').next().unwrap_or(local);
                this.bind(symbol, bound, node.start_byte(), Bind::Import(number));
            }
        };
        if star {
            add(self, "*", module.clone(), None);
        }
        for name in names {
            let (path, alias) = match name.kind() {
                "aliased_import" => (field(name, "name"), field(name, "alias")),
                _ => (Some(name), None),
            };
            let Some(path) = path.map(|path| text(self.text, path)) else { continue };
            let alias = alias.map(|alias| text(self.text, alias));
            if from.is_some() {
                add(self, alias.unwrap_or(path), module.clone(), Some(path.to_owned()));
            } else {
                add(self, alias.unwrap_or(path), dotless(path), None);
            }
        }
    }
}

fn dotless(path: &str) -> String {
    path.chars().filter(|character| !character.is_whitespace()).collect()
}

/// The name of a parameter.
pub(super) fn parameter_name(one: Node<'_>) -> Option<Node<'_>> {
    match one.kind() {
        "identifier" => Some(one),
        "typed_parameter" => one.named_child(0).filter(|name| name.kind() == "identifier"),
        "default_parameter" | "typed_default_parameter" => field(one, "name"),
        _ => None,
    }
}
