//! What runs beside routes: signals, workers, schedules, and what browsers show.

use super::Loom;
use crate::fact::{Fact, Kind};

/// What starts a page in a browser, and the framework.
const SHOWN: &[(&str, &str)] = &[
    ("react-dom/client.createRoot", "react"),
    ("react-dom/client.hydrateRoot", "react"),
    ("react-dom.createRoot", "react"),
    ("react-dom.render", "react"),
    ("react-dom.hydrate", "react"),
    ("react-native.AppRegistry.registerComponent", "react"),
    ("vue.createApp", "vue"),
    ("vue.createSSRApp", "vue"),
    ("@angular/platform-browser.bootstrapApplication", "angular"),
    ("@angular/platform-browser-dynamic.platformBrowserDynamic.bootstrapModule", "angular"),
    ("solid-js/web.render", "solid"),
    ("preact.render", "preact"),
    ("svelte.mount", "svelte"),
];

/// What works in the background, and its library.
const WORKS: &[(&str, &str)] = &[
    ("bullmq.Worker", "bullmq"),
    ("bull.process", "bull"),
    ("bee-queue.process", "bee-queue"),
    ("agenda.define", "agenda"),
    ("@temporalio/worker.Worker.create", "temporal"),
    ("kafkajs.Kafka.consumer.run", "kafka"),
];

/// Libraries that stop a server when a signal comes.
const STOPS: &[&str] = &[
    "@godaddy/terminus.createTerminus",
    "close-with-grace",
    "http-graceful-shutdown",
    "http-terminator.createHttpTerminator",
    "stoppable",
    "fastify-graceful-shutdown",
    "lightship.createLightship",
];

pub(super) fn wire(loom: &mut Loom<'_>) {
    for (file, fact) in loom.facts() {
        if fact.kind != Kind::Call {
            continue;
        }
        let name = fact.name.as_str();
        if let Some((_, framework)) =
            SHOWN.iter().find(|(call, _)| *call == name || *call == "vue.createApp" && name == "vue" && fact.get("new").is_some())
        {
            let app = Fact::new(Kind::App, *framework, fact.line, fact.end).with("service", "ui");
            loom.put(file, fact.symbol, app);
            loom.root(file, 0);
        }
        if let Some((_, library)) = WORKS.iter().find(|(call, _)| *call == name) {
            let mut app = Fact::new(Kind::App, *library, fact.line, fact.end).with("service", "worker");
            app.attrs.extend(fact.attrs.iter().filter(|(key, _)| !matches!(key.as_str(), "receiver" | "pass" | "id")).cloned());
            loom.put(file, fact.symbol, app);
            if fact.symbol == 0 {
                loom.root(file, 0);
            }
        }
        if STOPS.contains(&name) {
            let mut hook = Fact::new(Kind::Hook, "shutdown", fact.line, fact.end).with("handler", name);
            hook.attrs.extend(fact.attrs.iter().cloned());
            hook.guard = fact.guard.clone();
            loom.put(file, fact.symbol, hook);
        }
        if name.ends_with(".listen") && (name.starts_with("http") || name.contains("createServer")) {
            loom.root(file, 0);
        }
        for passed in fact.all("pass").filter(|passed| !passed.starts_with('#')).map(str::to_owned).collect::<Vec<_>>() {
            // What is handed to somebody who calls it later runs.
            let router = crate::language::script::names::on_router(name).is_some();
            if !router
                && let Some(found) = loom.target(file, &passed)
                && let Some(symbol) = found.symbol
            {
                loom.lead((file, fact.symbol), (found.file, symbol));
            }
        }
        if matches!(name, "process.on" | "process.once" | "process.addListener") {
            signal(loom, file, fact);
        }
    }
}

/// `process.on('SIGTERM', () => server.close())`.
fn signal(loom: &mut Loom<'_>, file: usize, fact: &Fact) {
    let event = fact.get("0").unwrap_or("");
    let Some(passed) = fact.all("pass").next() else { return };
    let handler = loom.named(file, passed);
    let spot = loom.target(file, passed).and_then(|found| Some((found.file, found.symbol?)));
    let calls = spot.map_or_else(Vec::new, |spot| loom.called(spot, 2));
    let mut made = match event {
        "uncaughtException" | "unhandledRejection" => Fact::new(Kind::Handler, event, fact.line, fact.end).with("handler", handler),
        _ if event.starts_with("SIG") || event == "signal" => {
            Fact::new(Kind::Hook, "shutdown", fact.line, fact.end).with("handler", handler).with("signal", event)
        }
        _ => return,
    };
    made.attrs.extend(calls.into_iter().map(|call| ("calls".to_owned(), call)));
    made.guard = fact.guard.clone();
    loom.put(file, fact.symbol, made);
}
