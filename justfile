# One way to work. `just` lists the recipes.

default:
    @just --list

# what a change must pass
check: format lint test

format:
    cargo fmt --all --check

lint:
    cargo clippy --workspace --all-targets -- -D warnings

# both databases; a private PostgreSQL is found or installed, started and stopped by the tests
test:
    cargo test --workspace

# licences, advisories, duplicate versions (needs cargo-deny)
deny:
    cargo deny check

# rewrite what is made from code: API description, configuration and stack reference, example file, self-assessment
generate:
    cargo run --quiet -p plimsoll-cli -- openapi > docs/reference/openapi.json
    PLIMSOLL_TEST_WRITE=1 cargo test --quiet -p plimsoll-cli --test endurance the_pages_made_from_code
    PLIMSOLL_TEST_WRITE=1 cargo test --quiet -p plimsoll-cli --test assess no_critical_gap

# the fuzzer of API descriptions against a real server (installs schemathesis into a virtual environment)
fuzz-api:
    tests/schemathesis/run

# receivers written with the published libraries of Standard Webhooks, and receivers that misbehave
webhooks:
    tests/webhooks/run

# side by side with the peers; see bench/README.md
bench *ARGS:
    bench/run {{ARGS}}

# a binary for publishing
dist:
    cargo build --profile dist -p plimsoll-cli
