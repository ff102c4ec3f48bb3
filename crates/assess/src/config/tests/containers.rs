use super::*;

const IMAGE: &str = "ARG VERSION=3.12\nFROM python:${VERSION}-slim AS build\nRUN pip install \\\n    # why not\n    -r requirements.txt || true\n\nFROM build\nUSER app:app\nEXPOSE 8000 9000\nHEALTHCHECK --interval=5s CMD [\"curl\", \"-f\", \"http://localhost\"]\nCMD [\"gunicorn\", \"app:app\"]\n";

#[test]
fn a_dockerfile_is_read_with_its_stages_and_places() {
    let facts = facts("api/Dockerfile", IMAGE);
    let from: Vec<&Fact> = facts.iter().filter(|fact| fact.name == "from").collect();
    assert_eq!(from[0].get("image"), Some("python"));
    assert_eq!(from[0].get("tag"), Some("3.12-slim"));
    assert_eq!(from[0].get("as"), Some("build"));
    assert_eq!(from[1].get("on"), Some("stage"));
    let run = one(&facts, Kind::Docker, "run");
    assert_eq!((run.line, run.end), (3, 5));
    assert_eq!(run.get("value"), Some("pip install -r requirements.txt"));
    assert_eq!(run.get("tolerated"), Some("yes"));
    assert_eq!(run.get("final"), Some("yes"), "the last stage is built on it");
    let user = one(&facts, Kind::Docker, "user");
    assert_eq!((user.get("user"), user.get("group"), user.line), (Some("app"), Some("app"), 8));
    let check = one(&facts, Kind::Docker, "healthcheck");
    assert_eq!(check.get("value"), Some("curl -f http://localhost"));
    assert_eq!(check.get("interval"), Some("5s"));
    assert_eq!(one(&facts, Kind::Docker, "expose").all("port").collect::<Vec<_>>(), ["8000", "9000"]);
    let cmd = one(&facts, Kind::Docker, "cmd");
    assert_eq!((cmd.get("form"), cmd.get("value")), (Some("exec"), Some("gunicorn app:app")));
}

#[test]
fn an_image_comes_to_what_its_last_stage_inherits() {
    let image = one(&facts("Dockerfile", IMAGE), Kind::Docker, "image");
    assert_eq!(image.get("stages"), Some("2"));
    assert_eq!(image.get("user"), Some("app"));
    assert_eq!(image.get("nonroot"), Some("yes"));
    assert_eq!(image.get("healthcheck"), Some("yes"));
    assert_eq!(image.get("image"), Some("python"));
}

#[test]
fn a_later_root_takes_a_user_back() {
    let image = one(&facts("Dockerfile", "FROM alpine\nUSER app\nRUN x\nUSER root\n"), Kind::Docker, "image");
    assert_eq!(image.get("nonroot"), Some("no"));
    assert_eq!(image.get("tag"), None);
    let other = one(&facts("Dockerfile", "FROM a AS one\nUSER app\nFROM b\nCOPY --from=one /x /x\n"), Kind::Docker, "image");
    assert_eq!(other.get("nonroot"), Some("no"), "the user of a stage that is only copied from is not inherited");
}

#[test]
fn here_documents_are_no_instructions() {
    let facts =
        facts("Dockerfile", "FROM alpine\nRUN <<EOF\napk add curl\nUSER nobody\nEOF\nCOPY <<END /etc/x\nUSER other\nEND\nUSER app\n");
    assert_eq!(one(&facts, Kind::Docker, "user").get("user"), Some("app"));
    assert!(facts.iter().any(|fact| fact.name == "run" && fact.get("value") == Some("apk add curl")));
}

#[test]
fn references_of_images_are_split_at_the_right_colon() {
    assert_eq!(docker::image("registry:5000/team/app"), ("registry:5000/team/app".into(), None, None));
    let (name, tag, digest) = docker::image("a/b:1.2@sha256:00ff");
    assert_eq!((name.as_str(), tag.as_deref(), digest.as_deref()), ("a/b", Some("1.2"), Some("sha256:00ff")));
}

