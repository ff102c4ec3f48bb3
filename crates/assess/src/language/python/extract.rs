//! Second reading of a file: everything that is called, decorated, assigned, raised and caught.

use std::collections::{HashMap, HashSet};

use tree_sitter::Node;

use super::{
    guard::leaves,
    name::Names,
    scope::{Bind, scopes},
    tree::{bare, children, field, is_lone_string, lines, parse, short},
    turns::turns,
    value::LONGEST,
};
use crate::fact::{Extract, Fact, Guard, Kind, Use};

/// How many facts one file may yield.
const MOST: usize = 60_000;

/// Where the walk is.
#[derive(Clone, Copy, Default)]
pub(super) struct At {
    pub symbol: u32,
    /// The guard, by number from 1.
    pub guard: u32,
    /// What the value around is assigned to, by number from 1.
    pub target: u32,
    /// The node that is the whole of that value.
    pub whole: usize,
    /// The call that is awaited.
    pub awaited: usize,
    /// The parameter whose annotation or default this is, by number from 1.
    pub parameter: u32,
    pub looped: bool,
    pub tried: bool,
    pub opened: bool,
}

/// What is counted of a definition.
#[derive(Clone, Default)]
pub(super) struct Tally {
    pub asserts: u32,
    /// Assertions that could fail.
    pub firm: u32,
    /// Whether it does more than to return what it is written with.
    pub works: bool,
    pub depends: Vec<String>,
    pub checks: Vec<String>,
    pub yields: bool,
    /// The number of its `def` fact.
    pub fact: Option<usize>,
}

