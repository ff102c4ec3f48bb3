//! The sorts of facts.

use serde::{Deserialize, Serialize};

macro_rules! kinds {
    ($($(#[$about:meta])+ $variant:ident = $word:literal),+ $(,)?) => {
        /// What sort of thing a fact is about. The word is what detectors and `assess facts` write.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Kind { $($(#[$about])+ #[serde(rename = $word)] $variant),+ }

        impl Kind {
            /// Every kind, in order.
            pub const ALL: &'static [Kind] = &[$(Kind::$variant),+];
            /// The word.
            pub const fn name(self) -> &'static str { match self { $(Kind::$variant => $word),+ } }
            /// Several of them, for people: `12 calls`, `0 values of Kubernetes`.
            pub fn counted(self, count: usize) -> String {
                let what = match self {
                    Kind::Entry => "ways to start",
                    Kind::Library => "libraries",
                    Kind::Docker => "instructions of images",
                    Kind::Compose => "values of compose files",
                    Kind::Kubernetes => "values of Kubernetes",
                    Kind::Helm => "values of charts",
                    Kind::Step => "steps of pipelines",
                    Kind::Terraform => "values of Terraform",
                    Kind::Proxy => "directives of proxies",
                    Kind::EnvFile => "lines of environment files",
                    Kind::Dependency => "dependencies",
                    Kind::Lock => "lock files",
                    Kind::Value => "other values of configuration",
                    Kind::Sql => "statements of SQL",
                    Kind::Alert => "alert rules",
                    Kind::Env => "reads of the environment",
                    Kind::Catch => "catches",
                    Kind::Middleware => "layers",
                    Kind::Broken => "references that lead nowhere",
                    Kind::Secret => "credentials",
                    Kind::Def => "definitions",
                    Kind::Assign => "assignments",
                    Kind::Text => "texts of known shape",
                    other => return format!("{count} {}s", other.name()),
                };
                format!("{count} {what}")
            }
            /// The kind of this word.
            pub fn named(word: &str) -> Option<Kind> { match word { $($word => Some(Kind::$variant),)+ _ => None } }
        }
    };
}

kinds! {
    // Code.
    /// An import; `name` is what is imported, canonical. Never proof of anything.
    Import = "import",
    /// A definition; `kind` function, method, class; `base` (each), `body` normal, empty, raises, constant; `async`; `lines`.
    /// In Go also `self`, the value that a method is called on.
    Def = "def",
    /// A call; `name` the canonical callee; `0`, `1`, … positional arguments, keyword arguments by name, constants folded;
    /// `await`, `result` the variable it is assigned to, `receiver` as written. In Python also `into` the variable of the whole
    /// that it is a part of, `returned`, `with`, `loop`, `tried` yes, `param` the parameter whose default it is, `depends` what
    /// `Depends` in its arguments names, `each` thing that a router is mounted for in a loop, `curried` yes where the result of a call is called, `leak` each secret that a log line gets.
    Call = "call",
    /// A decorator, annotation or attribute; arguments as of a call; `on` the symbol, `on_kind` function or class.
    Decorator = "decorator",
    /// A constant given to a name at a file's or class's own level; `value`.
    Assign = "assign",
    /// A setting of a settings class or of a configuration object; `default`, `type`, `required`, `class`, `described` yes where an
    /// example of an environment file or a document names it. Python says `reads` env where the environment gives the value.
    Setting = "setting",
    /// A read of the environment; `default`, `required` yes or no, `described` as of a setting.
    Env = "env",
    /// A handler of failures; `name` the canonical type, `body` empty, log, raise, return, other.
    Catch = "catch",
    /// A throw; `name` the canonical type; arguments as of a call.
    Raise = "raise",
    /// A test; `asserts` how many, `trivial` yes where no assertion can fail, `marker` (each), `skipped`,
    /// `over` http where it asks the service by its interface, `expects` each refusal (401, 403, 413, 429) that a line of it asserts.
    Test = "test",
    /// A string of a listed shape: `shape` sql, url, dsn; `value`; `built` yes where values are pasted into it.
    Text = "text",
    // Wiring.
    /// A service's application object; `name` the framework; `var`; arguments as of a call.
    App = "app",
    /// A mounted route: `name` is `METHOD /path`; `method`, `path`, `handler`, `framework`, `guard` (each thing that stands before
    /// it, canonical), `param` (each), `input` typed, raw or none, `output` typed or none, `list` yes where it returns many,
    /// `calls` (each canonical callee of the handler), `constant` yes where the handler only returns a constant.
    /// Where the language's rules know it: `auth` yes where a guard turns away who is not known, `rejects` each status by which guards
    /// turn callers away (401, 403, 413, 429), `model` the answer's type, `async`. A guard with `(optional)` lets everybody pass.
    /// A `param` reads `limit in=query type=int default=100 ge=1 le=1000`; bounds that the handler checks by itself count.
    /// JavaScript and TypeScript add `guard_calls` (each callee of the guards that are ours), `deep_calls` (callees of what the
    /// handler calls, two definitions deep), `decorator` (each, Nest), `mounted` no where no app has the router.
    /// Python adds `refuses`, each status from 400 to 499 that the handler, its guards and what it calls answer with.
    /// Python adds `own_calls`: there `calls` holds what guards and callees call as well, `own_calls` the handler's own calls alone.
    /// Java adds `valid` yes where the input is checked, `paged`, `open` (a rule that lets everybody in), `inactive` (a guard that nothing
    /// switches on), `port` where it is another than the service's.
    /// Go adds `leaks` yes where the handler, or a function that it hands the error to, writes the text of an error into its answer.
    Route = "route",
    /// What stands before all routes of an app or router: `name` canonical; arguments as of a call; `order`; `scope` app or router.
    Middleware = "middleware",
    /// A registered handler of failures: `name` the type or status; `handler`.
    Handler = "handler",
    /// Something that runs at start or stop: `name` startup or shutdown; `handler`.
    Hook = "hook",
    /// How a service is started: `name` the command; `service`, `server`, `workers`, `reload`, `target`.
    Entry = "entry",
    /// A reference to something that is not there: `name` what is missing; `what` import, file, resource, target, marker, setting,
    /// table (a migration alters what none creates), citation (a document names code that is gone), prefix (a list of open paths
    /// holds `/`, with which every path begins; `list` its name).
    Broken = "broken",
    /// A credential in the text; `name` what it is called; `where` default, assign, argument, env-file, compose, url;
    /// `placeholder` yes where the value is one that everybody knows.
    Secret = "secret",
    /// A library at the place where it is built; `state` acting or idle, `why` it is idle. See `detect/libraries.toml`.
    Library = "library",
    // Configuration.
    /// An instruction of a Dockerfile: `name` the instruction in lower case; `value`, `stage` a number, `final` yes where the
    /// last image inherits it, `last` yes where nothing overrides it; `image`, `tag`, `digest`, `as`, `on` stage for `from`, `user`
    /// and `group`, `form` exec or shell, `source` (each), `target`, `port` (each), `key`, `default`, flags such as `from` by name.
    /// `run` is one per command, with `command` its first words and `tolerated`. `image` sums up: `stages` that do something, `user`, `nonroot`,
    /// `healthcheck`, `image`, `tag`, `digest`, `cmd`, `entrypoint`.
    Docker = "docker",
    /// A value in a compose file: `name` the dotted path such as `services.api.healthcheck.test`; `value`;
    /// ports have `host`, `container`, `ip`, volumes `source`, `target`, `mode`, `bind`. `service` sums up each service: `service`,
    /// `image`, `tag`, `digest`, `build`, `dockerfile`, `healthcheck` yes or no, `restart`, `user`, `cpus`, `memory`, `port`, `network`,
    /// `env-file`, `depends`, `read-only`, `privileged`, `cap-drop`, `command`, `logging`, `replicas`, `secret`, `profile`.
    Compose = "compose",
    /// A value in a Kubernetes object: `name` is `Kind.path`, such as `Deployment.spec.template.spec.containers.livenessProbe.httpGet.path`,
    /// list numbers left out; `value`, `object` its name. `Kind.env.NAME` is a variable (`from` value, secret or other). `workload` and
    /// `container` sum up: `workload` the kind, `object`, `replicas`, `strategy`, `grace`, `spread`, `affinity`; `container`, `image`,
    /// `tag`, `digest`, `liveness`, `readiness`, `startup` yes or no (`liveness-path`), `requests-cpu`, `limits-memory`, `nonroot`,
    /// `read-only`, `privileged`, `escalation`, `cap-drop`, `prestop`, `init`.
    Kubernetes = "k8s",
    /// A value in a Helm chart: `values.path`, `chart.path`; templates as `k8s`, expressions as their text.
    Helm = "helm",
    /// A step of a pipeline: `name` the action or the first words of the command; `uses`, `run`, `job`, `on` (each trigger),
    /// `needs`, `tolerated` yes where a failure is ignored, `system` github, gitlab, jenkins, circle, azure;
    /// `with.NAME` inputs, `title`, `if`, `environment`, `service`, `image`, `pinned`, `beside` yes where the next command does not wait for it. Commands behind `make test`, `npm run lint` or a
    /// script are steps at the place of the step that runs them, with `via` the target and `at` where they stand.
    Step = "step",
    /// A value in Terraform: `name` is `resource.TYPE.LABEL.path`, also `data`, `module`, `variable`, `output`; `value`, `refers` (each).
    /// A block by itself has `block` yes.
    Terraform = "tf",
    /// A directive of nginx, Caddy, Traefik, HAProxy or Apache: `name` the directive; `value`, `within` the blocks around it, `server`.
    Proxy = "proxy",
    /// A line of an environment file: `name`; `value`, `example` yes or no.
    EnvFile = "envfile",
    /// A declared dependency: `name`; `version`, `scope` run or dev, `ecosystem` pypi, npm, go, maven, cargo; `pinned` yes or no.
    /// `group` its extra or group, `source` git, path, url, conda or workspace, `hash` yes where the file checks it, `feature` (each).
    Dependency = "dep",
    /// A lock file: `name` the ecosystem.
    /// `tool`, `packages` how many, `hashes` yes where they are checked.
    Lock = "lock",
    /// Any other value in YAML, TOML, JSON, INI, properties or XML whose meaning is known by its path: `name` the dotted path; `value`.
    /// `profile` where it holds for one alone. `migrations.TOOL` is one step of a schema (`value` its version, `down`, `direction`),
    /// `runtime.LANGUAGE` a version that is asked for, `build.plugin.NAME` a plugin of the build.
    Value = "value",
    /// A statement of SQL: `name` such as `create table users`, `create index`, `foreign key`; `table`, `columns`, `clause`.
    /// A table's parts are facts of their own: `primary key`, `foreign key` (`references`, `on_delete`, `on_update`, `indexed`), `unique`, `not null`,
    /// `check` (`clause`), `default` (`value`), `create index` (`index`, `unique`, `concurrently`, `where`), `alter table add column`.
    Sql = "sql",
    /// An alert rule: `name`; `expr`, `for`, `severity`, `runbook`, other annotations by name.
    Alert = "alert",
    /// A dashboard: `name` its title; `panels` how many, `panel` (each title), `expr` (each).
    Dashboard = "dashboard",
    /// A heading of a document: `name` in lower case; `level`, `words` below it (`prose` of them outside of code), `parts` lines that
    /// say what a file or folder is for, `code` yes where a code block stands below it, `document` the file's name, `tells` (each) what is spoken of:
    /// tls, secret, backup, restore, update, rollback, migration, proxy, orchestrator, compose, health, monitoring, local. Level 0 is the document itself.
    Heading = "heading",
    /// A command of a Makefile, a package script, a shell script or a pre-commit hook: `name` the command's first words; `run`, `target`,
    /// `tolerated`, `of` make, just, package, shell, tox, nox, pre-commit, lint-staged, tasks, procfile or systemd.
    Command = "command",
    /// A file: `name` its path in lower case; `bytes`, `type`. Proves nothing but that it is there.
    File = "file",
}