const STACK: &str = "x-base: &base\n  restart: always\n  environment:\n    A: one\nservices:\n  api:\n    <<: *base\n    build: ./api\n    environment:\n      - KEY=value\n      - OTHER\n    ports: [\"127.0.0.1:8000:80\"]\n    healthcheck:\n      test: [\"CMD\", \"curl\", \"localhost\"]\n  db:\n    image: postgres:16\n    volumes:\n      - data:/var/lib\n      - ./init.sql:/docker-entrypoint-initdb.d/init.sql:ro\nvolumes:\n  data:\n";

#[test]
fn a_compose_file_is_read_with_merges_and_both_forms_of_variables() {
    let facts = facts("docker-compose.yml", STACK);
    let key = one(&facts, Kind::Compose, "services.api.environment.KEY");
    assert_eq!((key.get("value"), key.line), (Some("value"), 10));
    assert!(!facts.iter().any(|fact| fact.name == "services.api.environment.A"), "the key that is there wins");
    assert_eq!(one(&facts, Kind::Compose, "services.api.restart").get("value"), Some("always"));
    let test = one(&facts, Kind::Compose, "services.api.healthcheck.test");
    assert_eq!((test.get("value"), test.line), (Some("CMD curl localhost"), 14));
    let port = one(&facts, Kind::Compose, "services.api.ports");
    assert_eq!((port.get("ip"), port.get("host"), port.get("container")), (Some("127.0.0.1"), Some("8000"), Some("80")));
    let mount = facts.iter().find(|fact| fact.get("source") == Some("./init.sql")).expect("the mount");
    assert_eq!((mount.get("mode"), mount.get("bind"), mount.line), (Some("ro"), Some("yes"), 19));
    assert_eq!(one(&facts, Kind::Compose, "volumes.data").line, 21);
}

#[test]
fn every_service_of_a_compose_file_can_be_counted() {
    let facts = facts("compose.yaml", STACK);
    let services: Vec<&Fact> = facts.iter().filter(|fact| fact.name == "service").collect();
    assert_eq!(services.len(), 2);
    assert_eq!(
        (services[0].get("healthcheck"), services[0].get("restart"), services[0].get("build")),
        (Some("yes"), Some("always"), Some("./api"))
    );
    assert_eq!(
        (services[1].get("healthcheck"), services[1].get("image"), services[1].get("tag")),
        (Some("no"), Some("postgres"), Some("16"))
    );
}

#[test]
fn variables_are_read_without_quotes_and_comments() {
    let facts = facts("backend/.env.example", "# SECRET=no\nexport A=\"x # y\"\nB=2 # two\nnot a line\nC=\n");
    let all: Vec<(&str, Option<&str>, u32)> = facts.iter().map(|fact| (fact.name.as_str(), fact.get("value"), fact.line)).collect();
    assert_eq!(all, [("A", Some("x # y"), 2), ("B", Some("2"), 3), ("C", Some(""), 5)]);
    assert!(facts.iter().all(|fact| fact.get("example") == Some("yes")));
}

#[test]
fn a_stage_that_only_names_an_image_is_no_step_of_the_build() {
    let text = "FROM ghcr.io/astral-sh/uv:0.9 AS uv\nFROM python:3.13-slim\nCOPY --from=uv /uv /bin/\nRUN uv sync\n";
    let image = |text: &str| one(&facts("Dockerfile", text), Kind::Docker, "image");
    assert_eq!(image(text).get("stages"), Some("1"));
    let built = "FROM node:22 AS base\nFROM base AS build\nRUN npm ci\nFROM base\nCOPY --from=build /app /app\n";
    assert_eq!(image(built).get("stages"), Some("2"), "the base is what both go on from");
}
