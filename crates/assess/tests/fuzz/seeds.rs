//! What each entry begins with: small texts of our own.

/// A path that leads to a reader, with texts that it knows.
pub struct Entry {
    pub path: &'static str,
    pub seeds: &'static [&'static str],
}

/// Entries that are no files.
pub const OURS: &[&str] = &["pattern", "page", "table", "address"];

/// What readers look for.
pub const WORDS: &[&str] = &[
    "import ",
    "from ",
    "def ",
    "async ",
    "class ",
    "return",
    "if ",
    "else",
    "@",
    "=>",
    "::",
    "...",
    "**",
    "${",
    "{{",
    "}}",
    "<<EOF\n",
    "&a",
    "*a",
    "<<: ",
    "|\n",
    ">-\n",
    "---\n",
    "#",
    "//",
    "/*",
    "\"\"\"",
    "'''",
    "`",
    "\\\n",
    "%",
    "-- ",
    "$$",
    "FROM",
    "ONBUILD",
    "ENV ",
    "include",
    "resource",
    "0x",
    "1e999",
    "-9223372036854775809",
    "null",
    "true",
    "!",
    "[[",
    "]]",
    "=\"",
    "';",
    "?.",
    "lambda",
    "match",
    "fn ",
    "impl ",
    "func ",
    "package ",
    "public ",
    "@Bean",
    "CREATE TABLE",
    "location",
    "upstream",
    "services:",
    "jobs:",
    "steps:",
    "on:",
    "apiVersion:",
    "kind:",
];

