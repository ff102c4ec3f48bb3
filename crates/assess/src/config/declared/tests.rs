use crate::{fact::Kind, source::Tree, wiring};

/// Every fact of the schema: its name, table, columns, line and what it says of deletion.
fn said(path: &str, text: &str) -> Vec<String> {
    let facts = wiring::facts(&Tree::of([(path, text)]));
    let of = |fact: &crate::fact::Fact, key: &str| fact.get(key).unwrap_or("").to_owned();
    let mut all: Vec<String> = facts
        .of(Kind::Sql)
        .map(|fact| {
            format!("{} {} {} {} {}", fact.line, fact.name, of(fact, "table"), of(fact, "columns"), of(fact, "on_delete")).trim().to_owned()
        })
        .collect();
    all.sort();
    all
}

#[test]
fn statements_in_texts_of_programs_define_tables() {
    let go = "package migrations\n\nconst accounts = `\nCREATE TABLE accounts (\n  id serial NOT NULL,\n  email text NOT NULL UNIQUE\n)`\n";
    assert_eq!(said("db/first.go", go).len(), 4, "{:?}", said("db/first.go", go));
    let long = format!(
        "import psycopg\nSQL = (\n    \"CREATE TABLE IF NOT EXISTS songs (\"\n    \"id bigint PRIMARY KEY, {} \"\n    \"artist bigint NOT NULL REFERENCES artist (id) ON DELETE CASCADE)\"\n)\n",
        "title text, ".repeat(30)
    );
    let python = said("app/tables.py", &long);
    assert!(python.iter().any(|one| one.contains("foreign key songs artist cascade")), "{python:?}");
    let script = "export async function up(knex) {\n  const checked = 'IF NOT EXISTS';\n  await knex.raw(`CREATE INDEX ${checked} links_user ON links (user_id);`);\n}\n";
    assert!(said("migrations/20240101_a.js", script).contains(&"3 create index links user_id".to_owned()));
    assert!(said("tests/test_a.py", "SQL = 'CREATE TABLE a (id int NOT NULL)'\n").is_empty(), "what tests create");
    assert!(said("app/a.py", "SQL = 'SELECT a FROM b'\n").is_empty());
}

#[test]
fn the_builder_of_knex_is_read_column_by_column() {
    let text = "exports.up = (knex) => knex.schema.createTable('links', (table) => {\n  table.increments('id').primary();\n  table.string('address').notNullable().unique();\n  table\n    .integer('user_id')\n    .references('id')\n    .inTable('users')\n    .onDelete('SET NULL');\n  table.index(['address']);\n});\nexports.down = (knex) => knex.schema.alterTable('links', (table) => {\n  table.dropUnique(['address']);\n});\n";
    let found = said("migrations/20240101_links.js", text);
    for one in [
        "1 create table links links",
        "2 primary key links id",
        "3 not null links address",
        "3 unique links address",
        "4 foreign key links user_id set null",
        "9 create index links address",
    ] {
        assert!(found.contains(&one.to_owned()), "{one}: {found:?}");
    }
    assert!(!found.iter().any(|one| one.starts_with("12 ")), "{found:?}");
}

#[test]
fn tables_of_drizzle_and_sequelize_have_their_rules() {
    let drizzle = "import { pgTable, text, index, integer } from 'drizzle-orm/pg-core';\nexport const songs = pgTable('songs', {\n  id: integer('id').primaryKey(),\n  title: text('title').notNull(),\n  artist: integer('artist').references(() => artists.id, { onDelete: 'cascade' }),\n}, (t) => [index('by_artist').on(t.artist)]);\n";
    let found = said("src/schema.ts", drizzle);
    for one in ["3 primary key songs id", "4 not null songs title", "5 foreign key songs artist cascade", "6 create index songs artist"] {
        assert!(found.contains(&one.to_owned()), "{one}: {found:?}");
    }
    let sequelize = "module.exports = (sequelize, DataTypes) => sequelize.define('Song', {\n  title: {\n    type: DataTypes.STRING,\n    allowNull: false,\n    unique: true,\n  },\n  artistId: {\n    type: DataTypes.INTEGER,\n    references: { model: 'artists', key: 'id' },\n    onDelete: 'CASCADE',\n  },\n});\n";
    let found = said("models/song.js", sequelize);
    for one in ["2 not null Song title", "2 unique Song title", "7 foreign key Song artistId cascade"] {
        assert!(found.contains(&one.to_owned()), "{one}: {found:?}");
    }
}

#[test]
fn tags_of_gorm_and_migrations_of_sea_orm_say_what_holds() {
    let go = "package model\n\ntype Song struct {\n\tID     uint   `gorm:\"primaryKey\"`\n\tTitle  string `gorm:\"not null;uniqueIndex:by_title\" json:\"title\"`\n\tLabel  string `gorm:\"index\"`\n\tArtist Artist `gorm:\"constraint:OnUpdate:CASCADE,OnDelete:SET NULL;\"`\n}\n";
    assert_eq!(
        said("model/song.go", go),
        [
            "4 primary key Song ID",
            "5 create unique index Song Title",
            "5 not null Song Title",
            "6 create index Song Label",
            "7 foreign key Song Artist set null"
        ]
    );
    let rust = "impl MigrationTrait for Migration {\n    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {\n        manager.create_table(Table::create().table(Song::Table)\n            .col(ColumnDef::new(Song::Title).string().not_null().unique_key())\n            .foreign_key(ForeignKey::create().from(Song::Table, Song::Artist).on_delete(ForeignKeyAction::Cascade))\n            .to_owned()).await\n    }\n}\n";
    let found = said("migration/src/m1.rs", rust);
    for one in ["4 not null", "4 unique", "5 foreign key   cascade"] {
        assert!(found.contains(&one.to_owned()), "{one}: {found:?}");
    }
}
