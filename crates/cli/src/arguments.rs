//! The command line.

mod assess;
mod demo;
mod keeping;

use std::{ffi::OsString, path::PathBuf};

use clap::{Args, Parser, Subcommand};

pub use self::assess::{Assess, AssessEval, AssessFacts, AssessWhat, Look, Rules, Subject as Repository};
pub use self::demo::{Demo, DemoFormat, DemoRetention};
pub use self::keeping::{Backup, Jobs, Subject, Which, Who};

/// Puts a service into production and proves that it is ready.
///
/// Try it:  plimsoll serve --demo
#[derive(Parser)]
#[command(name = "plimsoll", version, max_term_width = 100, disable_help_subcommand = true)]
pub struct Arguments {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub verb: Verb,
}

/// Options of every verb.
#[derive(Args, Clone)]
pub struct Global {
    /// Folder for everything the process keeps
    #[arg(long, global = true, value_name = "DIR", default_value = "./plimsoll-data")]
    pub data: PathBuf,
    /// Configuration file [default: ./plimsoll.toml, if it exists]
    #[arg(long, global = true, value_name = "FILE", env = "PLIMSOLL_CONFIG")]
    pub config: Option<PathBuf>,
    /// PostgreSQL instead of the embedded database. Without a password in it: secrets belong into
    /// PLIMSOLL_DATABASE__URL or a file named by PLIMSOLL_DATABASE__URL_FILE
    #[arg(long, global = true, value_name = "URL")]
    pub database_url: Option<String>,
    /// Print the result as JSON
    #[arg(long, global = true)]
    pub json: bool,
}

/// What to do.
#[derive(Subcommand)]
pub enum Verb {
    /// Serve the native systems
    Serve(Serve),
    /// Run jobs and answer no requests: for more processes on the same data
    Worker(Worker),
    /// Put a service behind the host: start it, keep it running, and answer for it
    #[command(override_usage = "plimsoll run [OPTIONS] -- COMMAND [ARGUMENT]...\n       plimsoll run [OPTIONS] --upstream <URL>")]
    Run(Run),
    /// Watch over a service's process for `run`
    #[command(hide = true)]
    Shepherd {
        /// Become the command at once; the parent that it may not outlive
        #[arg(long = "become", value_name = "PARENT")]
        become_for: Option<u32>,
        /// The command
        #[arg(last = true, required = true)]
        command: Vec<OsString>,
    },
    /// Show, apply or undo schema migrations
    #[command(subcommand)]
    Migrate(Migrate),
    /// Make, list and close tenants
    #[command(subcommand)]
    Tenant(Tenant),
    /// Make, list and disable users
    #[command(subcommand)]
    User(User),
    /// Make, list and revoke API keys
    #[command(subcommand)]
    Key(Key),
    /// Look at jobs and dead letters, replay, discard or cancel them
    #[command(subcommand)]
    Jobs(Jobs),
    /// Hand out, erase and certify one person's data
    #[command(subcommand)]
    Subject(Subject),
    /// Read and verify the ledger
    #[command(subcommand)]
    Audit(Audit),
    /// Make, check, restore and rehearse backups
    #[command(subcommand)]
    Backup(Backup),
    /// Check and explain the configuration
    #[command(subcommand)]
    Config(ConfigVerb),
    /// Look at a project and propose a configuration for it; runs nothing of it
    Adopt(Adopt),
    /// Read a repository and report, practice by practice, what it has; runs nothing of it
    Assess(Box<Assess>),
    /// Attack a running deployment and report, practice by practice, what holds
    Prove(Prove),
    /// Write made-up data as files, to try a system with
    #[command(subcommand)]
    Demo(Demo),
    /// Check the environment: each line says what, why it matters, and the fix
    Doctor,
    /// Print the API description (OpenAPI 3.1)
    Openapi,
    /// Explain a problem code (PLM-AUTH-001, not-found) or a practice (rate-limit)
    Explain {
        /// A code, its name, the last part of a problem's type, or a practice [default: list them all]
        what: Option<String>,
    },
}

