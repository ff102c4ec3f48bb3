//! Settings, constants and reads of the environment.

use tree_sitter::Node;

use super::{
    extract::{At, Walk},
    guard::{ENVIRONMENT, upper},
    scope::Bind,
    tree::{bare, children, field, short},
    value::LONGEST,
};
use crate::fact::{Fact, Kind};

impl<'t> Walk<'t> {
    /// An assignment: a constant, a setting, an attribute of a class.
    pub(super) fn assigned(&mut self, node: Node<'t>, left: Node<'t>, right: Option<Node<'t>>, annotation: Option<Node<'t>>, at: At) {
        let right = right.map(|right| if right.kind() == "assignment" { field(right, "right").unwrap_or(right) } else { right });
        if left.kind() == "subscript" {
            self.item(node, left, right, at);
            return;
        }
        let level = at.symbol == 0 || self.names.is_class(at.symbol);
        let kept = [".conf.", ".state."].iter().any(|word| self.names.text(left).contains(word));
        let own = left.kind() == "attribute" && right.is_some_and(|right| kept || self.names.constant(right, at.symbol, 0).is_some());
        if !own && (!level || left.kind() != "identifier") {
            return;
        }
        let written = self.names.text(left);
        if level
            && left.kind() == "identifier"
            && let Some(fact) = self.setting(node, written, right, annotation, at)
        {
            self.facts.push(fact);
        }
        let Some(right) = right else { return };
        let name = match left.kind() {
            "identifier" => super::name::join(&self.names.symbol(at.symbol), written),
            _ => self.names.value_name(left, at.symbol).unwrap_or_else(|| written.to_owned()),
        };
        let mut fact = self.fact(Kind::Assign, name, node, at);
        fact.attrs.push(("value".into(), self.names.value(right, at.symbol)));
        if let Some(annotation) = annotation {
            fact.attrs.push(("type".into(), self.type_text(annotation, at.symbol)));
        }
        if matches!(bare(right).kind(), "subscript" | "binary_operator") {
            self.injected(right, at.symbol).into_iter().for_each(|found| fact.attrs.push(("depends".into(), found)));
        }
        if matches!(bare(right).kind(), "list" | "tuple") {
            // The items one by one: a list of forty would not fit into one value.
            for item in children(bare(right)).into_iter().take(200) {
                fact.attrs.push(("item".into(), self.names.value(item, at.symbol)));
            }
        } else if bare(right).kind() == "dictionary" {
            for (key, value) in self.pairs(bare(right), at.symbol) {
                fact.attrs.push((format!(".{key}"), value));
            }
        }
        self.facts.push(fact);
    }

    /// The entries of a dictionary, those of inner ones with dots; lists come item by item.
    fn pairs(&self, node: Node<'t>, symbol: u32) -> Vec<(String, String)> {
        let (mut found, mut stack) = (Vec::new(), vec![(String::new(), node)]);
        while let Some((path, node)) = stack.pop() {
            if found.len() > 200 || path.len() > 300 {
                break;
            }
            match node.kind() {
                "dictionary" => {
                    for pair in children(node).into_iter().rev().filter(|pair| pair.kind() == "pair") {
                        let (Some(key), Some(value)) = (field(pair, "key"), field(pair, "value")) else { continue };
                        let key = self.names.value(key, symbol);
                        stack.push((if path.is_empty() { key } else { format!("{path}.{key}") }, bare(value)));
                    }
                }
                "list" | "tuple" => {
                    for item in children(node).into_iter().take(50).rev() {
                        stack.push((path.clone(), bare(item)));
                    }
                }
                _ => found.push((path, self.names.value(node, symbol))),
            }
        }
        found
    }

    /// The setting that an assignment is, where its place holds settings.
    fn setting(&self, node: Node<'t>, name: &str, right: Option<Node<'t>>, annotation: Option<Node<'t>>, at: At) -> Option<Fact> {
        let mut reads =
            right.is_some_and(|right| ["environ", "getenv", "config("].iter().any(|word| self.names.text(right).contains(word)));
        let class = if at.symbol == 0 {
            if !upper(name) || !is_settings_file(self.path) {
                return None;
            }
            self.names.module.clone()
        } else {
            let symbol = self.names.read.symbols.get(at.symbol as usize)?;
            let last = symbol.name.rsplit('.').next().unwrap_or("");
            let pydantic = self.is_settings_class(at.symbol);
            let plain = last.ends_with("Config")
                || last.ends_with("Settings")
                || self.names.read.scopes.get(at.symbol as usize)?.bases.iter().any(|base| self.names.text(*base).ends_with("Config"));
            if name == "model_config" || name.starts_with('_') || !(pydantic || (plain && (upper(name) || annotation.is_some()))) {
                return None;
            }
            reads |= pydantic;
            self.names.symbol(at.symbol)
        };
        let mut fact = self.fact(Kind::Setting, name, node, at).with("class", class);
        if reads {
            fact = fact.with("reads", "env");
        }
        if let Some(annotation) = annotation {
            fact.attrs.push(("type".into(), self.type_text(annotation, at.symbol)));
        }
        let default = right.and_then(|right| self.default(right, at.symbol));
        let required = match (&default, right) {
            (Some(default), _) => default == "...",
            (None, _) => true,
        };
        if let Some(default) = default.filter(|default| default != "...") {
            fact.attrs.push(("default".into(), default));
        }
        fact.attrs.push(("required".into(), if required { "yes" } else { "no" }.into()));
        if let Some(call) = right.map(bare).filter(|right| right.kind() == "call") {
            for one in field(call, "arguments").map(children).unwrap_or_default() {
                if let (Some(key), Some(value)) = (field(one, "name"), field(one, "value")) {
                    let key = self.names.text(key);
                    if matches!(
                        key,
                        "env"
                            | "alias"
                            | "validation_alias"
                            | "min_length"
                            | "max_length"
                            | "ge"
                            | "gt"
                            | "le"
                            | "lt"
                            | "pattern"
                            | "regex"
                    ) {
                        fact.attrs.push((key.to_owned(), self.names.value(value, at.symbol)));
                    }
                }
            }
        }
        Some(fact)
    }

