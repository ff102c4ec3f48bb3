//! Objects of Kubernetes, Kustomize included.
//!
//! Every value is a fact at `Kind.path`. Two facts sum up: `workload` (`object`, `workload` the
//! kind, `replicas`, `strategy`, `grace`, `spread`, `affinity`, `service-account`) and `container`
//! (`object`, `workload`, `container`, `image`, `tag`, `digest`, `liveness`, `readiness`,
//! `startup`, `requests-cpu`, `requests-memory`, `limits-cpu`, `limits-memory`, `nonroot`,
//! `read-only`, `privileged`, `escalation`, `cap-drop`, `prestop`, `init`).

use crate::fact::{Extract, Fact, Kind};

use super::{
    base, docker, ending,
    node::{At, Doc},
    sheet::{self, Sheet, yes},
    yaml,
};

/// Keys whose lists are one command.
const COMMANDS: &[&str] = &["command", "args"];

/// Reads objects.
pub fn read(path: &str, text: &str) -> Option<(&'static str, Extract)> {
    let name = base(path);
    let kustomize = name.starts_with("kustomization.y");
    if !matches!(ending(path), "yml" | "yaml")
        || super::helm::is_template(text)
        || !(kustomize || text.contains("apiVersion:") && text.contains("kind:"))
    {
        return None;
    }
    let doc = yaml::read(text);
    let mut sheet = Sheet::default();
    let any = objects(&mut sheet, Kind::Kubernetes, &doc, if kustomize { Some("Kustomization") } else { None });
    if !any {
        return None;
    }
    sheet.trouble(doc.trouble.iter().cloned());
    Some(("kubernetes", sheet.done()))
}

/// The objects of all documents; whether there was one.
pub(super) fn objects(sheet: &mut Sheet, kind: Kind, doc: &Doc, otherwise: Option<&str>) -> bool {
    let mut any = false;
    for root in doc.documents() {
        let items: Vec<At<'_>> =
            if root.text_of("kind") == Some("List") { root.get("items").iter().flat_map(|at| at.items()).collect() } else { vec![root] };
        for object in items {
            let Some(sort) = object.text_of("kind").or(otherwise) else { continue };
            if otherwise.is_none() && object.get("apiVersion").is_none() {
                continue;
            }
            any = true;
            one(sheet, kind, object, &sheet::value(sort));
        }
    }
    any
}

fn one(sheet: &mut Sheet, kind: Kind, object: At<'_>, sort: &str) {
    let name = object.path(&["metadata", "name"]).and_then(|at| at.text()).map(sheet::value).unwrap_or_default();
    if sort == "CustomResourceDefinition" {
        // A schema of thousands of lines says nothing of how something is run.
        sheet.push(Fact::new(kind, sort, object.line(), object.end()).with("object", name));
        return;
    }
    for leaf in object.leaves(sort, COMMANDS) {
        let fact = Fact::new(kind, sheet::cut(&leaf.path, 240), leaf.line, leaf.end);
        sheet.push(fact.with("value", sheet::value(&leaf.value)).with("object", name.clone()));
    }
    let Some(spec) = object.get("spec") else { return };
    let pod = match sort {
        "Pod" => Some(spec),
        "CronJob" => spec.path(&["jobTemplate", "spec", "template", "spec"]),
        _ => spec.path(&["template", "spec"]),
    };
    let Some(pod) = pod.filter(|pod| pod.get("containers").is_some()) else { return };
    let mut fact = Fact::new(kind, "workload", object.line(), object.end()).with("object", name.clone()).with("workload", sort);
    for (keys, as_) in [(&["replicas"][..], "replicas"), (&["strategy", "type"], "strategy"), (&["updateStrategy", "type"], "strategy")] {
        if let Some(value) = spec.path(keys).and_then(|at| at.text()) {
            fact = fact.with(as_, sheet::value(value));
        }
    }
    for (key, as_) in [
        ("terminationGracePeriodSeconds", "grace"),
        ("serviceAccountName", "service-account"),
        ("priorityClassName", "priority"),
        ("hostNetwork", "host-network"),
    ] {
        if let Some(value) = pod.text_of(key) {
            fact = fact.with(as_, sheet::value(value));
        }
    }
    fact = fact.with("spread", yes(pod.get("topologySpreadConstraints").is_some())).with("affinity", yes(pod.get("affinity").is_some()));
    sheet.push(fact);
    for (key, init) in [("containers", false), ("initContainers", true)] {
        for container in pod.get(key).iter().flat_map(|list| list.items()) {
            sheet.push(summary(kind, &name, sort, pod, container, init));
            for variable in container.get("env").iter().flat_map(|list| list.items()) {
                let Some(variable_name) = variable.text_of("name") else { continue };
                let fact = Fact::new(kind, sheet::value(&format!("{sort}.env.{variable_name}")), variable.line(), variable.end());
                let from = if variable.path(&["valueFrom", "secretKeyRef"]).is_some() {
                    "secret"
                } else if variable.get("valueFrom").is_some() {
                    "other"
                } else {
                    "value"
                };
                sheet.push(
                    fact.with("value", sheet::value(variable.text_of("value").unwrap_or_default()))
                        .with("from", from)
                        .with("object", name.clone()),
                );
            }
        }
    }
}

