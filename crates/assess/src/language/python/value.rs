//! Values: constants folded to plain text, everything else as its source made compact.

use tree_sitter::Node;

use super::{
    name::Names,
    scope::{Bind, Binding},
    tree::{bare, children, field, short},
};

/// The longest value of an attribute.
pub(super) const LONGEST: usize = 200;

impl<'t> Names<'t> {
    /// What an expression is, as the value of an attribute.
    pub fn value(&self, node: Node<'t>, symbol: u32) -> String {
        let node = bare(node);
        let value = match self.constant(node, symbol, 0) {
            Some(constant) => constant,
            None => self.compact(node, symbol, 0),
        };
        short(&value, LONGEST)
    }

    /// The constant that an expression is.
    pub fn constant(&self, node: Node<'t>, symbol: u32, depth: u32) -> Option<String> {
        if depth > 12 {
            return None;
        }
        let node = bare(node);
        match node.kind() {
            "string" => self.string(node),
            "concatenated_string" => children(node).into_iter().take(400).map(|part| self.string(part)).collect(),
            "integer" | "float" => Some(self.text(node).replace('_', "")),
            "true" => Some("true".into()),
            "false" => Some("false".into()),
            "none" => Some("none".into()),
            "unary_operator" => {
                let inner = self.constant(field(node, "argument")?, symbol, depth + 1)?;
                let minus = self.text(node).starts_with('-');
                inner.parse::<f64>().ok()?;
                Some(if minus { format!("-{inner}") } else { inner })
            }
            "not_operator" => match self.constant(field(node, "argument")?, symbol, depth + 1)?.as_str() {
                "true" => Some("false".into()),
                "false" => Some("true".into()),
                _ => None,
            },
            "binary_operator" => {
                let sign = self.text(field(node, "operator")?);
                let left = self.constant(field(node, "left")?, symbol, depth + 1)?;
                let right = self.constant(field(node, "right")?, symbol, depth + 1)?;
                let numbers = (left.parse::<i64>().ok(), right.parse::<i64>().ok());
                if let (Some(left), Some(right)) = numbers {
                    let result = match sign {
                        "+" => left.checked_add(right),
                        "-" => left.checked_sub(right),
                        "*" => left.checked_mul(right),
                        "//" => left.checked_div(right),
                        "**" => u32::try_from(right).ok().and_then(|right| left.checked_pow(right)),
                        "<<" => u32::try_from(right).ok().filter(|right| *right < 62).and_then(|right| left.checked_mul(1_i64 << right)),
                        _ => None,
                    };
                    return result.map(|result| result.to_string());
                }
                let texts = sign == "+" && left.len() + right.len() < 4_000;
                texts.then(|| left + &right)
            }
            "identifier" => {
                let name = self.text(node);
                if let Some(code) = status(name) {
                    return Some(code);
                }
                let (place, binding) = self.lookup(symbol, name, node.start_byte())?;
                match binding {
                    // A name that is bound twice is no constant.
                    Binding { bind: Bind::Value(value, _), .. } if self.times(place, name) == 1 => matches!(
                        bare(value).kind(),
                        "string" | "concatenated_string" | "integer" | "float" | "true" | "false" | "unary_operator" | "binary_operator"
                    )
                    .then(|| self.constant(value, place, depth + 1))
                    .flatten(),
                    _ => None,
                }
            }
            "attribute" => status(self.text(field(node, "attribute")?)),
            _ => None,
        }
    }

    /// The list or dictionary that a name stands for, where it is bound once.
    fn collection(&self, node: Node<'t>, symbol: u32) -> Option<(Node<'t>, u32)> {
        let (place, binding) = self.lookup(symbol, self.text(node), node.start_byte())?;
        match binding.bind {
            Bind::Value(value, _) if self.times(place, self.text(node)) == 1 && matches!(bare(value).kind(), "list" | "tuple" | "set") => {
                Some((bare(value), place))
            }
            _ => None,
        }
    }

    fn times(&self, place: u32, name: &str) -> usize {
        self.read.scopes.get(place as usize).and_then(|scope| scope.names.get(name)).map_or(0, Vec::len)
    }