    /// Whether a class holds settings that are read from the environment.
    fn is_settings_class(&self, symbol: u32) -> bool {
        let mut now = symbol;
        for _ in 0..8 {
            let Some(scope) = self.names.read.scopes.get(now as usize) else { return false };
            let outer = self.names.read.symbols.get(now as usize).map_or(0, |symbol| symbol.parent);
            let mut next = None;
            for base in &scope.bases {
                let path = self.names.path(*base, outer);
                if path.ends_with("BaseSettings") || path.starts_with("environs.") || path.ends_with("AppSettings") {
                    return true;
                }
                if let Some((_, binding)) = self.names.lookup(outer, self.names.text(*base), usize::MAX)
                    && let Bind::Def(number) = binding.bind
                {
                    next = Some(number);
                }
            }
            match next {
                Some(number) if number != now => now = number,
                _ => return false,
            }
        }
        false
    }

    /// What a setting is where nobody sets it; `...` where it has to be set; nothing where there is no default.
    fn default(&self, right: Node<'t>, symbol: u32) -> Option<String> {
        let right = bare(right);
        if let Some(truth) = self.truth(right, symbol) {
            return Some(truth);
        }
        if right.kind() == "subscript" {
            let environment = field(right, "value").is_some_and(|object| self.names.path(object, symbol) == "os.environ");
            return (!environment).then(|| self.names.value(right, symbol));
        }
        if right.kind() == "boolean_operator"
            && let Some(left) = field(right, "left").map(bare).filter(|left| left.kind() == "call")
            && self.environment_of(left, symbol).is_some_and(|(_, default)| default.is_none())
            && let Some(text) = self.instead(left, symbol)
        {
            return Some(text);
        }
        if right.kind() != "call" {
            return Some(self.names.value(right, symbol));
        }
        let callee = self.names.callee(field(right, "function")?, symbol);
        let arguments = children(field(right, "arguments")?);
        let named = |wanted: &str| {
            let one = arguments
                .iter()
                .find(|one| field(**one, "name").is_some_and(|name| one.kind() == "keyword_argument" && self.names.text(name) == wanted))?;
            field(*one, "value")
        };
        let last = callee.rsplit('.').next().unwrap_or("");
        if last == "Field" {
            let first = arguments.first().filter(|one| one.kind() != "keyword_argument").copied();
            let value = first.or_else(|| named("default")).or_else(|| named("default_factory"));
            return value.map(|value| self.names.value(value, symbol));
        }
        if let Some((_, default)) = self.environment_of(right, symbol) {
            return default;
        }
        // `int(os.getenv("X", "5"))`, `os.getenv("X", "a,b").split(",")`
        let inner = arguments.first().copied().filter(|one| one.kind() == "call").or_else(|| field(field(right, "function")?, "object"));
        if let Some(inner) = inner.map(bare).filter(|inner| inner.kind() == "call")
            && let Some((_, default)) = self.environment_of(inner, symbol)
        {
            return default;
        }
        Some(self.names.value(right, symbol))
    }

    /// `os.getenv("X", "false").lower() == "true"` by its default.
    fn truth(&self, node: Node<'t>, symbol: u32) -> Option<String> {
        if node.kind() != "comparison_operator" {
            return None;
        }
        let parts = children(node);
        let [left, right] = parts.as_slice() else { return None };
        let mut inner = bare(*left);
        for _ in 0..4 {
            if inner.kind() == "call"
                && let Some((_, default)) = self.environment_of(inner, symbol)
            {
                let default = default?.to_lowercase();
                let on = match bare(*right).kind() {
                    "tuple" | "list" | "set" => children(bare(*right))
                        .into_iter()
                        .filter_map(|one| self.names.constant(one, symbol, 0))
                        .any(|one| one.to_lowercase() == default),
                    _ => self.names.constant(*right, symbol, 0)?.to_lowercase() == default,
                };
                let differs = self.names.text(node).contains("!=") || self.names.text(node).contains(" not in ");
                return Some(if on != differs { "true" } else { "false" }.into());
            }
            inner = bare(field(field(inner, "function")?, "object")?);
        }
        None
    }

