//! One tenant into an archive.

use std::{collections::BTreeMap, sync::Arc};

use plimsoll_core::{Clock, Code, Id, Kind as IdKind, Result, Seed, TenantId, Time};
use plimsoll_store::{Row, Scope, Store, Table, Tx, bind, put_row};
use serde::Serialize;
use serde_json::json;

use crate::archive::{
    backup::applied,
    format::{ArchiveWriter, Keys, Kind, Manifest, Sink, Table as Head, Written},
};

/// Ids of archives of tenants.
enum Export {}
impl IdKind for Export {
    const PREFIX: &'static str = "tar";
}

/// What was exported.
#[derive(Debug, Clone, Serialize)]
pub struct Exported {
    /// The archive's own id.
    pub id: String,
    /// Whose.
    pub tenant: TenantId,
    /// Rows by table, tables without rows left out.
    pub tables: BTreeMap<String, u64>,
    /// All rows.
    pub rows: u64,
    /// Length in bytes.
    pub bytes: u64,
    /// SHA-256 of the whole file, in hexadecimal.
    pub digest: String,
}

/// Writes everything that belongs to a tenant into `sink`, from one snapshot; also gives the sink
/// back. Memory does not grow with the data.
///
/// # Errors
/// [`Code::NotFound`] for a tenant that is not there; what the database and the sink say.
pub async fn export<S: Sink + Send + 'static>(
    store: &Store,
    tenant: TenantId,
    keys: &Arc<Keys>,
    clock: &Clock,
    seed: &Seed,
    sink: S,
) -> Result<(Exported, S)> {
    let id = Id::<Export>::new(clock.now(), seed).to_string();
    export_as(store, tenant, id, clock.now(), keys, seed, sink).await
}

/// As [`export`], under this id, of data that is as of this moment.
pub(super) async fn export_as<S: Sink + Send + 'static>(
    store: &Store,
    tenant: TenantId,
    id: String,
    at: Time,
    keys: &Arc<Keys>,
    seed: &Seed,
    sink: S,
) -> Result<(Exported, S)> {
    let schema = applied(store).await?;
    let manifest = Manifest {
        kind: Kind::Tenant,
        id: id.clone(),
        at,
        made_by: env!("CARGO_PKG_VERSION").to_owned(),
        database: store.kind().name().to_owned(),
        tenant: Some(tenant.to_string()),
        log: None,
        schema,
    };
    let (keys, seed) = (keys.clone(), seed.clone());
    let written = store
        .snapshot(Scope::Host, move |tx| {
            let mut writer = ArchiveWriter::begin(&manifest, &keys, &seed, sink)?;
            write(tx, tenant, &mut writer)?;
            writer.finish(json!({ "tenant": tenant }))
        })
        .await?;
    let Written { sink, bytes, digest, footer, .. } = written;
    let tables = footer.tables.iter().filter(|sum| sum.rows > 0).map(|sum| (sum.name.clone(), sum.rows)).collect();
    Ok((Exported { id, tenant, tables, rows: footer.rows(), bytes, digest }, sink))
}

fn write<S: Sink>(tx: &Tx<'_>, tenant: TenantId, writer: &mut ArchiveWriter<S>) -> Result<()> {
    let tables = tx.tables()?;
    let host = |name: &str| tables.iter().find(|table| table.name == name);
    if let Some(table) = host("tenant") {
        let found = some(tx, table, "SELECT * FROM tenant WHERE id = :tenant", tenant, writer)?;
        if found == 0 {
            return Err(Code::NotFound.because("there is no such tenant"));
        }
    }
    if let Some(table) = host("person") {
        const MEMBERS: &str = "SELECT * FROM person WHERE id IN (SELECT person_id FROM member WHERE tenant_id = :tenant \
             UNION SELECT person_id FROM session WHERE tenant_id = :tenant) ORDER BY id";
        some(tx, table, MEMBERS, tenant, writer)?;
    }
    let mut bytes = Vec::new();
    for table in tables.iter().filter(|table| table.tenant) {
        writer.table(&Head { name: table.name.clone(), columns: table.names().map(str::to_owned).collect() })?;
        tx.dump(table, Some(tenant), &mut |row| {
            bytes.clear();
            put_row(&mut bytes, row)?;
            writer.row(&bytes)
        })?;
    }
    Ok(())
}

/// Rows of a table that no tenant owns, with the columns that the statement gives.
fn some<S: Sink>(tx: &Tx<'_>, table: &Table, sql: &'static str, tenant: TenantId, writer: &mut ArchiveWriter<S>) -> Result<u64> {
    let (mut columns, mut rows): (Vec<String>, Vec<Vec<u8>>) = (Vec::new(), Vec::new());
    tx.each(sql, bind! { tenant: tenant }, &mut |row| {
        if columns.is_empty() {
            columns = names(row)?;
        }
        let mut bytes = Vec::new();
        put_row(&mut bytes, row)?;
        rows.push(bytes);
        Ok(())
    })?;
    if columns.is_empty() {
        columns = table.names().map(str::to_owned).collect();
    }
    writer.table(&Head { name: table.name.clone(), columns })?;
    for bytes in &rows {
        writer.row(bytes)?;
    }
    Ok(rows.len() as u64)
}

fn names(row: &Row<'_>) -> Result<Vec<String>> {
    (0..row.len()).map(|at| row.name(at).map(str::to_owned)).collect()
}
