use super::facts_of;
use crate::fact::Kind;

fn broken(files: &[(&str, &str)]) -> Vec<(String, u32, String)> {
    let facts = facts_of(files);
    facts.of(Kind::Broken).map(|fact| (facts.path(fact.file).to_owned(), fact.line, fact.name.clone())).collect()
}

#[test]
fn an_import_of_a_name_that_its_module_has_not_is_broken() {
    let found = broken(&[
        ("app/__init__.py", ""),
        ("app/models.py", "from .base import Base\n# AuditLog will come\nclass User(Base):\n    pass\nTABLES = [User]\n"),
        ("app/base.py", "class Base:\n    pass\n"),
        ("app/audit.py", "from app.models import User, AuditLog, TABLES, Base\n"),
    ]);
    assert_eq!(found, [("app/audit.py".to_owned(), 1, "app.models.AuditLog".to_owned())]);
}

#[test]
fn an_import_of_a_module_that_its_package_has_not_is_broken() {
    let found = broken(&[
        ("app/__init__.py", ""),
        ("app/sub/__init__.py", ""),
        (
            "app/a.py",
            "from app.gone import x\nfrom .also_gone import y\nfrom app.sub import z\nimport os.path\nimport yaml.nodes\nfrom app import sub\n",
        ),
    ]);
    let names: Vec<(u32, &str)> = found.iter().map(|(_, line, name)| (*line, name.as_str())).collect();
    assert_eq!(names, [(1, "app.gone"), (2, "app.also_gone"), (3, "app.sub.z")]);
}

#[test]
fn an_import_that_may_fail_and_one_of_a_built_module_are_not_broken() {
    let text = "try:\n    from app.fast import run\nexcept ImportError:\n    run = None\nfrom app.api_pb2 import Message\n";
    assert_eq!(broken(&[("app/__init__.py", ""), ("app/a.py", text)]), []);
}

#[test]
fn a_script_that_is_not_beside_is_broken_and_a_picture_is_not() {
    let found = broken(&[
        ("web/package.json", "{}"),
        (
            "web/src/a.ts",
            "import { b } from './b';\nimport { c } from './c';\nimport logo from './logo.svg';\nimport './style.css';\nb(c, logo);\n",
        ),
        ("web/src/b.ts", "export function b() {}\n"),
    ]);
    assert_eq!(found, [("web/src/a.ts".to_owned(), 2, "./c".to_owned())]);
}