/// Where a serving verb listens.
#[derive(Args)]
pub struct Place {
    /// Address and port of the service
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<String>,
    /// Address and port for metrics and detailed health
    #[arg(long, value_name = "ADDRESS")]
    pub ops_listen: Option<String>,
}

/// `run`
#[derive(Args)]
pub struct Run {
    #[command(flatten)]
    pub place: Place,
    /// Address of a service that runs already, such as http://127.0.0.1:8000, instead of a command
    #[arg(long, value_name = "URL", conflicts_with = "command")]
    pub upstream: Option<String>,
    /// Make a tenant `service` and print a ready key of it
    #[arg(long)]
    pub key: bool,
    /// Apply pending migrations on PostgreSQL before serving (an embedded database migrates by itself)
    #[arg(long)]
    pub migrate: bool,
    /// What starts the service. It gets a port in the variable PORT; `$PORT` is replaced in its
    /// arguments (in quotes, or the shell does it first)
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

/// `serve`
#[derive(Args)]
pub struct Serve {
    #[command(flatten)]
    pub place: Place,
    /// Make a tenant `demo` with sample data and print a ready key
    #[arg(long)]
    pub demo: bool,
    /// Apply pending migrations on PostgreSQL before serving (an embedded database migrates by itself)
    #[arg(long)]
    pub migrate: bool,
    /// Routes with which a proof causes faults; for private instances on scratch data
    #[arg(long, hide = true)]
    pub rehearsal: bool,
}

/// `worker`
#[derive(Args)]
pub struct Worker {
    /// How many jobs run at once [default: work.slots]
    #[arg(long, value_name = "N")]
    pub slots: Option<u16>,
    /// Address and port for metrics and detailed health
    #[arg(long, value_name = "ADDRESS")]
    pub ops_listen: Option<String>,
    /// Apply pending migrations on PostgreSQL before starting (an embedded database migrates by itself)
    #[arg(long)]
    pub migrate: bool,
    /// Jobs with which a proof causes faults; for private instances on scratch data
    #[arg(long, hide = true)]
    pub rehearsal: bool,
}

/// `adopt`
#[derive(Args)]
pub struct Adopt {
    /// Folder of the project
    #[arg(default_value = ".")]
    pub path: PathBuf,
    /// Write plimsoll.toml without asking
    #[arg(long)]
    pub yes: bool,
}

/// What kind of service a proof is aimed at.
#[derive(clap::ValueEnum, Clone, Copy, PartialEq, Eq)]
pub enum TargetProfile {
    /// A Plimsoll: every probe
    Plimsoll,
    /// Any HTTP service: GET, HEAD and OPTIONS only, no credentials
    Generic,
}

/// `prove`
#[derive(Args)]
pub struct Prove {
    /// Where the deployment is [default: a private copy on scratch data, started and stopped here]
    pub url: Option<String>,
    /// A host besides this machine that may be attacked: yours, and told so; repeatable
    #[arg(long = "allow", value_name = "HOST", requires = "url")]
    pub allow: Vec<String>,
    /// Where the deployment's operations listener is [default: where the configuration says, on this machine]
    #[arg(long, value_name = "URL", requires = "url")]
    pub ops_url: Option<String>,
    /// What the target is; any other service than Plimsoll is only looked at, with reading requests
    #[arg(long, value_enum, default_value_t = TargetProfile::Plimsoll, requires = "url")]
    pub target_profile: TargetProfile,
    /// Repeats a run: same seed, same requests
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Only these practices; repeatable
    #[arg(long = "only", value_name = "PRACTICE")]
    pub only: Vec<String>,
    /// Switch each practice off in turn on private instances: exactly its own probe must break
    #[arg(long, conflicts_with = "url")]
    pub ablate: bool,
    /// With --ablate: only the probes of the same category attack, which takes a tenth of the time
    #[arg(long, requires = "ablate")]
    pub near: bool,
    /// Prove a private instance with this practice switched off, to see its probe break
    #[arg(long, value_name = "PRACTICE", conflicts_with = "url")]
    pub without: Option<String>,
    #[command(flatten)]
    pub show: Show,
}

/// How a proof is shown and what it must come to, and proofs from before.
#[derive(Args)]
pub struct Show {
    /// Form of the report; repeatable with --out [default: text]
    #[arg(long = "format", value_enum, value_name = "FORM")]
    pub formats: Vec<Form>,
    /// File for the one form that was asked for, or folder for several
    #[arg(long, value_name = "PATH")]
    pub out: Option<PathBuf>,
    /// What decides the exit code
    #[arg(long, value_enum, default_value_t = GateName::Claims)]
    pub gate: GateName,
    /// Show every practice, not only what is broken
    #[arg(long, short)]
    pub verbose: bool,
    /// Check the signature of a proof instead of making one
    #[arg(long, value_name = "FILE", conflicts_with_all = ["url", "ablate", "without", "only", "diff"])]
    pub verify: Option<PathBuf>,
    /// Who must have signed the proof to verify: the fingerprint of a key; repeatable
    #[arg(long = "signer", value_name = "FINGERPRINT", requires = "verify")]
    pub signers: Vec<String>,
    /// Show what changed between two proofs [default: the two newest that were kept]
    #[arg(long, num_args = 0..=2, value_names = ["OLD", "NEW"], conflicts_with_all = ["url", "ablate", "without", "only"])]
    pub diff: Option<Vec<PathBuf>>,
}

/// A form of the report.
#[derive(clap::ValueEnum, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// For a terminal
    Text,
    /// The model, plimsoll.report/1
    Json,
    /// For a wiki or a merge request
    Markdown,
    /// One page for a browser, nothing loaded
    Html,
    /// For code scanning, 2.1.0
    Sarif,
    /// For continuous integration, a practice is a test
    Junit,
    /// The signed model, plimsoll.proof/1
    Proof,
}