fn summary(kind: Kind, object: &str, workload: &str, pod: At<'_>, container: At<'_>, init: bool) -> Fact {
    let mut fact = Fact::new(kind, "container", container.line(), container.end())
        .with("object", object)
        .with("workload", workload)
        .with("container", sheet::value(container.text_of("name").unwrap_or_default()))
        .with("init", yes(init));
    if let Some(reference) = container.text_of("image") {
        let (image, tag, digest) = docker::image(reference);
        fact = fact.with("image", image);
        if let Some(tag) = tag {
            fact = fact.with("tag", tag);
        }
        if let Some(digest) = digest {
            fact = fact.with("digest", digest);
        }
    }
    for (key, as_) in [("livenessProbe", "liveness"), ("readinessProbe", "readiness"), ("startupProbe", "startup")] {
        let probe = container.get(key);
        fact = fact.with(as_, yes(probe.is_some()));
        if let Some(path) = probe.and_then(|probe| probe.path(&["httpGet", "path"])).and_then(|at| at.text()) {
            fact = fact.with(format!("{as_}-path"), sheet::value(path));
        }
    }
    for part in ["requests", "limits"] {
        for resource in ["cpu", "memory"] {
            if let Some(value) = container.path(&["resources", part, resource]).and_then(|at| at.text()) {
                fact = fact.with(format!("{part}-{resource}"), sheet::value(value));
            }
        }
    }
    if let Some(value) = container.get("resources").and_then(|at| at.text()) {
        fact = fact.with("resources", sheet::value(value));
    }
    // What a container does not say, its pod says for it.
    let security = |key: &str| {
        let own = container.path(&["securityContext", key]).and_then(|at| at.text());
        own.or_else(|| pod.path(&["securityContext", key]).and_then(|at| at.text()))
    };
    let user = security("runAsUser");
    let nonroot = security("runAsNonRoot") == Some("true") || user.is_some_and(|user| user != "0");
    // A template may put the whole of it in from its values.
    let inserted = [container, pod].iter().any(|at| at.text_of("securityContext").is_some());
    fact = fact.with("nonroot", if inserted && !nonroot { "unknown" } else { yes(nonroot) });
    for (key, as_) in [
        ("readOnlyRootFilesystem", "read-only"),
        ("privileged", "privileged"),
        ("allowPrivilegeEscalation", "escalation"),
        ("runAsUser", "user"),
    ] {
        if let Some(value) = security(key) {
            fact = fact.with(as_, sheet::value(value));
        }
    }
    for capability in
        container.path(&["securityContext", "capabilities", "drop"]).map(|at| at.words()).unwrap_or_default().into_iter().take(32)
    {
        fact = fact.with("cap-drop", sheet::value(capability));
    }
    fact.with("prestop", yes(container.path(&["lifecycle", "preStop"]).is_some()))
}
