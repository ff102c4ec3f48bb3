//! Terraform: attributes of blocks at dotted paths, and references to what nobody declares.
//!
//! `resource.TYPE.LABEL.path`, `data.TYPE.LABEL.path`, `module.LABEL.path`, `variable.LABEL.path`,
//! `output.LABEL.path`; nested blocks are part of the path. A block by itself is a fact as well,
//! so that an empty one can be found. References are kept as `refers` (each) on the value.

use hcl_edit::{
    Span,
    expr::{Expression, TraversalOperator},
    structure::{Block, Body, Structure},
    visit::{Visit, visit_expr, visit_traversal},
};

use crate::fact::{Extract, Fact, Kind};

use super::{
    ending,
    sheet::{self, Sheet},
};

/// How many references a value may have.
const REFERENCES: usize = 64;

/// Reads a file of Terraform.
pub fn read(path: &str, text: &str) -> Option<(&'static str, Extract)> {
    if !matches!(ending(path), "tf" | "tfvars" | "hcl") || path.ends_with(".terraform.lock.hcl") {
        return None;
    }
    let mut sheet = Sheet::default();
    match text.parse::<Body>() {
        Ok(body) => {
            let lines = Lines::of(text);
            let prefix = if ending(path) == "tfvars" { "tfvars" } else { "" };
            walk(&mut sheet, &body, prefix, text, &lines);
        }
        Err(error) => {
            let line = error.location().line();
            sheet.trouble([format!("line {line}: this does not read as Terraform")]);
        }
    }
    Some(("terraform", sheet.done()))
}

/// Where lines begin, in bytes.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Lines {
        Lines(std::iter::once(0).chain(text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1)).collect())
    }
    fn at(&self, byte: usize) -> u32 {
        u32::try_from(self.0.partition_point(|begin| *begin <= byte)).unwrap_or(u32::MAX)
    }
    fn range(&self, span: Option<std::ops::Range<usize>>) -> (u32, u32) {
        span.map_or((1, 1), |span| (self.at(span.start), self.at(span.end.saturating_sub(1).max(span.start))))
    }
}

/// The reader bounds how deep blocks stand; this walk has a stack of its own all the same.
fn walk(sheet: &mut Sheet, body: &Body, prefix: &str, text: &str, lines: &Lines) {
    let mut stack: Vec<(&Body, String)> = vec![(body, prefix.to_owned())];
    while let Some((body, path)) = stack.pop() {
        let join = |name: &str| if path.is_empty() { name.to_owned() } else { sheet::cut(&format!("{path}.{name}"), 240).to_owned() };
        let mut below = Vec::new();
        for structure in body.iter() {
            match structure {
                Structure::Attribute(attribute) => {
                    let (line, end) = lines.range(attribute.span());
                    value(sheet, &join(attribute.key.as_str()), &attribute.value, (line, end), text, lines);
                }
                Structure::Block(block) => {
                    let name = join(&label(block));
                    let (line, end) = lines.range(block.span());
                    sheet.push(Fact::new(Kind::Terraform, name.clone(), line, end).with("value", "").with("block", "yes"));
                    below.push((&block.body, name));
                }
            }
        }
        stack.extend(below.into_iter().rev());
    }
}

fn label(block: &Block) -> String {
    let mut name = block.ident.as_str().to_owned();
    for label in &block.labels {
        name.push('.');
        name.push_str(sheet::cut(label.as_str(), 80));
    }
    name
}

fn value(sheet: &mut Sheet, path: &str, expression: &Expression, place: (u32, u32), text: &str, lines: &Lines) {
    // Objects are paths, as blocks are: `tags = { a = 1 }`.
    if let Expression::Object(object) = expression {
        for (key, value) in object.iter().take(400) {
            let (line, end) = lines.range(value.expr().span());
            let name = match key {
                hcl_edit::expr::ObjectKey::Ident(ident) => ident.as_str().to_owned(),
                hcl_edit::expr::ObjectKey::Expression(Expression::String(text)) => text.as_str().to_owned(),
                hcl_edit::expr::ObjectKey::Expression(_) => "*".to_owned(),
            };
            leaf(sheet, sheet::cut(&format!("{path}.{name}"), 240), value.expr(), (line.max(place.0), end.max(place.0)), text);
        }
        if !object.is_empty() {
            return;
        }
    }
    leaf(sheet, path, expression, place, text);
}

fn leaf(sheet: &mut Sheet, path: &str, expression: &Expression, (line, end): (u32, u32), text: &str) {
    let plain = match expression {
        Expression::String(text) => text.as_str().to_owned(),
        Expression::Bool(is) => is.to_string(),
        Expression::Null(_) => String::new(),
        other => other.span().and_then(|span| text.get(span)).unwrap_or_default().trim_matches('"').to_owned(),
    };
    let mut fact = Fact::new(Kind::Terraform, path, line, end).with("value", sheet::value(&plain));
    let mut references = References(Vec::new());
    references.visit_expr(expression);
    for reference in references.0 {
        fact = fact.with("refers", reference);
    }
    sheet.push(fact);
}

/// What an expression refers to: `aws_lb.main`, `var.name`, `module.x`, `data.aws_ami.y`.
struct References(Vec<String>);

impl Visit for References {
    fn visit_expr(&mut self, node: &Expression) {
        if self.0.len() < REFERENCES {
            visit_expr(self, node);
        }
    }
    fn visit_traversal(&mut self, node: &hcl_edit::expr::Traversal) {
        if let Expression::Variable(root) = &node.expr {
            let wanted = if root.as_str() == "data" { 2 } else { 1 };
            let mut parts = vec![root.as_str().to_owned()];
            for operator in node.operators.iter().take(wanted) {
                match operator.value() {
                    TraversalOperator::GetAttr(name) => parts.push(name.as_str().to_owned()),
                    _ => break,
                }
            }
            if parts.len() == wanted + 1 {
                let reference = sheet::value(&parts.join("."));
                if !self.0.contains(&reference) && self.0.len() < REFERENCES {
                    self.0.push(reference);
                }
            }
        }
        visit_traversal(self, node);
    }
}
