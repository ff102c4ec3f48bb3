use super::statements;
use crate::fact::Fact;

fn shown(text: &str) -> Vec<String> {
    statements(text, 1)
        .iter()
        .map(|fact| {
            let get = |name| fact.get(name).unwrap_or("-");
            format!("{} | {} | {} | {}", fact.name, get("table"), get("columns"), fact.line)
        })
        .collect()
}

fn named<'a>(facts: &'a [Fact], name: &str) -> &'a Fact {
    facts.iter().find(|fact| fact.name == name).expect("a fact of this name")
}

#[test]
fn a_table_says_its_columns_keys_and_constraints_with_lines() {
    let text = "-- create table no (x int);\nCREATE TABLE IF NOT EXISTS app.Users (\n  id BIGSERIAL PRIMARY KEY,\n  \"Email\" VARCHAR(200) NOT NULL UNIQUE,\n  age INT CHECK (age > 0) DEFAULT 1,\n  CONSTRAINT uq UNIQUE (a, b)\n);";
    let want = [
        "create table app.users | app.users | id,Email,age | 2",
        "primary key | app.users | id | 3",
        "not null | app.users | Email | 4",
        "unique | app.users | Email | 4",
        "check | app.users | age | 5",
        "default | app.users | age | 5",
        "unique | app.users | a, b | 6",
    ];
    assert_eq!(shown(text), want);
    let facts = statements(text, 1);
    assert_eq!(named(&facts, "check").get("clause"), Some("age > 0"));
}

#[test]
fn foreign_keys_say_what_happens_on_delete() {
    let text = "create table t (a int references u(id) on delete set null not null, b int,\n foreign key (b) references v on update cascade on delete cascade, c int references w);";
    let facts = statements(text, 1);
    let keys: Vec<_> = facts.iter().filter(|fact| fact.name == "foreign key").collect();
    let said: Vec<_> =
        keys.iter().map(|fact| (fact.get("columns"), fact.get("references"), fact.get("on_delete"), fact.get("on_update"))).collect();
    assert_eq!(
        said,
        [
            (Some("a"), Some("u(id)"), Some("set null"), Some("none")),
            (Some("b"), Some("v"), Some("cascade"), Some("cascade")),
            (Some("c"), Some("w"), Some("none"), Some("none")),
        ]
    );
    assert!(facts.iter().any(|fact| fact.name == "not null" && fact.get("columns") == Some("a")));
}

#[test]
fn indexes_and_changed_tables_are_read_in_several_dialects() {
    let text = "CREATE UNIQUE INDEX CONCURRENTLY i ON t USING gin (lower(a), b) WHERE c IS NULL;\n\
                ALTER TABLE t ADD COLUMN d int NOT NULL, ADD CONSTRAINT fk FOREIGN KEY (d) REFERENCES u (id), DROP COLUMN e;\n\
                CREATE TABLE `m` (`id` int(11) NOT NULL AUTO_INCREMENT, PRIMARY KEY (`id`), KEY `k` (`id`)) ENGINE=InnoDB;\n\
                CREATE TABLE [dbo].[S] ([id] int, [tags] text[]);";
    let want = [
        "create index | t | lower(a), b | 1",
        "alter table add column | t | - | 2",
        "not null | t | d | 2",
        "alter table add constraint | t | - | 2",
        "foreign key | t | d | 2",
        "alter table drop column | t | - | 2",
        "create table m | m | id | 3",
        "not null | m | id | 3",
        "primary key | m | id | 3",
        "create index | m | id | 3",
        "create table dbo.S | dbo.S | id,tags | 4",
    ];
    assert_eq!(shown(text), want);
    let facts = statements(text, 1);
    let index = named(&facts, "create index");
    assert_eq!((index.get("unique"), index.get("concurrently"), index.get("where")), (Some("yes"), Some("yes"), Some("c is null")));
}

#[test]
fn functions_with_semicolons_and_strings_do_not_break_the_cutting() {
    let text = "create function f() returns int as $body$ begin; create table no(a int); end $body$ language sql;\ninsert into t values ('a;b''c', 1);\ninsert into t values ('x');\n/* create table no2 (a int); */ set lock_timeout = '5s';\ncreate policy p on t using (true);\nalter table t enable row level security;";
    let want = [
        "create function | - | - | 1",
        "insert | t | - | 2",
        "set lock_timeout | - | - | 4",
        "create policy | t | - | 5",
        "alter table enable row level security | t | - | 6",
    ];
    assert_eq!(shown(text), want);
}

#[test]
fn hostile_text_neither_falls_nor_hangs() {
    for text in [
        "create table",
        "create table (((((",
        "'",
        "$$",
        "create index on",
        "alter table x add",
        "\u{e9}\u{1f600} (",
        "create table é (ü int);",
    ] {
        assert!(statements(text, 1).len() < 5);
    }
    let deep = format!("create table t {}", "(".repeat(100_000));
    assert!(statements(&deep, 1).len() < 5);
    let many = "create table t (a int, ".repeat(20_000);
    assert!(statements(&many, 1).len() < 25_000);
}
