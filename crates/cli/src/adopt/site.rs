//! Folders of finished pages.

use super::{
    found::{Evidence, Gives, RouteSeen, Service, Start},
    tree::Tree,
};

/// Settings of site builders: the file, the command that builds, the folder it fills.
const BUILDERS: &[(&str, &str, &str)] = &[
    ("mkdocs.yml", "mkdocs build", "site"),
    ("hugo.toml", "hugo", "public"),
    ("hugo.yaml", "hugo", "public"),
    ("_config.yml", "bundle exec jekyll build", "_site"),
];
/// Where finished pages usually lie.
const FOLDERS: &[&str] = &["", "public", "dist", "build", "site", "_site", "www", "htdocs", "html", "static", "out", "docs"];

/// The static site, if that is what the project is.
pub fn recognise(tree: &Tree) -> Vec<Service> {
    let builder = BUILDERS.iter().find(|(file, ..)| tree.has("", file));
    let vite = tree.text("", "package.json").filter(|(_, text)| text.contains("\"build\""));
    let (folder, evidence, build) = match (builder, vite) {
        (Some((file, command, folder)), _) => {
            (*folder, Evidence::file(file, format!("{command} fills {folder}")), Some((*command).to_owned()))
        }
        // What a build fills is not walked, so it is looked for by name.
        (None, _) => match FOLDERS.iter().find(|folder| tree.top.join(folder).join("index.html").is_file()) {
            Some(folder) => (*folder, Evidence::file(&super::tree::join(folder, "index.html"), "a page to begin with"), None),
            None => match tree.text("", "package.json") {
                Some((path, text))
                    if text.contains("\"build\"")
                        && ["\"vite\"", "\"react-scripts\"", "\"@angular/cli\"", "\"astro\""].iter().any(|word| text.contains(word)) =>
                {
                    let folder = if text.contains("\"react-scripts\"") { "build" } else { "dist" };
                    (
                        folder,
                        Evidence::text(&path, text, "\"build\"", format!("the build fills {folder}")),
                        Some("npm run build".to_owned()),
                    )
                }
                _ => return Vec::new(),
            },
        },
    };
    let mut service = Service::new("", "", "static site");
    let folder_word = if folder.is_empty() { "." } else { folder };
    service.start = Start {
        words: ["python3", "-m", "http.server", "$PORT", "--bind", "127.0.0.1", "--directory", folder_word].map(str::to_owned).to_vec(),
        before: build.into_iter().collect(),
        evidence: vec![evidence.clone()],
        notes: vec!["any server of files does; this one is on most machines".into()],
        ..Start::default()
    };
    for path in ["/", "/{*rest}"] {
        let route = RouteSeen { method: Some("GET"), path: path.into(), gives: Gives::Files, certain: true, evidence: evidence.clone() };
        service.routes.push(route);
    }
    if folder.is_empty() {
        service
            .notes
            .push("the folder itself is handed out: move the pages into one of their own, so that nothing else can be read".into());
    }
    vec![service]
}