    /// The text of a string without values pasted into it.
    fn string(&self, node: Node<'t>) -> Option<String> {
        if node.kind() != "string" {
            return None;
        }
        let mut out = String::new();
        for part in children(node) {
            match part.kind() {
                "string_content" => out.push_str(self.text(part)),
                "interpolation" => return None,
                _ => {}
            }
        }
        Some(if out.contains('\\') { out.replace("\\\"", "\"").replace("\\'", "'").replace("\\\\", "\\") } else { out })
    }

    /// The source of an expression, short, with canonical names.
    pub fn compact(&self, node: Node<'t>, symbol: u32, depth: u32) -> String {
        let node = bare(node);
        if depth > 6 {
            return "...".into();
        }
        let list = |open: &str, close: &str| {
            let mut out = open.to_owned();
            for (count, part) in children(node).into_iter().enumerate() {
                if out.len() > LONGEST {
                    break;
                }
                if count > 0 {
                    out.push(',');
                }
                out.push_str(&self.part(part, symbol, depth + 1));
            }
            out + close
        };
        match node.kind() {
            "identifier" => match self.collection(node, symbol).filter(|_| depth < 3) {
                Some((value, place)) => self.compact(value, place, depth + 3),
                None => self.value_name(node, symbol).unwrap_or_default(),
            },
            "attribute" => self.value_name(node, symbol).unwrap_or_else(|| short(self.text(node), LONGEST)),
            "subscript" => {
                let parts = children(node);
                let (object, rest) = parts.split_first().map_or((None, &[][..]), |(object, rest)| (Some(*object), rest));
                let object = object.map_or_else(String::new, |object| self.compact(object, symbol, depth + 1));
                let rest: Vec<String> = rest.iter().take(8).map(|part| self.part(*part, symbol, depth + 1)).collect();
                format!("{object}[{}]", rest.join(","))
            }
            "list" => list("[", "]"),
            "tuple" | "expression_list" => list("(", ")"),
            "set" | "dictionary" => list("{", "}"),
            "call" => {
                let name = field(node, "function").map_or_else(String::new, |function| self.callee(function, symbol));
                let mut out = format!("{name}(");
                for (count, part) in field(node, "arguments").map(children).unwrap_or_default().into_iter().enumerate() {
                    if out.len() > LONGEST {
                        break;
                    }
                    if count > 0 {
                        out.push(',');
                    }
                    out.push_str(&self.part(part, symbol, depth + 1));
                }
                out + ")"
            }
            _ => short(self.text(node), LONGEST),
        }
    }

    fn part(&self, part: Node<'t>, symbol: u32, depth: u32) -> String {
        let part = bare(part);
        match part.kind() {
            "string" | "concatenated_string" => match self.constant(part, symbol, 0) {
                Some(value) => format!("\"{}\"", short(&value, LONGEST)),
                None => short(self.text(part), LONGEST),
            },
            "pair" => {
                let side = |name: &str| field(part, name).map_or_else(String::new, |side| self.part(side, symbol, depth + 1));
                format!("{}:{}", side("key"), side("value"))
            }
            "keyword_argument" => {
                let name = field(part, "name").map_or("", |name| self.text(name));
                let value = field(part, "value").map_or_else(String::new, |value| self.part(value, symbol, depth + 1));
                format!("{name}={value}")
            }
            _ => self.constant(part, symbol, 0).unwrap_or_else(|| self.compact(part, symbol, depth)),
        }
    }
}

/// The number in `HTTP_404_NOT_FOUND`, and those of the standard library's own words.
fn status(name: &str) -> Option<String> {
    if let Some(code) = name.strip_prefix("HTTP_").and_then(|rest| rest.get(..3)) {
        return code.bytes().all(|byte| byte.is_ascii_digit()).then(|| code.to_owned());
    }
    let code = match name {
        "UNAUTHORIZED" => "401",
        "FORBIDDEN" => "403",
        "NOT_FOUND" => "404",
        "TOO_MANY_REQUESTS" => "429",
        "BAD_REQUEST" => "400",
        "CONFLICT" => "409",
        "UNPROCESSABLE_ENTITY" => "422",
        "INTERNAL_SERVER_ERROR" => "500",
        "SERVICE_UNAVAILABLE" => "503",
        "REQUEST_ENTITY_TOO_LARGE" => "413",
        _ => return None,
    };
    Some(code.into())
}
