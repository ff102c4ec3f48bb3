//! Calls and decorators: who is called, and with what.

use tree_sitter::Node;

use super::{
    bind::{Chain, Root},
    names::{ROUTERS, compact, constant, on_router, plain, shortened, text_of, unquoted},
    read::{Ctx, Name, Reader, end, line},
};
use crate::fact::{Fact, Kind};

/// How many arguments and properties of one call are written down.
const MOST: usize = 60;

/// What is called to hand functions over to somebody who calls them.
const HANDS: &[&str] = &[
    "get",
    "post",
    "put",
    "patch",
    "delete",
    "del",
    "head",
    "options",
    "all",
    "use",
    "route",
    "register",
    "addHook",
    "setErrorHandler",
    "setNotFoundHandler",
    "onError",
    "notFound",
    "on",
    "once",
    "apply",
    "forRoutes",
    "useGlobalPipes",
    "useGlobalGuards",
    "useGlobalFilters",
    "useGlobalInterceptors",
    "process",
    "param",
    "serve",
    "createServer",
    "schedule",
    "mount",
    "listen",
];

impl<'t> Reader<'t> {
    /// A call or a construction.
    pub(super) fn call(&mut self, node: Node<'t>, ctx: Ctx<'t>, name: Name) {
        let new = node.kind() == "new_expression";
        let Some(callee) = node.child_by_field_name(if new { "constructor" } else { "function" }) else { return };
        if !new && let Some(module) = self.required(node) {
            self.import("", module, None, node, ctx, false);
            return;
        }
        let arguments = node.child_by_field_name("arguments");
        let given: Vec<Node<'t>> = match arguments {
            Some(list) if list.kind() == "arguments" => {
                let mut cursor = list.walk();
                list.named_children(&mut cursor).filter(|child| child.kind() != "comment").collect()
            }
            // A tagged template.
            Some(template) => vec![template],
            None => Vec::new(),
        };
        let chain = self.chain(callee);
        let Some(known) = self.known(&chain, ctx.scope) else {
            self.nameless(callee, &given, &chain, ctx, name);
            return;
        };
        let called = known.canonical;
        if self.tested(node, &called, &given, ctx) {
            return;
        }
        self.checked(&called, &given, ctx);
        let (at, to) = (self.spot(callee, &chain), end(node));
        let mut fact = Fact::new(Kind::Call, shortened(&called), at, to);
        let method = (callee.kind() == "member_expression").then(|| chain.parts.last().copied()).flatten();
        if let Root::Name(root) = chain.root
            && !chain.parts.is_empty()
        {
            let before = chain.parts.get(..chain.parts.len() - 1).unwrap_or(&[]);
            let receiver = if chain.called || before.is_empty() { root.to_owned() } else { format!("{root}.{}", before.join(".")) };
            let receiver = if root == "this" && before.is_empty() { "this".to_owned() } else { receiver };
            let receiver = match before.first() {
                Some(first) if root == "this" && chain.called => format!("this.{first}"),
                _ => receiver,
            };
            fact = fact.with("receiver", shortened(&receiver));
        }
        if let Some(route) = chain.route {
            fact = fact.with("route", self.value(route, ctx.scope));
        }
        if new {
            fact = fact.with("new", "yes");
        }
        if ctx.awaited {
            fact = fact.with("await", "yes");
        }
        if !ctx.result.is_empty() {
            fact = fact.with("result", ctx.result);
        }
        fact = self.arguments(fact, &given, ctx.scope);
        if arguments.is_some_and(|list| list.kind() == "template_string") {
            fact = fact.with("tag", "yes");
        }
        let router = on_router(&called);
        let hands = router.is_some()
            || method.is_some_and(|method| HANDS.contains(&method))
            || !given.is_empty() && (called.ends_with("Worker") || called.ends_with("createTerminus"));
        let first = self.jobs.len();
        // The callee's own expression: other calls in a chain, and the mention of its name.
        self.push_named(callee, Ctx { awaited: false, ..ctx }, Name::None);
        let inner = Ctx { quiet: ctx.quiet || router.is_some(), ..ctx.inner() };
        if hands {
            let label = format!("{} {}", method.unwrap_or("call"), self.label(&given, fact.get("route")));
            let mut open: Vec<Node<'t>> = given.iter().rev().copied().collect();
            let mut passed = 0;
            while let Some(one) = open.pop() {
                let bare = plain(one);
                passed += 1;
                match bare.kind() {
                    _ if passed > MOST => self.push(one, inner),
                    "array" => {
                        let mut cursor = bare.walk();
                        let items: Vec<Node<'t>> = bare.named_children(&mut cursor).collect();
                        open.extend(items.into_iter().rev());
                    }
                    "arrow_function" | "function_expression" | "function" | "generator_function" => {
                        let symbol = self.define(&label, bare, ctx.symbol, false);
                        fact = fact.with("pass", format!("#{symbol}"));
                        self.push_named(bare, inner, Name::Is(symbol));
                    }
                    "identifier" | "member_expression" | "new_expression" => {
                        if let Some(name) = self.canonical(bare, ctx.scope) {
                            fact = fact.with("pass", name).with("id", compact(self.src(bare)));
                        }
                        self.push(one, inner);
                    }
                    "call_expression" => {
                        let name = self.required_module(bare).or_else(|| self.canonical(bare, ctx.scope));
                        // A wrapped handler: `asyncHandler(async (req, res) => ...)` is the function in it.
                        let wrapped = self.wrapped(bare);
                        match wrapped {
                            Some(function) => {
                                let symbol = self.define(&label, function, ctx.symbol, false);
                                fact = fact.with("pass", name.unwrap_or_default()).with("pass", format!("#{symbol}"));
                                self.push_named(one, inner, Name::Is(symbol));
                            }
                            None => {
                                if let Some(name) = name {
                                    fact = fact.with("pass", name);
                                    // `app.use(router.routes())` hands over the router.
                                    let of =
                                        bare.child_by_field_name("function").and_then(|function| function.child_by_field_name("object"));
                                    if let Some(of) = of.filter(|of| matches!(of.kind(), "identifier" | "member_expression")) {
                                        fact = fact.with("id", compact(self.src(of)));
                                    }
                                }
                                for handler in self.handed(bare) {
                                    if let Some(name) = self.canonical(handler, ctx.scope) {
                                        fact = fact.with("inner", name);
                                    }
                                }
                                self.push(one, inner);
                            }
                        }
                    }
                    "object" => {
                        self.push_object(bare, inner, &label, &mut fact);
                    }
                    _ => self.push(one, inner),
                }
            }
        } else {
            let mut name = name;
            for one in given.iter().copied() {
                let bare = plain(one);
                let function = matches!(bare.kind(), "arrow_function" | "function_expression" | "function");
                let inside = function || bare.kind() == "call_expression" && !matches!(name, Name::None);
                let given = if inside { std::mem::replace(&mut name, Name::None) } else { Name::None };
                self.push_named(one, inner, given);
            }
        }
        self.turn(first);
        if matches!(method, Some("catch")) && !given.is_empty() {
            self.caught(&given, at, to, ctx);
        }
        self.env_call(&called, &given, node, ctx);
        self.fact(fact, ctx);
    }

    /// Options of a route: the handler and the hooks in it.
    fn push_object(&mut self, object: Node<'t>, ctx: Ctx<'t>, label: &str, fact: &mut Fact) {
        let mut cursor = object.walk();
        let pairs: Vec<Node<'t>> = object.named_children(&mut cursor).collect();
        for pair in pairs {
            let key = pair.child_by_field_name(if pair.kind() == "method_definition" { "name" } else { "key" });
            let key = key.map_or("", |key| unquoted(self.src(key)));
            let value = if pair.kind() == "method_definition" { Some(pair) } else { pair.child_by_field_name("value") };
            let Some(value) = value else {
                if pair.kind() == "shorthand_property_identifier" {
                    fact.attrs.push((format!("of.{}", self.src(pair)), self.value(pair, ctx.scope)));
                }
                self.push(pair, ctx);
                continue;
            };
            let bare = plain(value);
            let hook = key == "handler" || key.starts_with("pre") || key.starts_with("on") || key == "auth";
            if hook && matches!(bare.kind(), "arrow_function" | "function_expression" | "method_definition") {
                let symbol = self.define(label, bare, ctx.symbol, false);
                fact.attrs.push((format!("of.{key}"), format!("#{symbol}")));
                self.push_named(bare, ctx, Name::Is(symbol));
                continue;
            }
            if hook {
                let mut inner = bare.walk();
                let items: Vec<Node<'t>> = if bare.kind() == "array" { bare.named_children(&mut inner).collect() } else { vec![bare] };
                for item in items {
                    if let Some(name) = self.canonical(item, ctx.scope) {
                        fact.attrs.push((format!("of.{key}"), name));
                    }
                }
            }
            self.push(value, ctx);
        }
    }

    /// A call of something without a name, such as of a function written in place.
    fn nameless(&mut self, callee: Node<'t>, given: &[Node<'t>], _: &Chain<'t>, ctx: Ctx<'t>, name: Name) {
        let first = self.jobs.len();
        self.push(callee, ctx.inner());
        let mut name = name;
        for one in given {
            let given = if matches!(plain(*one).kind(), "arrow_function" | "function_expression") {
                std::mem::replace(&mut name, Name::None)
            } else {
                Name::None
            };
            self.push_named(*one, ctx.inner(), given);
        }
        self.turn(first);
    }

    fn required_module(&self, node: Node<'t>) -> Option<String> {
        self.required(node).map(|module| super::names::module_named(self.path, module))
    }

    /// The function in `wrap(function)`, at most three calls deep.
    fn wrapped(&self, call: Node<'t>) -> Option<Node<'t>> {
        let mut call = call;
        for _ in 0..3 {
            let list = call.child_by_field_name("arguments").filter(|list| list.kind() == "arguments")?;
            let mut cursor = list.walk();
            let given: Vec<Node<'t>> = list.named_children(&mut cursor).collect();
            let bare = given.iter().map(|one| plain(*one));
            if let Some(found) = bare.clone().find(|one| matches!(one.kind(), "arrow_function" | "function_expression")) {
                return Some(found);
            }
            call = bare.clone().find(|one| one.kind() == "call_expression")?;
        }
        None
    }

    /// Names handed to a wrapper: `asyncHandler(controller.list)`.
    fn handed(&self, call: Node<'t>) -> Vec<Node<'t>> {
        let Some(list) = call.child_by_field_name("arguments").filter(|list| list.kind() == "arguments") else { return Vec::new() };
        let mut cursor = list.walk();
        let given: Vec<Node<'t>> = list.named_children(&mut cursor).collect();
        given.into_iter().filter(|one| matches!(one.kind(), "identifier" | "member_expression")).take(4).collect()
    }

    /// What a handler is called that has no name: `get /users`.
    fn label(&self, given: &[Node<'t>], route: Option<&str>) -> String {
        if let Some(route) = route {
            return route.replace('.', "_");
        }
        let first = given.first().and_then(|first| constant(self.text, *first));
        first.unwrap_or_else(|| "function".to_owned()).chars().take(60).collect::<String>().replace('.', "_")
    }

    /// The line at which people see a call: that of the method's name in a chain over several lines.
    fn spot(&self, callee: Node<'t>, chain: &Chain<'t>) -> u32 {
        match callee.child_by_field_name("property") {
            Some(property) if chain.called => line(property),
            _ => line(callee),
        }
    }

    /// `{ ... } as Options`: an object that is said to be of a library's type counts as built by that name.
    pub(super) fn literal(&mut self, node: Node<'t>, ctx: Ctx<'t>) {
        if !matches!(node.kind(), "as_expression" | "satisfies_expression") {
            return;
        }
        let (Some(object), Some(of)) = (node.named_child(0).map(plain), node.named_child(1)) else { return };
        if object.kind() != "object" || !matches!(of.kind(), "type_identifier" | "generic_type" | "nested_type_identifier") {
            return;
        }
        let Some(known) = self.known(&self.chain(of), ctx.scope).filter(|known| known.canonical.contains('.')) else { return };
        let fact = Fact::new(Kind::Call, shortened(&known.canonical), line(object), end(object)).with("literal", "yes");
        let fact = self.arguments(fact, &[object], ctx.scope);
        self.fact(fact, ctx);
    }

    /// The arguments as properties.
    pub(super) fn arguments(&self, mut fact: Fact, given: &[Node<'t>], scope: usize) -> Fact {
        for (number, one) in given.iter().enumerate().take(20) {
            let bare = plain(*one);
            fact.attrs.push((number.to_string(), self.value(bare, scope)));
            self.router_given(&mut fact, &number.to_string(), bare, scope);
            let object = match bare.kind() {
                "object" => Some(bare),
                // `cors(options)`: what the variable holds is what is given.
                "identifier" | "member_expression" => self.object_of(bare, scope),
                _ => None,
            };
            if let Some(object) = object {
                let first = fact.attrs.len();
                self.flatten(&mut fact, object, scope);
                if object.id() != bare.id() {
                    // What is spread into a variable's object is often there under a condition alone.
                    let mut number = 0;
                    fact.attrs.retain(|(key, _)| {
                        number += 1;
                        number <= first || !key.ends_with("...")
                    });
                }
            }
        }
        fact
    }

    /// An app or router that is given to a function: which variable it is, not only what type it has.
    fn router_given(&self, fact: &mut Fact, name: &str, value: Node<'t>, scope: usize) {
        if matches!(value.kind(), "identifier" | "member_expression" | "shorthand_property_identifier")
            && let Some(of) = self.canonical(value, scope)
            && (ROUTERS.iter().any(|(kind, _)| *kind == of)
                || ["app", "router", "fastify"].iter().any(|word| of.to_lowercase().ends_with(word)))
        {
            fact.attrs.push((format!("id.{name}"), compact(self.src(value))));
        }
    }

    /// The properties of an object, inner ones with dots.
    fn flatten(&self, fact: &mut Fact, object: Node<'t>, scope: usize) {
        let mut open = vec![(object, String::new(), 0)];
        while let Some((object, prefix, depth)) = open.pop() {
            let mut cursor = object.walk();
            for pair in object.named_children(&mut cursor) {
                if fact.attrs.len() > MOST {
                    return;
                }
                match pair.kind() {
                    "pair" => {
                        let (Some(key), Some(value)) = (pair.child_by_field_name("key"), pair.child_by_field_name("value")) else {
                            continue;
                        };
                        let name = format!("{prefix}{}", unquoted(self.src(key)));
                        let bare = plain(value);
                        fact.attrs.push((name.clone(), self.value(bare, scope)));
                        self.router_given(fact, &name, bare, scope);
                        if bare.kind() == "object" && depth < 3 {
                            open.push((bare, format!("{name}."), depth + 1));
                        }
                        if bare.kind() == "array" {
                            let mut items = bare.walk();
                            for item in bare.named_children(&mut items).filter(|item| item.kind() != "comment").take(100) {
                                let inner = plain(if item.kind() == "spread_element" { item.named_child(0).unwrap_or(item) } else { item });
                                let value = match inner.kind() {
                                    "call_expression" => self.canonical(inner, scope).unwrap_or_else(|| compact(self.src(inner))),
                                    _ => self.value(inner, scope),
                                };
                                fact.attrs.push((format!("{name}.item"), value));
                            }
                        }
                    }
                    "shorthand_property_identifier" => {
                        let name = format!("{prefix}{}", self.src(pair));
                        fact.attrs.push((name.clone(), self.value(pair, scope)));
                        self.router_given(fact, &name, pair, scope);
                    }
                    "method_definition" => {
                        let name = pair.child_by_field_name("name").map_or("", |name| self.src(name));
                        fact.attrs.push((format!("{prefix}{name}"), "()=>{...}".to_owned()));
                    }
                    "spread_element" => {
                        if let Some(inner) = pair.named_child(0) {
                            fact.attrs.push((format!("{prefix}..."), self.value(inner, scope)));
                        }
                    }
                    _ => {}
                }
            }
        }
    }

    /// A decorator on a class, a method, a property or a parameter.
    pub(super) fn decorator(&mut self, node: Node<'t>, ctx: Ctx<'t>, on: &str, kind: &str, of: Option<String>) {
        let Some(inner) = node.named_child(0) else { return };
        let inner = plain(inner);
        let (callee, list) = match inner.kind() {
            "call_expression" => (inner.child_by_field_name("function").unwrap_or(inner), inner.child_by_field_name("arguments")),
            _ => (inner, None),
        };
        let Some(name) = self.canonical(callee, ctx.scope) else { return };
        let mut fact = Fact::new(Kind::Decorator, name, line(node), end(node)).with("on", on).with("on_kind", kind);
        if let Some(of) = of {
            fact = fact.with("type", of);
        }
        let given: Vec<Node<'t>> = list.map_or_else(Vec::new, |list| {
            let mut cursor = list.walk();
            list.named_children(&mut cursor).filter(|child| child.kind() != "comment").collect()
        });
        fact = self.arguments(fact, &given, ctx.scope);
        for one in &given {
            let bare = plain(*one);
            if matches!(bare.kind(), "identifier" | "member_expression" | "call_expression" | "new_expression")
                && let Some(name) = self.canonical(bare, ctx.scope)
            {
                fact = fact.with("pass", name);
            }
        }
        self.fact(fact, ctx);
        let first = self.jobs.len();
        self.push(callee, ctx.inner());
        for one in given {
            self.push(one, ctx.inner());
        }
        self.turn(first);
    }

    /// Whether all arguments are constants.
    pub(super) fn constants_only(&self, given: &[Node<'t>]) -> bool {
        given.iter().all(|one| {
            constant(self.text, *one).is_some()
                || matches!(one.kind(), "array" | "object") && !text_of(self.text, *one).contains(|letter: char| letter.is_alphabetic())
        })
    }
}