pub const ENTRIES: &[Entry] = &[
    Entry {
        path: "app/main.py",
        seeds: &[
            "from fastapi import FastAPI, Depends\nimport os, logging as log\napp = FastAPI(title='x')\n\n@app.get('/a/{id}')\nasync def read(id: int, user=Depends(me)):\n    \"\"\"Doc.\"\"\"\n    if settings.FLAG:\n        return {'a': [f\"{id}\"], **x}\n    raise HTTPException(404)\n",
            "class A(Base, metaclass=M):\n    x: int = 1\n    def m(self, *a, **k):\n        try:\n            self.c.get(url, timeout=5)\n        except (A, B) as e:\n            pass\n        with open(p) as f: yield f\n",
            "def test_a():\n    assert True\nif __name__ == '__main__':\n    uvicorn.run('a:b', workers=int(os.getenv('W', '2')))\n",
        ],
    },
    Entry {
        path: "src/app.js",
        seeds: &[
            "const express = require('express'); const {a, b: c} = require('./d');\nconst app = express();\napp.use(cors({origin: '*'}));\napp.get('/x/:id', auth, async (req, res) => { res.json({...y}); });\napp.listen(process.env.PORT || 3000);\n",
            "export default function F() { return <div onClick={() => f`a${b}`}>{x?.y}</div>; }\nclass A extends B { static #x = 1; get y() { return /re/g } }\n",
        ],
    },
    Entry {
        path: "src/app.ts",
        seeds: &[
            "import { Controller, Get, UseGuards } from '@nestjs/common';\n@Controller('x')\nexport class C<T extends D> {\n  constructor(private readonly s: S) {}\n  @Get(':id') @UseGuards(G)\n  async one(@Param('id') id: string): Promise<T | null> { return this.s.f(id as any)!; }\n}\n",
            "type A = { [k in keyof B]?: C };\nenum E { A = 1 }\nabstract class X implements Y { abstract z(): void }\nexport * as q from './q';\n",
        ],
    },
    Entry { path: "src/view.tsx", seeds: &["export const V: React.FC<P> = ({a}) => <A<B> b={a!}>{a ? <></> : null}</A>;\n"] },
    Entry {
        path: "cmd/main.go",
        seeds: &[
            "package main\n\nimport (\n\tr \"github.com/gin-gonic/gin\"\n\t_ \"a/b\"\n)\n\ntype S[T any] struct { a int `json:\"a\"` }\n\nfunc (s *S[T]) h(c *r.Context) { defer s.f(); go func() { select { case <-c: } }() }\n\nfunc main() {\n\te := r.New()\n\te.Use(r.Logger())\n\te.GET(\"/a\", h)\n\tif err := e.Run(\":80\"); err != nil { panic(err) }\n}\n",
        ],
    },
    Entry {
        path: "src/main/java/a/B.java",
        seeds: &[
            "package a;\nimport org.springframework.web.bind.annotation.*;\n@RestController @RequestMapping(\"/x\")\npublic class B<T extends C> implements D {\n  @Value(\"${a.b:1}\") private int n;\n  @GetMapping(value = {\"/a\", \"/b\"}) public T get(@Valid @RequestBody E e) throws F { return s.stream().map(x -> x::y).toList(); }\n}\nrecord R(int a) {}\n",
        ],
    },
    Entry {
        path: "src/main.rs",
        seeds: &[
            "use axum::{Router, routing::{get, post as p}};\nmod a;\n#[derive(Debug)] struct S<'a, T: ?Sized> { a: &'a T }\nimpl<T> S<'_, T> { async fn f(&self) -> Result<(), E> { self.a.b().await? ; Ok(()) } }\n#[tokio::main]\nasync fn main() { let app = Router::new().route(\"/x\", get(h)).layer(L::new()); axum::serve(l, app).await.unwrap(); }\n#[cfg(test)] mod tests { #[test] fn t() { assert!(true); } }\nmacro_rules! m { ($($a:tt)*) => { $($a)* } }\n",
        ],
    },
    Entry {
        path: "Dockerfile",
        seeds: &[
            "# syntax=docker/dockerfile:1\nARG V=3\nFROM python:${V}-slim AS build\nRUN --mount=type=cache,target=/x pip install \\\n  -r a.txt && \\\n  # c\n  rm -rf /x\nCOPY --from=build /a /b\nUSER 1000:1000\nHEALTHCHECK --interval=5s CMD [\"curl\", \"-f\", \"http://localhost\"]\nCMD [\"uvicorn\", \"a:b\"]\nRUN <<EOF\na\nEOF\n",
        ],
    },
    Entry {
        path: "docker-compose.yml",
        seeds: &[
            "x-a: &a\n  restart: always\nservices:\n  api:\n    <<: *a\n    build: {context: ., dockerfile: D}\n    environment:\n      - A=${B:-c}\n    ports: ['80:80']\n    healthcheck: {test: [CMD, x], interval: 5s}\n    deploy: {resources: {limits: {cpus: '1', memory: 1g}}}\nvolumes: {v: }\n",
        ],
    },
    Entry {
        path: "k8s/api.yaml",
        seeds: &[
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec:\n  replicas: 2\n  template:\n    spec:\n      containers:\n        - name: a\n          image: a:1\n          livenessProbe: {httpGet: {path: /h, port: 80}}\n          resources: {limits: {cpu: 1}}\n---\napiVersion: v1\nkind: List\nitems: [{kind: Service, metadata: {name: b}}]\n",
        ],
    },
    Entry { path: "chart/values.yaml", seeds: &["image: {tag: latest}\nautoscaling:\n  enabled: false\n"] },
    Entry {
        path: "chart/templates/a.yaml",
        seeds: &["{{- if .Values.a }}\nkind: Ingress\nmetadata:\n  name: {{ include \"a\" . | quote }}\n{{- end }}\n"],
    },
    Entry {
        path: ".github/workflows/ci.yml",
        seeds: &[
            "on: {push: {branches: [main]}, pull_request: }\njobs:\n  t:\n    needs: [a]\n    strategy: {matrix: {v: [1, 2]}}\n    steps:\n      - uses: actions/checkout@v4\n      - run: |\n          pytest -q || true\n        continue-on-error: ${{ x }}\n",
        ],
    },
    Entry {
        path: ".gitlab-ci.yml",
        seeds: &[
            "stages: [a]\n.t: &t\n  script: [b]\nj:\n  <<: *t\n  extends: .t\n  stage: a\n  script:\n    - make test\n  allow_failure: true\n",
        ],
    },
    Entry {
        path: "Jenkinsfile",
        seeds: &["pipeline { agent any\n stages { stage('T') { steps { sh 'make test'\n sh \"\"\"a\n b\"\"\" } } } }\n"],
    },
    Entry {
        path: ".circleci/config.yml",
        seeds: &["version: 2.1\njobs:\n  a:\n    docker: [{image: x}]\n    steps: [checkout, {run: {command: make}}]\n"],
    },
    Entry { path: "azure-pipelines.yml", seeds: &["trigger: [main]\nsteps:\n- script: make test\n  displayName: T\n- task: Docker@2\n"] },
    Entry {
        path: "infra/main.tf",
        seeds: &[
            "variable \"a\" { default = 1 }\nresource \"aws_lb\" \"m\" {\n  name = \"${var.a}-x\"\n  dynamic \"b\" { for_each = [for x in y : x if z] }\n  tags = merge(local.t, { A = <<EOT\nx\nEOT\n })\n}\n",
        ],
    },
    Entry {
        path: "nginx.conf",
        seeds: &[
            "events {}\nhttp { limit_req_zone $a zone=b:10m rate=1r/s;\n server { listen 443 ssl; location ~ ^/a { proxy_pass http://u; add_header X \"a;b\"; } if ($x) { return 301; } } }\n",
        ],
    },
    Entry { path: "Caddyfile", seeds: &["a.example {\n  reverse_proxy api:80\n  header X y\n}\n"] },
    Entry {
        path: "haproxy.cfg",
        seeds: &["defaults\n  timeout client 5s\nfrontend f\n  bind :80\n  default_backend b\nbackend b\n  server s 1.1.1.1:80 check\n"],
    },
    Entry { path: ".env.example", seeds: &["# c\nA=1\nexport B=\"x y\"\nSECRET_KEY='abc'\nD=${A}\n"] },
    Entry { path: "Makefile", seeds: &[".PHONY: test\nA := $(shell x)\ntest: a ## t\n\t@pytest -q \\\n\t  -x\nifeq ($(A),1)\nendif\n"] },
    Entry {
        path: "run.sh",
        seeds: &[
            "#!/bin/sh\nset -eu\ncat <<'E' > x\na\nE\nfor i in $(seq 3); do curl -f \"http://a/$i\" || exit 1; done\nf() { case $1 in a) b;; esac; }\n",
        ],
    },
    Entry {
        path: "package.json",
        seeds: &[
            "{\"name\":\"a\",\"scripts\":{\"test\":\"jest --coverage\",\"start\":\"node d.js\"},\"dependencies\":{\"express\":\"^4.0.0\"},\"devDependencies\":{\"jest\":\"1.2.3\"},\"workspaces\":[\"p/*\"]}\n",
        ],
    },
    Entry {
        path: "package-lock.json",
        seeds: &["{\"lockfileVersion\":3,\"packages\":{\"\":{},\"node_modules/a\":{\"version\":\"1.0.0\"}}}\n"],
    },
    Entry {
        path: "requirements.txt",
        seeds: &["fastapi==0.1 # c\nuvicorn[standard]>=1,<2 ; python_version > '3'\n-r b.txt\n--hash=sha256:a\ngit+https://a/b@c#egg=d\n"],
    },
    Entry {
        path: "pyproject.toml",
        seeds: &[
            "[project]\nname='a'\ndependencies=['b>=1']\n[tool.poetry.dependencies]\npython='^3'\nc={version='1',extras=['d']}\n[tool.pytest.ini_options]\naddopts='-q'\n",
        ],
    },
    Entry {
        path: "Cargo.toml",
        seeds: &["[package]\nname='a'\n[dependencies]\nb={version='1',features=['c']}\n[workspace]\nmembers=['d']\n"],
    },
    Entry { path: "go.mod", seeds: &["module a/b\ngo 1.22\nrequire (\n\tc/d v1.0.0 // indirect\n)\nreplace c/d => ../d\n"] },
    Entry {
        path: "pom.xml",
        seeds: &[
            "<project><properties><v>1</v></properties><dependencies><dependency><groupId>a</groupId><artifactId>b</artifactId><version>${v}</version><scope>test</scope></dependency></dependencies></project>\n",
        ],
    },
    Entry {
        path: "build.gradle",
        seeds: &["plugins { id 'java' }\ndependencies {\n  implementation 'a:b:1'\n  testImplementation(\"c:d:${v}\")\n}\n"],
    },
    Entry { path: "Pipfile", seeds: &["[packages]\na = \"*\"\n[dev-packages]\nb = {version = \"==1\"}\n"] },
    Entry {
        path: "src/main/resources/application.yml",
        seeds: &[
            "spring:\n  datasource: {url: 'jdbc:a', hikari: {maximum-pool-size: 5}}\nserver.shutdown: graceful\n---\nspring.config.activate.on-profile: prod\n",
        ],
    },
    Entry { path: "src/main/resources/application.properties", seeds: &["a.b=c\\\n d\n# x\nserver.port : 80\nm[0].n=\\u0041\n"] },
    Entry {
        path: "migrations/001_a.sql",
        seeds: &[
            "CREATE TABLE IF NOT EXISTS a (id serial PRIMARY KEY, b int REFERENCES c(id) ON DELETE CASCADE);\nCREATE UNIQUE INDEX i ON a (b);\nDO $$ BEGIN END $$;\n-- c\nINSERT INTO a VALUES ('x;''y');\n",
        ],
    },
    Entry { path: ".pre-commit-config.yaml", seeds: &["repos:\n- repo: https://a/b\n  rev: v1\n  hooks: [{id: ruff, args: [--fix]}]\n"] },
    Entry {
        path: "prometheus/alerts.yml",
        seeds: &[
            "groups:\n- name: a\n  rules:\n  - alert: Down\n    expr: up == 0\n    for: 5m\n    labels: {severity: critical}\n    annotations: {runbook_url: https://a}\n",
        ],
    },
    Entry {
        path: "grafana/a.json",
        seeds: &["{\"title\":\"A\",\"panels\":[{\"title\":\"p\",\"targets\":[{\"expr\":\"rate(a[5m])\"}]}],\"schemaVersion\":30}\n"],
    },
    Entry {
        path: "openapi.yaml",
        seeds: &[
            "openapi: 3.1.0\ninfo: {title: a, version: '1'}\npaths:\n  /a/{b}:\n    get: {operationId: x, responses: {'200': {description: ok}}}\n",
        ],
    },
    Entry {
        path: "README.md",
        seeds: &["# A\n\n## Deploy `x`\n\n```sh\nmake\n```\n| a | b |\n|---|---|\nSetext\n======\n<!-- # no -->\n"],
    },
    Entry { path: "setup.cfg", seeds: &["[flake8]\nmax-line-length = 100\n[tool:pytest]\naddopts =\n    -q\n"] },
    Entry { path: "tsconfig.json", seeds: &["{ // c\n \"compilerOptions\": {\"strict\": true,}, }\n"] },
    Entry {
        path: "pattern",
        seeds: &[
            "call slowapi.Limiter|a.* +timeout allow_origins=*\\** || route * method=POST path!=/h*",
            "step * run~(?i)\\bpytest\\b tolerated!=yes n<5 -x in='a b'",
        ],
    },
    Entry {
        path: "page",
        seeds: &[
            "+++\nid = \"a\"\ntitle = \"A\"\ncategory = \"Data layer\"\npriority = \"high\"\nbasis = \"item\"\neffort = \"S\"\nweight = 4.0\nkind = \"runtime\"\nreviews = []\nrepair = \"edge\"\napplies = \"http\"\nchecked = \"probe\"\nrecommend = \"x\"\n[[check]]\nid = \"b\"\nsays = \"c\"\n[detect]\n[[detect.signal]]\nid = \"s\"\nall = [\"call a.b\"]\n+++\n\n# Promise\n\n## Detection\n",
        ],
    },
    Entry { path: "table", seeds: &["repo\tcommit\tpractice\ttruth\tcatalogue_id\na\tb\tc\tmissing\td\n"] },
    Entry { path: "address", seeds: &["https://host.example:8443/a/b.git", "ssh://git@[2606::1]:22/a", "git@host:a/b.git"] },
];
