//! The SQL of a resource, composed once from its declaration.
//!
//! Every piece is made from names in the source and lives as long as the process, which is what
//! lets [`plimsoll_store::Sql`] refuse anything that comes from a caller.

use plimsoll_store::{Sql, Value};

use super::{FieldKind, Resource};

/// A value that a statement binds, owned.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Owned {
    Null,
    Int(i64),
    Real(f64),
    Text(String),
}

impl Owned {
    pub(crate) fn borrow(&self) -> Value<'_> {
        match self {
            Owned::Null => Value::Null,
            Owned::Int(value) => Value::Int(*value),
            Owned::Real(value) => Value::Real(*value),
            Owned::Text(value) => Value::Text(value),
        }
    }
}

/// Named values, owned; names are static.
pub(crate) type Bound = Vec<(&'static str, Owned)>;

/// Lends owned values to a statement.
pub(crate) fn lend<'b>(bound: &'b [(&'static str, Owned)]) -> Vec<(&'static str, Value<'b>)> {
    bound.iter().map(|(name, value)| (*name, value.borrow())).collect()
}

/// A resource with its statements.
pub struct Statements {
    /// The declaration.
    pub resource: &'static Resource,
    /// `SELECT t.id, t.…, t.version, t.deleted_at`
    pub(super) select: &'static str,
    /// The same with the columns of what `include` may embed.
    pub(super) select_included: &'static str,
    /// ` FROM song t`
    pub(super) from: &'static str,
    /// The same with the joins for `include`.
    pub(super) from_included: &'static str,
    pub(super) insert: &'static str,
    pub(super) update: &'static str,
    pub(super) delete: &'static str,
    pub(super) restore: &'static str,
    pub(super) children: Vec<ChildStatements>,
}

pub(super) struct ChildStatements {
    pub(super) count: &'static str,
    pub(super) delete: &'static str,
    pub(super) restore: &'static str,
    pub(super) noun: &'static str,
    pub(super) plural: &'static str,
    pub(super) read: plimsoll_core::Access,
}

fn keep(text: String) -> &'static str {
    String::leak(text)
}

impl Statements {
    /// Composes them. Called once per resource and process.
    pub fn of(resource: &'static Resource) -> Statements {
        let Resource { table, fields, .. } = resource;
        let names: Vec<&str> = fields.iter().map(|field| field.name).collect();
        let columns: String = names.iter().map(|name| format!(", t.{name}")).collect();
        let select = format!("SELECT t.id{columns}, t.version, t.deleted_at");
        let (mut joined_columns, mut joins) = (String::new(), String::new());
        for (position, field) in fields.iter().enumerate() {
            if let FieldKind::Reference(target) = field.kind {
                let alias = format!("r{position}");
                joined_columns.push_str(&format!(", {alias}.id"));
                target.fields.iter().for_each(|field| joined_columns.push_str(&format!(", {alias}.{}", field.name)));
                joins.push_str(&format!(
                    " LEFT JOIN {} {alias} ON {alias}.tenant_id = :tenant AND {alias}.id = t.{} AND {alias}.deleted_at IS NULL",
                    target.table, field.name
                ));
            }
        }
        let sent: Vec<&str> = resource.sent().map(|field| field.name).collect();
        let values: String = sent.iter().map(|name| format!(", :{name}")).collect();
        let plain: String = sent.iter().map(|name| format!(", {name}")).collect();
        let sets: String = sent.iter().map(|name| format!("{name} = :{name}, ")).collect();
        let children = resource.children.iter().map(|child| ChildStatements {
            count: keep(format!("SELECT COUNT(*) FROM {} WHERE tenant_id = :tenant AND {} = :id AND deleted_at IS NULL", child.table, child.column)),
            delete: keep(format!("UPDATE {} SET deleted_at = :now, updated_at = :now, version = version + 1 WHERE tenant_id = :tenant AND {} = :id AND deleted_at IS NULL RETURNING id, version", child.table, child.column)),
            restore: keep(format!("UPDATE {} SET deleted_at = NULL, updated_at = :now, version = version + 1 WHERE tenant_id = :tenant AND {} = :id AND deleted_at = :deleted_at RETURNING id, version", child.table, child.column)),
            noun: child.noun,
            plural: child.plural,
            read: child.read,
        });
        Statements {
            resource,
            select_included: keep(format!("{select}{joined_columns}")),
            select: keep(select),
            from: keep(format!(" FROM {table} t")),
            from_included: keep(format!(" FROM {table} t{joins}")),
            insert: keep(format!(
                "INSERT INTO {table} (tenant_id, id{plain}, version, created_at, updated_at) VALUES (:tenant, :id{values}, 1, :now, :now)"
            )),
            update: keep(format!(
                "UPDATE {table} SET {sets}version = version + 1, updated_at = :now WHERE tenant_id = :tenant AND id = :id AND deleted_at IS NULL"
            )),
            delete: keep(format!(
                "UPDATE {table} SET deleted_at = :now, updated_at = :now, version = version + 1 WHERE tenant_id = :tenant AND id = :id AND deleted_at IS NULL"
            )),
            restore: keep(format!(
                "UPDATE {table} SET deleted_at = NULL, updated_at = :now, version = version + 1 WHERE tenant_id = :tenant AND id = :id AND deleted_at IS NOT NULL"
            )),
            children: children.collect(),
        }
    }

    /// `SELECT … FROM …`, with what `include` embeds or without.
    pub(super) fn select(&self, include: bool) -> Sql {
        let mut sql = Sql::from(if include { self.select_included } else { self.select });
        sql.push(if include { self.from_included } else { self.from });
        sql
    }
}