    /// The name and default of a call that reads the environment.
    fn environment_of(&self, call: Node<'t>, symbol: u32) -> Option<(String, Option<String>)> {
        let callee = self.names.callee(field(call, "function")?, symbol);
        let arguments = children(field(call, "arguments")?);
        let reader = ENVIRONMENT.contains(&callee.as_str())
            || matches!(
                callee.as_str(),
                "decouple.config"
                    | "starlette.config.Config.__call__"
                    | "environ.Env.__call__"
                    | "environs.Env.__call__"
                    | "decouple.AutoConfig.__call__"
            )
            || callee
                .strip_prefix("environ.Env.")
                .or_else(|| callee.strip_prefix("environs.Env."))
                .is_some_and(|last| !matches!(last, "read_env" | "prefixed" | "seal"));
        if !reader {
            return None;
        }
        let name = self.names.constant(*arguments.first()?, symbol, 0)?;
        let second = arguments.get(1).filter(|one| one.kind() != "keyword_argument").copied();
        let named = arguments
            .iter()
            .find(|one| one.kind() == "keyword_argument" && field(**one, "name").is_some_and(|name| self.names.text(name) == "default"));
        let default = second.or_else(|| named.and_then(|one| field(*one, "value")));
        Some((name, default.map(|value| self.names.value(value, symbol))))
    }

    /// The text that stands in where a read of the environment gives nothing: `os.getenv("KEY") or "text"`.
    fn instead(&self, node: Node<'t>, symbol: u32) -> Option<String> {
        let either = node.parent().filter(|parent| parent.kind() == "boolean_operator")?;
        let or = field(either, "operator").is_some_and(|sign| self.names.text(sign) == "or");
        let right = field(either, "right").filter(|right| or && right.id() != node.id())?;
        self.names.constant(right, symbol, 0)
    }

    /// A call that reads the environment.
    pub(super) fn environment_call(&mut self, node: Node<'t>, fact: &Fact, at: At) {
        if fact.name.ends_with(".config.update") || fact.name.ends_with(".config.from_mapping") {
            for (key, value) in fact.attrs.clone() {
                if upper(&key) {
                    let setting = self.fact(Kind::Setting, key, node, at).with("class", "flask.Flask.config").with("default", value);
                    self.facts.push(setting);
                }
            }
        }
        let Some((name, default)) = self.environment_of(node, at.symbol) else { return };
        let default = default.or_else(|| self.instead(node, at.symbol));
        let bare_get = ENVIRONMENT.contains(&fact.name.as_str());
        let required = default.is_none() && !bare_get;
        let mut env = self.fact(Kind::Env, name, node, at);
        if let Some(default) = default {
            env.attrs.push(("default".into(), default));
        }
        env.attrs.push(("required".into(), if required { "yes" } else { "no" }.into()));
        if let Some(into) = fact.get("result").or_else(|| fact.get("into")) {
            env.attrs.push(("result".into(), into.to_owned()));
        }
        self.facts.push(env);
    }

    /// `os.environ["X"]`.
    pub(super) fn environment_item(&mut self, node: Node<'t>, at: At) {
        let (Some(object), Some(key)) = (field(node, "value"), field(node, "subscript")) else { return };
        if !self.names.text(object).ends_with("environ") || self.names.path(object, at.symbol) != "os.environ" {
            return;
        }
        if let Some(name) = self.names.constant(key, at.symbol, 0) {
            let fact = self.fact(Kind::Env, name, node, at).with("required", "yes");
            self.facts.push(fact);
        }
    }

    /// `app.config["X"] = value`, `response.headers["X"] = value`.
    fn item(&mut self, node: Node<'t>, left: Node<'t>, right: Option<Node<'t>>, at: At) {
        let (Some(object), Some(key), Some(right)) = (field(left, "value"), field(left, "subscript"), right) else { return };
        let Some(key) = self.names.constant(key, at.symbol, 0) else { return };
        let path = self.names.path(object, at.symbol);
        let value = self.names.value(right, at.symbol);
        if path.ends_with("flask.Flask.config") || (path.ends_with(".config") && upper(&key)) {
            let default = self.default(right, at.symbol).unwrap_or_default();
            let fact = self.fact(Kind::Setting, key, node, at).with("class", path).with("default", default);
            self.facts.push(fact);
        } else if path.ends_with("headers") {
            // Setting a header is what calling `headers.set` would be.
            let fact = self.fact(Kind::Call, format!("{path}.__setitem__"), node, at).with("0", short(&key, LONGEST)).with("1", value);
            self.facts.push(fact);
            if let Some(tally) = self.tallies.get_mut(at.symbol as usize) {
                tally.works = true;
            }
        }
    }
}

/// Whether a file's own constants are settings, as Django's and Flask's are.
fn is_settings_file(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    matches!(
        name,
        "settings.py" | "config.py" | "conf.py" | "configuration.py" | "gunicorn.conf.py" | "gunicorn_conf.py" | "celeryconfig.py"
    ) || name.ends_with("_settings.py")
        || name.starts_with("settings_")
        || path.contains("settings/")
}
