use super::*;

const OBJECTS: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: api\nspec:\n  replicas: 3\n  template:\n    spec:\n      securityContext:\n        runAsNonRoot: true\n      containers:\n        - name: api\n          image: app:1\n          env:\n            - name: LOG\n              value: debug\n          readinessProbe:\n            httpGet:\n              path: /ready\n          resources:\n            limits: {memory: 1Gi}\n---\nbroken: [\n---\napiVersion: v1\nkind: Service\nmetadata: {name: web}\n";

#[test]
fn objects_are_read_also_behind_a_document_that_is_broken() {
    let facts = facts("k8s/all.yaml", OBJECTS);
    let path = one(&facts, Kind::Kubernetes, "Deployment.spec.template.spec.containers.readinessProbe.httpGet.path");
    assert_eq!((path.get("value"), path.get("object"), path.line), (Some("/ready"), Some("api"), 19));
    let container = one(&facts, Kind::Kubernetes, "container");
    assert_eq!((container.get("liveness"), container.get("readiness"), container.get("nonroot")), (Some("no"), Some("yes"), Some("yes")));
    assert_eq!((container.get("limits-memory"), container.get("requests-cpu"), container.get("tag")), (Some("1Gi"), None, Some("1")));
    assert_eq!(one(&facts, Kind::Kubernetes, "workload").get("replicas"), Some("3"));
    assert_eq!(one(&facts, Kind::Kubernetes, "Deployment.env.LOG").get("value"), Some("debug"));
    assert_eq!(one(&facts, Kind::Kubernetes, "Service.metadata.name").line, 27);
}

#[test]
fn a_template_of_a_chart_is_read_without_its_braces() {
    let text = "{{- if .Values.on }}\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {{ include \"x.name\" . }}\nspec:\n  replicas: {{ .Values.replicas }}\n  template:\n    spec:\n      containers:\n        - name: api\n          image: \"{{ .Values.image.repository }}:{{ .Values.image.tag | default \"x\" }}\"\n          resources:\n            {{- toYaml .Values.resources | nindent 12 }}\n          livenessProbe:\n            httpGet: {path: /live}\n{{- end }}\n";
    let facts = facts("chart/templates/deployment.yaml", text);
    assert_eq!(one(&facts, Kind::Helm, "Deployment.spec.replicas").get("value"), Some(".Values.replicas"));
    assert_eq!(one(&facts, Kind::Helm, "Deployment.spec.replicas").line, 7);
    let container = one(&facts, Kind::Helm, "container");
    assert_eq!(container.get("liveness"), Some("yes"));
    assert_eq!(container.get("resources"), Some("toYaml .Values.resources nindent 12"));
}

#[test]
fn values_of_a_chart_have_paths() {
    let facts = facts("chart/values-production.yaml", "autoscaling:\n  enabled: true\n");
    let value = one(&facts, Kind::Helm, "values.autoscaling.enabled");
    assert_eq!((value.get("value"), value.line), (Some("true"), 2));
}

#[test]
fn a_bomb_of_aliases_costs_its_own_bytes_and_is_bounded_when_laid_out() {
    let mut text = String::from("apiVersion: v1\nkind: ConfigMap\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..40 {
        let below = vec![format!("*a{}", level - 1); 10].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{below}]\n"));
    }
    let facts = facts("bomb.yaml", &text);
    assert!(facts.len() <= 20_001, "{}", facts.len());
    assert!(facts.iter().any(|fact| fact.name == "ConfigMap.a0"));
}

#[test]
fn nesting_without_end_and_lines_of_megabytes_are_survived() {
    let deep = format!("apiVersion: v1\nkind: X\na: {}", "[".repeat(200_000));
    let block: String = (0..3_000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    let long = format!("apiVersion: v1\nkind: X\nb: {}\n", "ä".repeat(1 << 20));
    let dashes = format!("apiVersion: v1\nkind: X\nc:\n  {}", "- ".repeat(100_000));
    for text in [deep, block, long, dashes, "{".repeat(500_000), "\u{0}\u{feff}: &a *a".into(), "a: &a [*a]\n<<: *a".into()] {
        for path in [
            "a.yaml",
            "docker-compose.yml",
            ".github/workflows/a.yml",
            "package.json",
            "Dockerfile",
            "Makefile",
            "a.sh",
            ".env",
            "values.yaml",
            "Jenkinsfile",
        ] {
            for fact in facts(path, &text) {
                assert!(fact.attrs.iter().all(|(_, value)| value.len() <= 400), "{path}");
            }
        }
    }
}
