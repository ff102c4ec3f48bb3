//! Classes that are tables: JPA's entities.

use tree_sitter::Node;

use super::{
    define::members,
    extract::Reader,
    names::{children, compact, lines, text},
};
use crate::fact::{Fact, Kind};

impl<'t> Reader<'t> {
    /// Facts of the table that an entity is.
    pub fn entity(&mut self, node: Node<'t>, decorators: &[String], symbol: u32) {
        if !decorators.iter().any(|name| name.ends_with("persistence.Entity") || name.ends_with("relational.core.mapping.Table")) {
            return;
        }
        let Some(body) = node.child_by_field_name("body") else { return };
        let class = node.child_by_field_name("name").map_or("", |name| text(name, self.source)).to_owned();
        let mut table = class.clone();
        let (line, end) = lines(node);
        let mut found = Vec::new();
        for annotation in self.annotations(node) {
            let name = self.annotation_name(annotation);
            if !name.ends_with(".Table") {
                continue;
            }
            let arguments = self.annotation_arguments(annotation);
            if let Some((_, said)) = arguments.iter().find(|(key, _)| key == "name" || key == "0") {
                table.clone_from(said);
            }
            let written = compact(text(annotation, self.source));
            for (mark, kind) in [("@Index(", "create index"), ("@UniqueConstraint(", "unique")] {
                for part in written.split(mark).skip(1) {
                    let columns = part.split_once("column").and_then(|(_, rest)| rest.split('"').nth(1)).unwrap_or_default();
                    let (line, end) = lines(annotation);
                    found.push((kind, columns.to_owned(), line, end, Vec::new()));
                }
            }
        }
        let mut columns = Vec::new();
        for member in members(body).into_iter().filter(|member| member.kind() == "field_declaration") {
            let Some(name) = children(member)
                .into_iter()
                .find(|child| child.kind() == "variable_declarator")
                .and_then(|one| one.child_by_field_name("name"))
            else {
                continue;
            };
            let modifiers =
                children(member).into_iter().find(|child| child.kind() == "modifiers").map_or("", |child| text(child, self.source));
            if modifiers.contains("static ") || modifiers.contains("@Transient") {
                continue;
            }
            let field = text(name, self.source).to_owned();
            let of = member.child_by_field_name("type").map_or(String::new(), |of| compact(text(of, self.source)));
            let (line, end) = lines(member);
            let mut column = field.clone();
            let mut marks: Vec<(&str, Vec<(&str, String)>)> = Vec::new();
            let mut many = false;
            for annotation in self.annotations(member) {
                let name = self.annotation_name(annotation);
                let arguments = self.annotation_arguments(annotation);
                let get = |key: &str| arguments.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone());
                match name.rsplit('.').next().unwrap_or_default() {
                    "Id" | "EmbeddedId" => marks.push(("primary key", Vec::new())),
                    "NotNull" | "NotBlank" | "NotEmpty" => {}
                    "Version" => marks.push(("version", Vec::new())),
                    "OneToMany" | "ManyToMany" | "ElementCollection" => many = true,
                    "ManyToOne" | "OneToOne" if get("mappedBy").is_none() => marks.push(("foreign key", vec![("references", of.clone())])),
                    "OneToOne" => many = true,
                    "Column" | "JoinColumn" => {
                        if let Some(said) = get("name") {
                            column = said;
                        }
                        if get("nullable").as_deref() == Some("false") {
                            marks.push(("not null", Vec::new()));
                        }
                        if get("unique").as_deref() == Some("true") {
                            marks.push(("unique", Vec::new()));
                        }
                    }
                    "OnDelete" => marks.push((
                        "on delete",
                        vec![("on_delete", get("action").unwrap_or_default().rsplit('.').next().unwrap_or_default().to_ascii_lowercase())],
                    )),
                    _ => {}
                }
            }
            if many {
                continue;
            }
            let delete = marks
                .iter()
                .find(|(kind, _)| *kind == "on delete")
                .and_then(|(_, more)| more.first())
                .map_or("none".to_owned(), |(_, value)| value.clone());
            for (kind, mut more) in marks.into_iter().filter(|(kind, _)| *kind != "on delete") {
                if kind == "foreign key" {
                    more.push(("on_delete", delete.clone()));
                }
                found.push((kind, column.clone(), line, end, more));
            }
            columns.push(column);
        }
        let about = |name: String, line: u32, end: u32| Fact::new(Kind::Sql, name, line, end).within(symbol).with("table", table.clone());
        let whole = about(format!("create table {table}"), line, end).with("columns", columns.join(",")).with("lang", "java");
        let parts: Vec<Fact> = found
            .into_iter()
            .map(|(kind, columns, line, end, more)| {
                let fact = about(kind.to_owned(), line, end).with("columns", columns);
                more.into_iter().fold(fact, |fact, (key, value)| fact.with(key, value)).with("lang", "java")
            })
            .collect();
        self.push(whole);
        for part in parts {
            self.push(part);
        }
    }
}
