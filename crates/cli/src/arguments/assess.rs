//! The command line of `assess`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// `assess`
#[derive(Args)]
#[command(
    args_conflicts_with_subcommands = true,
    override_usage = "plimsoll assess [OPTIONS] [PATH|URL]\n       plimsoll assess facts [OPTIONS] [PATH|URL]\n       plimsoll assess eval [OPTIONS] <TABLE> --repo <NAME=PATH>..."
)]
pub struct Assess {
    #[command(subcommand)]
    pub what: Option<AssessWhat>,
    #[command(flatten)]
    pub subject: Subject,
    #[command(flatten)]
    pub rules: Rules,
    /// Show how one practice is decided: the rule, the facts, the arithmetic
    #[arg(long, value_name = "PRACTICE")]
    pub explain: Option<String>,
    /// Form of the report; repeatable with --out [default: text]
    #[arg(long = "format", value_enum, value_name = "FORM")]
    pub formats: Vec<Look>,
    /// File for the one form that was asked for, or folder for several
    #[arg(long, value_name = "PATH", requires = "formats")]
    pub out: Option<PathBuf>,
    /// Shape of the Markdown and HTML forms: review, assessment, enterprise, checklist or todo
    #[arg(long, value_name = "SHAPE")]
    pub template: Option<String>,
    /// Report of `plimsoll prove`, or address of the running service, which is then asked with reading requests: where a probe knows something, it wins
    #[arg(long, value_name = "FILE|URL")]
    pub live: Option<String>,
    /// Host other than this machine that --live may ask; repeatable
    #[arg(long, value_name = "HOST", requires = "live")]
    pub allow: Vec<String>,
    /// An earlier report in its JSON form: gaps that it does not have are marked as new
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Show only gaps that the baseline does not have
    #[arg(long, requires = "baseline")]
    pub new_only: bool,
    /// What the exit code 1 stands for, separated by commas: critical, high, medium, low (each also with :new), score<70, incomplete, conflict, expired
    #[arg(long, value_name = "LIST", default_value = "")]
    pub fail_on: String,
    /// Show every practice, not only what is open
    #[arg(long, short)]
    pub verbose: bool,
}

/// Further things to do with a repository.
#[derive(Subcommand)]
pub enum AssessWhat {
    /// Print the facts that detectors see (a folder of this name is ./facts)
    Facts(AssessFacts),
    /// Hold the assessment against a table of truths: precision and recall by practice
    Eval(AssessEval),
}

/// `assess facts`
#[derive(Args)]
pub struct AssessFacts {
    #[command(flatten)]
    pub subject: Subject,
    /// Only facts of this kind, such as route, call, compose; repeatable
    #[arg(long = "kind", value_name = "KIND")]
    pub kinds: Vec<String>,
    /// Only facts of files whose path contains this
    #[arg(long, value_name = "TEXT")]
    pub file: Option<String>,
}

/// `assess eval`
#[derive(Args)]
pub struct AssessEval {
    /// Tab-separated: repo, commit, practice, truth, catalogue_id
    pub table: PathBuf,
    /// Where a repository of the table is; repeatable. A git repository is read at each row's commit; in the path of a folder
    /// `{commit}` stands for it
    #[arg(long = "repo", value_name = "NAME=PATH", required = true)]
    pub repos: Vec<String>,
    #[command(flatten)]
    pub rules: Rules,
    /// Read every file again
    #[arg(long)]
    pub no_cache: bool,
    /// Show each row that differs
    #[arg(long, short)]
    pub verbose: bool,
}

/// What is looked at.
#[derive(Args)]
pub struct Subject {
    /// Folder, or address of a git repository (https or ssh)
    #[arg(value_name = "PATH|URL", default_value = ".")]
    pub place: String,
    /// Commit, branch or tag instead of the files in the folder
    #[arg(long = "ref", value_name = "REF")]
    pub reference: Option<String>,
    /// Read every file again instead of remembering what unchanged ones said
    #[arg(long)]
    pub no_cache: bool,
    /// Name of the variable that holds the token for https
    #[arg(long, value_name = "VARIABLE")]
    pub credential: Option<String>,
    /// File with further authorities that may vouch for the server
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Fetch from addresses of this machine and its network, too
    #[arg(long)]
    pub allow_private_address: bool,
}

/// Which detectors are asked.
#[derive(Args)]
pub struct Rules {
    /// Folder with pages of practices, which go before those of the same name that are built in
    #[arg(long = "rules", value_name = "DIR")]
    pub folder: Option<PathBuf>,
}

/// A form of the report on a repository.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Look {
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
    /// A picture of the score
    Badge,
}