/// What decides the exit code of a proof.
#[derive(clap::ValueEnum, Clone, Copy, PartialEq, Eq)]
pub enum GateName {
    /// Everything that could be attacked holds
    Claims,
    /// The verdict is at least Minimum
    Minimum,
    /// The verdict is at least Recommended
    Recommended,
    /// The verdict is Full
    Full,
}

/// `migrate`
#[derive(Subcommand)]
pub enum Migrate {
    /// Every migration and whether it is applied
    Status,
    /// Apply what is pending
    Up,
    /// Undo the newest migrations
    Down {
        /// How many to undo
        #[arg(long, default_value_t = 1)]
        steps: usize,
        /// Confirm: data in dropped tables is lost
        #[arg(long)]
        yes: bool,
    },
}

/// `tenant`
#[derive(Subcommand)]
pub enum Tenant {
    /// Make a tenant
    Create {
        /// Short name: letters, digits, hyphens
        slug: String,
        /// Name for people [default: the slug]
        #[arg(long)]
        name: Option<String>,
    },
    /// List tenants
    List,
    /// Write everything of a tenant into an archive, while it is served
    Export(TenantExport),
    /// Bring a tenant back from an archive: over the live one, beside it, or into this store. A restore that was interrupted is finished by starting it again
    Restore(TenantRestore),
    /// End a tenant's hold without finishing what it was held for
    Release {
        /// Which one
        slug: String,
    },
    /// Close a tenant: nobody gets in any more; its data stays
    Close {
        /// Which one
        slug: String,
        /// Confirm
        #[arg(long)]
        yes: bool,
    },
}

