//! Java: Spring, JAX-RS, Micronaut and Quarkus.

mod annotation;
mod define;
mod entity;
mod expression;
mod extract;
mod names;
mod statement;
mod tested;
mod wire;

#[cfg(test)]
mod tests;

use crate::{
    fact::{Extract, Import},
    language::Language,
    wiring::{Program, Wired},
};

/// Java.
pub struct Java;

/// Where sources begin below a module's folder.
const ROOTS: &[&str] = &["src/main/java/", "src/test/java/", "src/it/java/", "src/integrationTest/java/", "src/", "java/", "app/", ""];

impl Language for Java {
    fn name(&self) -> &'static str {
        "java"
    }
    fn extract(&self, path: &str, text: &str) -> Extract {
        extract::file(path, text)
    }
    fn resolve(&self, from: &str, import: &Import, exists: &dyn Fn(&str) -> bool) -> Option<(String, Option<String>)> {
        let module = import.module.replace('.', "/");
        // `import a.b.C` is a file, `import a.b.C.D` a class inside it, `import a.b.*` a folder.
        let wanted: Vec<(String, Option<String>)> = match &import.item {
            None => vec![(module, None)],
            Some(item) => {
                let mut all = vec![(format!("{module}/{item}.java"), Some(item.clone()))];
                if let Some((_, outer)) = import.module.rsplit_once('.') {
                    all.push((format!("{module}.java"), Some(format!("{outer}.{item}"))));
                }
                all
            }
        };
        // The source roots of the file itself come first, then those of the modules beside it.
        let mut bases: Vec<String> = Vec::new();
        let folders: Vec<&str> = from.split('/').collect();
        for length in (0..folders.len().min(12)).rev() {
            let base = folders.get(..length).map(|parts| parts.join("/")).unwrap_or_default();
            bases.push(if base.is_empty() { base } else { format!("{base}/") });
        }
        for base in &bases {
            for root in ROOTS {
                for (path, item) in &wanted {
                    let path = format!("{base}{root}{path}");
                    if exists(&path) {
                        return Some((path, item.clone()));
                    }
                }
            }
        }
        None
    }
    fn wire(&self, program: &Program<'_>) -> Wired {
        wire::program(program)
    }
}
