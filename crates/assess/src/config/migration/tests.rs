use super::read;
use crate::fact::{Fact, Kind};

fn facts(path: &str, text: &str) -> Vec<Fact> {
    let (_, extract) = read(path, text).expect("a migration");
    assert_eq!(extract.trouble, Vec::<String>::new());
    extract.facts
}

/// `tool value direction-or-down`.
fn step(path: &str, text: &str) -> String {
    let all = facts(path, text);
    let fact = all.iter().find(|fact| fact.kind == Kind::Value).expect("a step");
    let way = fact.get("direction").or(fact.get("down")).unwrap_or("-");
    format!("{} {} {way} {}", fact.name, fact.get("value").unwrap_or("-"), fact.line)
}

#[test]
fn each_tools_steps_are_known() {
    assert_eq!(step("src/main/resources/db/migration/V1_2__users.sql", "create table a (b int);"), "migrations.flyway 1_2 - 1");
    assert_eq!(step("db/000001_users.up.sql", "select 1;"), "migrations.golang-migrate 000001_users up 1");
    assert_eq!(step("db/000001_users.down.sql", "select 1;"), "migrations.golang-migrate 000001_users down 1");
    assert_eq!(step("migrations/20230101_users.sql", "\nselect 1;"), "migrations.sqlx 20230101_users - 2");
    assert_eq!(step("sql/1_users.sql", "-- +goose Up\nselect 1;\n-- +goose Down\n"), "migrations.goose 1_users yes 1");
    assert_eq!(step("prisma/migrations/2023_init/migration.sql", "select 1;"), "migrations.prisma 2023_init - 1");
    assert_eq!(step("migrations/2023-01-01-000000_users/up.sql", "select 1;"), "migrations.diesel 2023-01-01-000000_users up 1");
    let alembic = "revision = 'a'\ndown_revision = None\n\ndef upgrade():\n    pass\n\ndef downgrade():\n    pass\n";
    assert_eq!(step("alembic/versions/a_users.py", alembic), "migrations.alembic a_users yes 4");
    let django = "from django.db import migrations\n\nclass Migration(migrations.Migration):\n    pass\n";
    assert_eq!(step("shop/migrations/0001_initial.py", django), "migrations.django 0001_initial - 3");
    let knex = "exports.up = function (knex) {};\nexports.down = function (knex) {};\n";
    assert_eq!(step("db/migrations/20230101000000_users.js", knex), "migrations.knex 20230101000000_users yes 1");
}

#[test]
fn other_files_are_no_steps() {
    for (path, text) in [
        ("schema.sql", "create table a (b int);"),
        ("migrations/readme.md", "V1__x"),
        ("Vision__x.sql", ""),
        ("a/migrations/0001_x.py", "x = 1"),
        ("pom.xml", "<project/>"),
    ] {
        assert!(read(path, text).is_none(), "{path}");
    }
}

#[test]
fn liquibase_is_read_in_three_forms() {
    let xml = "<databaseChangeLog>\n<changeSet id=\"1\" author=\"me\">\n<createTable tableName=\"t\"><column name=\"id\"><constraints primaryKey=\"true\" nullable=\"false\"/></column></createTable>\n\
               <addForeignKeyConstraint baseTableName=\"t\" baseColumnNames=\"u\" referencedTableName=\"v\" onDelete=\"CASCADE\"/>\n<rollback/></changeSet></databaseChangeLog>";
    assert_eq!(step("db/changelog.xml", xml), "migrations.liquibase 1 yes 2");
    let all = facts("db/changelog.xml", xml);
    let names: Vec<_> =
        all.iter().filter(|fact| fact.kind == Kind::Sql).map(|fact| (fact.name.as_str(), fact.line, fact.get("on_delete"))).collect();
    assert_eq!(names, [("create table t", 3, None), ("primary key", 3, None), ("not null", 3, None), ("foreign key", 4, Some("cascade"))]);
    let yaml = "databaseChangeLog:\n  - changeSet:\n      id: 7\n      author: me\n      changes:\n        - createTable:\n            tableName: t\n";
    assert_eq!(step("db/changelog.yaml", yaml), "migrations.liquibase 7 no 3");
    assert!(facts("db/changelog.yaml", yaml).iter().any(|fact| fact.name == "create table t" && fact.line == 7));
    let sql = "--liquibase formatted sql\n--changeset me:9\ncreate table t (a int);\n--rollback drop table t;\n";
    assert_eq!(step("db/x.sql", sql), "migrations.liquibase 9 yes 2");
}

#[test]
fn a_prisma_schema_says_keys_relations_and_indexes() {
    let text = "datasource db {\n  provider = \"postgresql\"\n}\nmodel Post {\n  id Int @id\n  slug String? @unique // said\n  user User @relation(fields: [userId], references: [id], onDelete: SetNull)\n  userId Int\n  @@index([userId])\n}\n";
    let all = facts("prisma/schema.prisma", text);
    let names: Vec<_> = all.iter().map(|fact| (fact.name.as_str(), fact.line)).collect();
    let want = [
        ("prisma.datasource.provider", 2),
        ("create table Post", 4),
        ("primary key", 5),
        ("not null", 5),
        ("unique", 6),
        ("foreign key", 7),
        ("not null", 8),
        ("create index", 9),
    ];
    assert_eq!(names, want);
    assert_eq!(all.iter().find_map(|fact| fact.get("on_delete")), Some("set null"));
}

#[test]
fn steps_in_a_language_are_seen_beside_its_own_facts() {
    let text = "exports.up = function (knex) { return knex.x(); };\nexports.down = function (knex) {};\n";
    let read = crate::wiring::read("db/migrations/20230101_a.js", text.as_bytes()).expect("a file");
    assert_eq!(read.sort, "javascript");
    assert!(read.extract.facts.iter().any(|fact| fact.name == "migrations.knex"));
}