/// `tenant export`
#[derive(Args)]
pub struct TenantExport {
    /// Which one
    pub slug: String,
    /// File to write; it must not exist
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Hold the tenant first and leave it held: nothing that it accepts is missing in the archive
    #[arg(long)]
    pub hold: bool,
}

/// `tenant restore`
#[derive(Args)]
pub struct TenantRestore {
    /// The archive: a tenant's own, or a backup
    #[arg(required_unless_present_any = ["backup", "at"])]
    pub file: Option<PathBuf>,
    /// A backup at the configured place instead of a file: its id, its name, or `latest`
    #[arg(long, value_name = "ID", conflicts_with = "file", requires = "tenant")]
    pub backup: Option<String>,
    /// Which tenant of a backup, by slug
    #[arg(long, value_name = "SLUG")]
    pub tenant: Option<String>,
    /// The tenant as it was at this moment, such as 2026-11-21T14:31:00Z: from the backup, or the newest before it, and the change log after that
    #[arg(long, value_name = "TIME", conflicts_with = "file", requires = "tenant")]
    pub at: Option<String>,
    /// Put the data beside the live tenant, as a new one with this short name
    #[arg(long = "as", value_name = "SLUG", conflicts_with = "over")]
    pub beside: Option<String>,
    /// Set the live tenant back: what it did since is gone
    #[arg(long, requires = "yes")]
    pub over: bool,
    /// Confirm --over
    #[arg(long)]
    pub yes: bool,
}

/// `user`
#[derive(Subcommand)]
pub enum User {
    /// Make a user, or give an existing one a role in a further tenant
    Create {
        /// Tenant, by slug
        #[arg(long)]
        tenant: String,
        /// E-mail address
        #[arg(long)]
        email: String,
        /// viewer, editor, admin or owner
        #[arg(long)]
        role: String,
        /// Read the password from standard input (one line); without it the user cannot log in yet
        #[arg(long)]
        password_stdin: bool,
    },
    /// List the users of a tenant
    List {
        /// Tenant, by slug
        #[arg(long)]
        tenant: String,
    },
    /// Disable a user everywhere: sessions end at once
    Disable {
        /// E-mail address
        #[arg(long)]
        email: String,
    },
}

/// `key`
#[derive(Subcommand)]
pub enum Key {
    /// Make an API key; it is shown once
    Create {
        /// Tenant, by slug
        #[arg(long)]
        tenant: String,
        /// viewer, editor, admin or owner
        #[arg(long)]
        role: String,
        /// What it is for
        #[arg(long, default_value = "command line")]
        name: String,
        /// Narrow it to permissions such as songs:read or songs:*; repeatable
        #[arg(long = "scope", value_name = "SCOPE")]
        scopes: Vec<String>,
        /// Lifetime such as 30d or 12h [default: none]
        #[arg(long, value_name = "TIME")]
        expires: Option<String>,
    },
    /// List the keys of a tenant
    List {
        /// Tenant, by slug
        #[arg(long)]
        tenant: String,
    },
    /// Withdraw a key
    Revoke {
        /// Tenant, by slug
        #[arg(long)]
        tenant: String,
        /// Its id, key_…
        id: String,
    },
    /// Begin to use a new signing key for access tokens; old tokens stay valid until they expire
    RotateSigning,
}

/// `audit`
#[derive(Subcommand)]
pub enum Audit {
    /// Walk a tenant's hash chain; exit code 1 when an entry does not fit
    Verify {
        /// Tenant, by slug [default: all]
        #[arg(long)]
        tenant: Option<String>,
    },
}

/// `config`
#[derive(Subcommand)]
pub enum ConfigVerb {
    /// Report every fault at once, without starting
    Check,
    /// Show a key's value, its meaning, and where it comes from
    Explain {
        /// Such as server.listen [default: all keys]
        key: Option<String>,
    },
    /// Print the reference of all keys as Markdown
    Reference,
    /// Print an example file with every key, commented
    Example,
}
