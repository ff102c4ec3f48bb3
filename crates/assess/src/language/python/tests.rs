use super::Python;
use crate::language::Language;

#[test]
fn prints() {
    let dir = std::env::args().last().unwrap_or_default();
    let _ = (dir, Python.name());
}
