//! Ruby and Java, by their manifests alone.

use super::{
    declared,
    found::{Evidence, Gives, RouteSeen, Service, Start},
    tree::{Tree, parent},
    words,
};

/// Rails, Sinatra and other Rack applications; Spring Boot.
pub fn recognise(tree: &Tree) -> Vec<Service> {
    let mut found = Vec::new();
    for (path, text) in &tree.texts {
        match path.rsplit('/').next() {
            Some("config.ru") => found.push(rack(tree, path)),
            Some("pom.xml" | "build.gradle" | "build.gradle.kts") => found.extend(spring(tree, path, text)),
            _ => {}
        }
    }
    found
}

fn rack(tree: &Tree, path: &str) -> Service {
    let root = parent(path);
    let gems = tree.text(root, "Gemfile");
    let named = |gem: &str| gems.as_ref().filter(|(_, text)| text.contains(&format!("\"{gem}\"")) || text.contains(&format!("'{gem}'")));
    let framework = if named("rails").is_some() {
        "Rails"
    } else if named("sinatra").is_some() {
        "Sinatra"
    } else {
        "Rack"
    };
    let mut service = Service::new(root, root, framework);
    service.score = 20;
    let mut start = Start { evidence: vec![Evidence::file(path, "a Rack application")], ..Start::default() };
    let server = if named("puma").is_some() { "puma" } else { "rackup" };
    start.words = match server {
        "puma" => ["bundle", "exec", "puma", "-b", "tcp://127.0.0.1:$PORT"].map(str::to_owned).to_vec(),
        _ => ["bundle", "exec", "rackup", "-o", "127.0.0.1", "-p", "$PORT"].map(str::to_owned).to_vec(),
    };
    if let Some((path, text)) = named(server) {
        start.evidence.push(Evidence::text(path, text, server, format!("needs {server}")));
    }
    for one in declared::commands(tree, root) {
        start.notes.push(format!("not taken over: `{}` ({})", words::line(&one.words), one.evidence.place()));
    }
    service.start = start;
    if let Some(source) = tree.source(&super::tree::join(root, "config/routes.rb"))
        && let Some(line) = source.mentions("rails/health#show")
    {
        service.routes.push(RouteSeen {
            method: Some("GET"),
            path: "/up".into(),
            gives: Gives::Answers,
            certain: true,
            evidence: Evidence::line(&source.path, line, "route /up"),
        });
    }
    service
}

fn spring(tree: &Tree, path: &str, text: &str) -> Option<Service> {
    let root = parent(path);
    let program = tree.sources.iter().find(|source| {
        source.text.contains("@SpringBootApplication") && tree.unit(&source.path, &["pom.xml", "build.gradle", "build.gradle.kts"]) == root
    })?;
    let mut service = Service::new(root, root, "Spring Boot");
    service.score = 20;
    let maven = path.ends_with("pom.xml");
    let (build, jar) = if maven { ("./mvnw package", "target/app.jar") } else { ("./gradlew bootJar", "build/libs/app.jar") };
    service.start = Start {
        words: ["java", "-jar", jar, "--server.address=127.0.0.1", "--server.port=$PORT"].map(str::to_owned).to_vec(),
        before: vec![build.to_owned()],
        evidence: vec![Evidence::text(path, text, "spring-boot", "needs Spring Boot")],
        notes: vec![format!("write the name of the jar that the build makes instead of {jar}")],
        ..Start::default()
    };
    service
        .start
        .evidence
        .extend(program.mentions("@SpringBootApplication").map(|line| Evidence::line(&program.path, line, "the application")));
    if text.contains("spring-boot-starter-actuator") {
        let evidence = Evidence::text(path, text, "spring-boot-starter-actuator", "brings /actuator/health");
        service.routes.push(RouteSeen {
            method: Some("GET"),
            path: "/actuator/health".into(),
            gives: Gives::Answers,
            certain: true,
            evidence,
        });
    }
    Some(service)
}
