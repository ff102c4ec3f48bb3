//! What frameworks make of classes: which are found, what is mounted, what stands before it.

mod beans;
mod class;
mod route;
mod security;

use class::{Class, collect};

use crate::{
    fact::{Fact, Kind},
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
    let classes = collect(program);
    let mut wired = Wired::default();
    let mut apps: Vec<(Place, &Class<'_>)> = Vec::new();
    for class in &classes {
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
        apps.push((class.place(), class));
        for method in class.methods.iter().filter(|method| method.simple() == "main") {
            wired.roots.push(method.place(class));
        }
    }
    let chains = security::chains(&classes);
    let protected = security::method_security(&classes);
    beans::wire(&classes, &apps, &mut wired);
    route::wire(&classes, &chains, protected, &mut wired);
    wired.leads.sort();
    wired.leads.dedup();
    wired
}