/// The walk's state.
pub(super) struct Walk<'t> {
    pub names: Names<'t>,
    pub path: &'t str,
    pub facts: Vec<Fact>,
    pub uses: Vec<Use>,
    pub tallies: Vec<Tally>,
    /// Strings that were told as part of something larger.
    pub told: HashSet<usize>,
    pub guards: Vec<Guard>,
    words: Vec<String>,
    used: HashSet<(u32, u32, &'t str)>,
    parameters: HashMap<u32, HashSet<&'t str>>,
    stack: Vec<(Node<'t>, At)>,
}

/// Reads one file.
pub(super) fn extract(path: &str, text: &str) -> Extract {
    let Some(tree) = parse(text) else {
        return Extract { trouble: vec!["the file could not be parsed".into()], ..Extract::default() };
    };
    let root = tree.root_node();
    let read = scopes(text, root);
    let mut parameters: HashMap<u32, HashSet<&str>> = HashMap::new();
    for (number, scope) in read.scopes.iter().enumerate() {
        let names = scope.names.iter().filter(|(_, all)| all.iter().any(|binding| matches!(binding.bind, Bind::Param(..))));
        let names: HashSet<&str> = names.map(|(name, _)| *name).collect();
        if !names.is_empty() {
            parameters.insert(u32::try_from(number).unwrap_or(0), names);
        }
    }
    let tallies = vec![Tally::default(); read.symbols.len()];
    let mut walk = Walk {
        names: Names::new(path, read),
        path,
        facts: Vec::new(),
        uses: Vec::new(),
        tallies,
        told: HashSet::new(),
        guards: Vec::new(),
        words: Vec::new(),
        used: HashSet::new(),
        parameters,
        stack: vec![(root, At::default())],
    };
    walk.imports();
    let mut trouble = Vec::new();
    while let Some((node, at)) = walk.stack.pop() {
        if walk.facts.len() >= MOST {
            trouble.push(format!("line {}: {MOST} facts are enough of one file", lines(node).0));
            break;
        }
        let start = walk.stack.len();
        walk.visit(node, at);
        if let Some(below) = walk.stack.get_mut(start..) {
            below.reverse();
        }
    }
    walk.finish();
    if root.has_error() {
        trouble.push(broken(root));
    }
    Extract {
        facts: walk.facts,
        symbols: walk.names.read.symbols,
        imports: walk.names.read.imports,
        uses: walk.uses,
        trouble,
        ..Extract::default()
    }
}

fn broken(root: Node<'_>) -> String {
    let mut node = root;
    for _ in 0..10_000 {
        let mut cursor = node.walk();
        match node.children(&mut cursor).find(|child| child.has_error() || child.is_missing()) {
            Some(child) if !child.is_error() && !child.is_missing() => node = child,
            Some(child) => return format!("line {}: not Python that can be read", lines(child).0),
            None => break,
        }
    }
    format!("line {}: not Python that can be read", lines(node).0)
}

impl<'t> Walk<'t> {
    /// Puts nodes on the stack, in the order in which they are to be read.
    fn push(&mut self, nodes: impl IntoIterator<Item = Node<'t>>, at: At) {
        self.stack.extend(nodes.into_iter().map(|node| (node, at)));
    }

    /// A fact about a node, with its place and guard.
    pub fn fact(&self, kind: Kind, name: impl Into<String>, node: Node<'t>, at: At) -> Fact {
        let (line, end) = lines(node);
        let mut fact = Fact::new(kind, name, line, end).within(at.symbol);
        fact.guard = self.guard_of(at);
        fact
    }

    fn guard_of(&self, at: At) -> Option<Guard> {
        (at.guard as usize).checked_sub(1).and_then(|number| self.guards.get(number)).cloned()
    }

    fn word(&mut self, word: &str) -> u32 {
        self.words.push(word.to_owned());
        u32::try_from(self.words.len()).unwrap_or(0)
    }

    fn guarded(&mut self, guard: Option<Guard>, at: At) -> At {
        let Some(guard) = guard else { return at };
        self.guards.push(guard);
        At { guard: u32::try_from(self.guards.len()).unwrap_or(0), ..at }
    }

    fn imports(&mut self) {
        for number in 0..self.names.read.imports.len() {
            let (Some(import), Some(origin)) = (self.names.read.imports.get(number), self.names.origins.get(number)) else { continue };
            let origin = if import.item.is_none() && import.level == 0 { import.module.as_str() } else { origin.as_str() };
            let fact = Fact::new(Kind::Import, origin, import.line, import.line).within(import.symbol);
            self.facts.push(if import.optional { fact.with("optional", "yes") } else { fact });
        }
    }

    fn visit(&mut self, node: Node<'t>, at: At) {
        match node.kind() {
            "comment"
            | "import_statement"
            | "import_from_statement"
            | "future_import_statement"
            | "global_statement"
            | "nonlocal_statement"
            | "integer"
            | "float"
            | "true"
            | "false"
            | "none"
            | "pass_statement" => {}
            "module" | "block" => self.block(node, at),
            "decorated_definition" => self.decorated(node, at),
            "class_definition" | "function_definition" => self.definition(node, at),
            "if_statement" => self.condition(node, at),
            "for_statement" | "while_statement" => {
                let body = field(node, "body").map_or(0, |body| body.id());
                for child in children(node) {
                    self.push([child], At { looped: at.looped || child.id() == body, ..at });
                }
            }
            "list_comprehension" | "set_comprehension" | "dictionary_comprehension" | "generator_expression" => {
                let body = field(node, "body").map_or(0, |body| body.id());
                for child in children(node) {
                    self.push([child], At { looped: at.looped || child.id() == body, ..at });
                }
            }
            "for_in_clause" => self.push(field(node, "right"), at),
            "try_statement" => {
                for child in children(node) {
                    self.push([child], At { tried: at.tried || child.kind() == "block", ..at });
                }
            }
            "except_clause" | "except_group_clause" => {
                self.catch(node, at);
                self.push(children(node), at);
            }
            "raise_statement" => {
                self.raise(node, at);
                self.push(children(node), at);
            }
            "assert_statement" => {
                self.asserted(node, at.symbol);
                self.push(children(node), at);
            }
            "with_item" => {
                let value = field(node, "value");
                let (name, inner) = match value {
                    Some(value) if value.kind() == "as_pattern" => (field(value, "alias"), children(value).first().copied()),
                    other => (None, other),
                };
                let target = name.map_or(0, |name| self.word(self.names.text(name)));
                self.push(inner, At { target, whole: inner.map_or(0, |inner| bare(inner).id()), opened: true, ..at });
            }
            "expression_statement" if is_lone_string(node) => {}
            "assignment" | "augmented_assignment" => self.assignment(node, at),
            "await" => self.push(children(node), At { awaited: bare(node).id(), ..at }),
            "yield" => {
                if let Some(tally) = self.tallies.get_mut(at.symbol as usize) {
                    tally.yields = true;
                }
                self.push(children(node), at);
            }
            "return_statement" => {
                let value = children(node).first().copied();
                let target = self.word("return");
                self.push(value, At { target, whole: value.map_or(0, |value| bare(value).id()), ..at });
            }
            "call" => self.called(node, at),
            "keyword_argument" => self.push(field(node, "value"), at),
            "lambda" => self.push(field(node, "body"), at),
            "attribute" | "identifier" => self.mention(node, at),
            "subscript" => {
                self.environment_item(node, at);
                self.push(children(node), at);
            }
            "comparison_operator" => {
                self.compared(node, at.symbol);
                self.push(children(node), at);
            }
            "string" | "concatenated_string" | "binary_operator" => {
                self.string(node, at);
                self.push(children(node), at);
            }
            _ => self.push(children(node), at),
        }
    }

    /// The statements of a block; what stands behind `if not settings.X: return` depends on X as well.
    fn block(&mut self, node: Node<'t>, at: At) {
        let mut now = at;
        for statement in children(node) {
            self.push([statement], now);
            if statement.kind() == "if_statement" && field(statement, "alternative").is_none() {
                let leaving = field(statement, "consequence").is_some_and(|body| children(body).last().is_some_and(|last| leaves(*last)));
                let guard = field(statement, "condition").filter(|_| leaving).and_then(|node| self.names.guard(node, at.symbol));
                now = self.guarded(guard.map(|guard| Guard { negated: !guard.negated, ..guard }), now);
            }
        }
    }

    fn condition(&mut self, node: Node<'t>, at: At) {
        let condition = field(node, "condition");
        let guard = condition.and_then(|condition| self.names.guard(condition, at.symbol));
        self.push(condition, at);
        let inside = self.guarded(guard.clone(), at);
        self.push(field(node, "consequence"), inside);
        let mut cursor = node.walk();
        let others: Vec<Node<'t>> = node.children_by_field_name("alternative", &mut cursor).collect();
        let whole = condition.is_some_and(|condition| condition.kind() != "boolean_operator");
        let outside = self.guarded(guard.filter(|_| whole).map(|guard| Guard { negated: !guard.negated, ..guard }), at);
        for other in others {
            match (other.kind(), field(other, "condition")) {
                ("elif_clause", Some(second)) => {
                    let guard = self.names.guard(second, at.symbol);
                    self.push([second], outside);
                    let inside = self.guarded(guard, outside);
                    self.push(field(other, "consequence"), inside);
                }
                _ => self.push(children(other), outside),
            }
        }
    }

    fn decorated(&mut self, node: Node<'t>, at: At) {
        let Some(definition) = field(node, "definition") else { return };
        let symbol = self.names.read.at.get(&definition.start_byte()).copied().unwrap_or(at.symbol);
        let inside = At { symbol, parameter: 0, ..at };
        for decorator in children(node).into_iter().filter(|child| child.kind() == "decorator") {
            let Some(what) = decorator.named_child(0) else { continue };
            let callee = if what.kind() == "call" { field(what, "function") } else { Some(what) };
            let Some(callee) = callee else { continue };
            // The name is one of the place where the definition stands, not of its inside.
            let name = self.names.path(callee, at.symbol);
            let mut fact = self.fact(Kind::Decorator, name, decorator, inside);
            if what.kind() == "call" {
                self.arguments(what, at.symbol, &mut fact);
            }
            if let Some(object) = field(callee, "object") {
                fact.attrs.push(("receiver".into(), short(self.names.text(object), LONGEST)));
            }
            fact.attrs.push(("on".into(), self.names.symbol(symbol)));
            fact.attrs.push(("on_kind".into(), if self.names.is_class(symbol) { "class".into() } else { "function".into() }));
            self.facts.push(fact);
            // What is mentioned in a decorator is mentioned by what it decorates.
            let below = if what.kind() == "call" { children(what) } else { vec![what] };
            self.push(below, At { target: 0, whole: 0, ..inside });
        }
        self.push([definition], at);
    }

    fn definition(&mut self, node: Node<'t>, at: At) {
        let Some(symbol) = self.names.read.at.get(&node.start_byte()).copied() else { return };
        let fact = self.define(node, symbol, at);
        if let Some(tally) = self.tallies.get_mut(symbol as usize) {
            tally.fact = Some(self.facts.len());
        }
        self.facts.push(fact);
        let inside = At { symbol, guard: at.guard, ..At::default() };
        if let Some(list) = field(node, "parameters") {
            for one in children(list) {
                let Some(name) = super::scope::parameter_name(one) else { continue };
                let parameter = self.word(self.names.text(name));
                self.push([field(one, "type"), field(one, "value")].into_iter().flatten(), At { parameter, ..inside });
            }
        }
        self.push([field(node, "superclasses"), field(node, "return_type"), field(node, "body")].into_iter().flatten(), inside);
    }

    fn assignment(&mut self, node: Node<'t>, at: At) {
        let (left, right, annotation) = (field(node, "left"), field(node, "right"), field(node, "type"));
        if let Some(left) = left {
            self.assigned(node, left, right, annotation, at);
            let plain = matches!(left.kind(), "identifier" | "pattern_list" | "tuple_pattern") && node.kind() == "assignment";
            self.push(Some(left).filter(|_| !plain), At { target: 0, whole: 0, ..at });
        }
        self.push(annotation, At { target: 0, whole: 0, ..at });
        let target = left.map_or(0, |left| self.word(self.names.text(left)));
        self.push(right, At { target, whole: right.map_or(0, |right| bare(right).id()), ..at });
    }

    fn called(&mut self, node: Node<'t>, at: At) {
        let (Some(function), Some(arguments)) = (field(node, "function"), field(node, "arguments")) else {
            self.push(children(node), at);
            return;
        };
        let name = self.names.callee(function, at.symbol);
        let mut fact = self.fact(Kind::Call, name, node, at);
        self.arguments(node, at.symbol, &mut fact);
        let mut say = |name: &str, value: String| fact.attrs.push((name.to_owned(), value));
        if at.awaited == node.id() {
            say("await", "yes".into());
        }
        if let Some(target) = (at.target as usize).checked_sub(1).and_then(|number| self.words.get(number)) {
            match (at.whole == node.id(), target.as_str()) {
                (true, "return") => say("returned", "yes".into()),
                (true, _) => say("result", short(target, LONGEST)),
                (false, "return") => {}
                (false, _) => say("into", short(target, LONGEST)),
            }
        }
        // `app.middleware("http")(layer)` asks the same of the same object as the decorator does.
        let inner = Some(function).filter(|function| function.kind() == "call").and_then(|inner| field(inner, "function"));
        if let Some(object) = field(inner.unwrap_or(function), "object") {
            say("receiver", short(self.names.text(object), 80));
        }
        if inner.is_some() {
            say("curried", "yes".into());
        }
        for (holds, word) in [(at.opened && at.whole == node.id(), "with"), (at.looped, "loop"), (at.tried, "tried")] {
            if holds {
                say(word, "yes".into());
            }
        }
        if at.looped && matches!(fact.name.rsplit('.').next(), Some("include_router" | "register_blueprint" | "blueprint" | "mount")) {
            turns(self.names.read.text, node, &mut fact);
        }
        let parameter = (at.parameter as usize).checked_sub(1).and_then(|number| self.words.get(number)).cloned();
        if let Some(parameter) = parameter {
            fact.attrs.push(("param".into(), parameter));
        }
        self.leaks(node, &mut fact);
        self.tell_call(node, &fact, at);
        self.prefixed(node, at);
        self.facts.push(fact);
        self.push([function], At { whole: 0, ..at });
        self.push(children(arguments), At { whole: 0, opened: false, awaited: 0, ..at });
    }

    /// A name that is mentioned, with what is asked of it.
    fn mention(&mut self, node: Node<'t>, at: At) {
        let mut inner = node;
        while inner.kind() == "attribute" {
            match field(inner, "object") {
                Some(object) => inner = object,
                None => break,
            }
        }
        if inner.kind() != "identifier" {
            self.push([inner], at);
            return;
        }
        let (first, path) = (self.names.text(inner), self.names.text(node));
        if path.len() > LONGEST || !self.used.insert((at.symbol, at.guard, path)) {
            return;
        }
        if self.parameters.get(&at.symbol).is_some_and(|names| names.contains(first))
            && let Some(tally) = self.tallies.get_mut(at.symbol as usize)
        {
            tally.works = true;
        }
        let mut path: String = path.chars().filter(|character| !character.is_whitespace()).collect();
        if let Some((receiver, class)) = self.names.receiver(at.symbol)
            && receiver == first
            && let Some(class) = self.names.read.symbols.get(class as usize)
        {
            // A method says `self`; what it means is its class.
            path = format!("{}{}", class.name, path.get(first.len()..).unwrap_or(""));
        }
        let guard = self.guard_of(at);
        self.uses.push(Use { symbol: at.symbol, path, line: lines(node).0, guard });
    }
}
