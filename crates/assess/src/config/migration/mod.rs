//! Changes of a schema that are kept in order: one fact `migrations.TOOL` for each step, whatever the tool.

mod liquibase;
mod prisma;

#[cfg(test)]
mod tests;

use crate::fact::{Extract, Fact, Kind};

/// Reads a step of any tool. Languages' own files (Alembic, Django, Knex, TypeORM) are known by path and by what they declare.
pub fn read(path: &str, text: &str) -> Option<(&'static str, Extract)> {
    let name = path.rsplit('/').next().unwrap_or(path);
    if name.ends_with(".prisma") {
        return Some(("prisma", prisma::schema(text)));
    }
    if let Some(extract) = liquibase::changelog(name, text) {
        return Some(("liquibase", extract));
    }
    let (tool, fact) = step(path, name, text)?;
    Some((tool, Extract { facts: vec![fact], ..Extract::default() }))
}

/// One step: `value` its version or name, `down` yes where the way back is in the same file, `direction` up or down where each has its own.
fn step(path: &str, name: &str, text: &str) -> Option<(&'static str, Fact)> {
    let (stem, ending) = name.rsplit_once('.')?;
    let folder = |want: &str| path.split('/').rev().skip(1).any(|part| part == want);
    let digits = stem.bytes().take_while(u8::is_ascii_digit).count();
    if !matches!(ending, "sql" | "py" | "js" | "ts" | "cjs" | "mjs" | "rb" | "go" | "java" | "rs") {
        return None;
    }
    let head = head(text, 4_000);
    let parent = path.rsplit('/').nth(1).unwrap_or_default();
    let mut down = None;
    let mut version = stem.to_owned();
    let tool = match ending {
        "sql" => {
            if let Some((number, _)) = stem
                .strip_prefix(['V', 'U', 'B', 'R'])
                .and_then(|rest| rest.split_once("__"))
                .filter(|(number, _)| number.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'_')))
            {
                if stem.starts_with('U') {
                    down = Some("down");
                }
                number.clone_into(&mut version);
                "flyway"
            } else if head.contains("-- +goose") {
                "goose"
            } else if head.contains("-- +migrate") {
                "sql-migrate"
            } else if head.contains("-- migrate:up") {
                "dbmate"
            } else if stem == "migration" && folder("migrations") {
                parent.clone_into(&mut version);
                "prisma"
            } else if matches!(stem, "up" | "down") && parent.bytes().next().is_some_and(|byte| byte.is_ascii_digit()) {
                parent.clone_into(&mut version);
                down = Some(if stem == "up" { "up" } else { "down" });
                "diesel"
            } else if let Some(rest) = stem.strip_suffix(".up").filter(|_| digits > 0) {
                (version, down) = (rest.to_owned(), Some("up"));
                "golang-migrate"
            } else if let Some(rest) = stem.strip_suffix(".down").filter(|_| digits > 0) {
                (version, down) = (rest.to_owned(), Some("down"));
                "golang-migrate"
            } else if digits > 0 && head.contains("--> statement-breakpoint") {
                "drizzle"
            } else if digits > 0 && folder("supabase") {
                "supabase"
            } else if digits > 0 && (folder("migrations") || folder("migration")) {
                "sqlx"
            } else {
                return None;
            }
        }
        "py" if head.contains("revision") && head.contains("down_revision") && says(text, "def upgrade(") => "alembic",
        "py" if parent == "migrations" && says(text, "class Migration(") && text.contains("migrations.Migration") => "django",
        "js" | "ts" | "cjs" | "mjs" if digits >= 4 && (folder("migrations") || folder("migration")) => {
            if text.contains("MigrationInterface") || text.contains("queryRunner") {
                "typeorm"
            } else if text.contains("queryInterface") {
                "sequelize"
            } else if says(text, "exports.up")
                || says(text, "export async function up")
                || says(text, "export function up")
                || says(text, "exports = {")
            {
                "knex"
            } else {
                return None;
            }
        }
        "rb" if parent == "migrate" && digits >= 8 => "rails",
        "go" if text.contains("goose.AddMigration") => "goose",
        "java" if stem.starts_with('V') && stem.contains("__") && text.contains("BaseJavaMigration") => "flyway",
        "rs" if text.contains("MigrationTrait") && text.contains("SchemaManager") => "sea-orm",
        _ => return None,
    };
    let back = [
        "def downgrade(",
        "exports.down",
        "function down",
        "async down(",
        "+goose Down",
        "+migrate Down",
        "-- migrate:down",
        "def down",
        "fn down(",
    ];
    let line = first_line(tool, text);
    let last = u32::try_from(text.lines().count()).unwrap_or(u32::MAX).max(line);
    let mut fact = Fact::new(Kind::Value, format!("migrations.{tool}"), line, last).with("value", version);
    if let Some(direction) = down {
        fact = fact.with("direction", direction);
    } else if !matches!(tool, "flyway" | "prisma" | "drizzle" | "supabase" | "sqlx" | "django") {
        fact = fact.with("down", if back.iter().any(|word| text.contains(word)) { "yes" } else { "no" });
    }
    Some((tool, fact))
}

/// The first characters of a text.
fn head(text: &str, most: usize) -> &str {
    text.char_indices().nth(most).map_or(text, |(end, _)| text.get(..end).unwrap_or(text))
}

/// Whether a line begins so, apart from spaces.
fn says(text: &str, start: &str) -> bool {
    text.lines().any(|line| {
        line.trim_start().starts_with(start) || line.trim_start().strip_prefix("module.").is_some_and(|rest| rest.starts_with(start))
    })
}

/// The line on which the step itself begins.
fn first_line(tool: &str, text: &str) -> u32 {
    let start = match tool {
        "alembic" => "def upgrade(",
        "django" => "class Migration(",
        _ => "",
    };
    let begins = |line: &str| !line.trim().is_empty() && line.trim_start().starts_with(start);
    text.lines().zip(1u32..).find(|(line, _)| begins(line)).map_or(1, |(_, number)| number)
}
