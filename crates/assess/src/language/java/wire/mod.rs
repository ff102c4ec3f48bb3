//! What frameworks make of classes: which are found, what is mounted, what stands before it.

mod beans;
mod class;
mod route;
mod security;

use std::collections::BTreeMap;

use class::{Class, Classes};

use crate::{
    fact::{Fact, FileId, Kind},
    wiring::{Place, Program, Wired},
};

/// Annotations that start a program.
const APPS: &[(&str, &str)] = &[
    ("org.springframework.boot.autoconfigure.SpringBootApplication", "spring"),
    ("org.springframework.boot.autoconfigure.EnableAutoConfiguration", "spring"),
    ("io.quarkus.runtime.annotations.QuarkusMain", "quarkus"),
    ("jakarta.ws.rs.ApplicationPath", "jax-rs"),
    ("javax.ws.rs.ApplicationPath", "jax-rs"),
];

/// Reads the linked program.
pub fn program(program: &Program<'_>) -> Wired {
    let mut classes = Classes::of(program);
    let mut wired = Wired::default();
    let mut apps: Vec<usize> = Vec::new();
    for (number, class) in classes.all.iter().enumerate() {
        let named = class
            .decorators
            .iter()
            .find_map(|decorator| APPS.iter().find(|(name, _)| decorator.name == *name).map(|(_, word)| (*decorator, *word)));
        let started = class.methods.iter().find_map(|method| {
            let call = method.calls.iter().find(|call| {
                matches!(
                    call.name.as_str(),
                    "io.micronaut.runtime.Micronaut.run"
                        | "io.micronaut.runtime.Micronaut.build"
                        | "io.javalin.Javalin.create"
                        | "io.dropwizard.Application.run"
                )
            })?;
            Some((
                *call,
                if call.name.contains("micronaut") {
                    "micronaut"
                } else if call.name.contains("javalin") {
                    "javalin"
                } else {
                    "dropwizard"
                },
            ))
        });
        let Some((place, word)) = named.or(started) else { continue };
        let mut fact = Fact::new(Kind::App, word, place.line, place.end).within(class.symbol).with("var", class.simple.clone());
        fact.file = class.file;
        wired.facts.push(fact);
        wired.roots.push(class.place());
        apps.push(number);
        for method in class.methods.iter().filter(|method| method.simple() == "main") {
            wired.roots.push(method.place(class));
        }
    }
    let named: Vec<String> = apps.iter().filter_map(|number| classes.all.get(*number)).map(|class| class.module.to_owned()).collect();
    classes.apps.extend(named);
    let served = without_main(&classes, program, &mut wired);
    apps.extend(served);
    let modules: Vec<String> = apps.iter().filter_map(|number| classes.all.get(*number)).map(|class| class.module.to_owned()).collect();
    classes.apps.extend(modules);
    let apps: Vec<(Place, &Class<'_>)> =
        apps.iter().filter_map(|number| classes.all.get(*number)).map(|class| (class.place(), class)).collect();
    let chains = security::chains(&classes.all);
    beans::wire(&classes, &apps, &mut wired);
    route::wire(&classes, &chains, &mut wired);
    wired.leads.sort();
    wired.leads.dedup();
    wired
}

/// Modules with resources and no class that starts them: Quarkus and application servers do that themselves.
fn without_main(classes: &Classes<'_>, program: &Program<'_>, wired: &mut Wired) -> Vec<usize> {
    let mut found: BTreeMap<&str, usize> = BTreeMap::new();
    // A resource first; where all of them implement interfaces that are generated, a bean of Quarkus.
    for beans in [false, true] {
        for (number, class) in classes.all.iter().enumerate() {
            let resource =
                class.decorators.iter().any(|fact| fact.name.ends_with(".ws.rs.Path")) && class.def.get("sort") != Some("interface");
            let bean = class.marked(&["ApplicationScoped", "Provider", "GrpcService", "Startup"]).is_some();
            let starts = if beans { bean && from_quarkus(program, |file, _| file == class.file) } else { resource };
            if starts && !classes.apps.contains(class.module) {
                found.entry(class.module).or_insert(number);
            }
        }
    }
    for number in found.values() {
        let Some(class) = classes.all.get(*number) else { continue };
        let quarkus = from_quarkus(program, |_, path| path.starts_with(class.module));
        let name = if quarkus { "quarkus" } else { "jax-rs" };
        let mut fact = Fact::new(Kind::App, name, class.def.line, class.def.end).within(class.symbol).with("var", class.simple.clone());
        fact.file = class.file;
        wired.facts.push(fact);
        wired.roots.push(class.place());
    }
    found.into_values().collect()
}

/// Whether one of these files imports from Quarkus.
fn from_quarkus(program: &Program<'_>, wanted: impl Fn(FileId, &str) -> bool) -> bool {
    let mut files = program.files.iter().filter(|(file, path, _)| wanted(*file, path));
    files.any(|(_, _, extract)| {
        extract
            .imports
            .iter()
            .any(|import| import.module.starts_with("io.quarkus") || import.module.starts_with("org.eclipse.microprofile"))
    })
}
