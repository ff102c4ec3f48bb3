//! Options of the verbs about jobs, persons and backups.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Which jobs.
#[derive(Args)]
pub struct Which {
    /// A kind, or the beginning of one followed by a star (quote it: "webhook.*")
    #[arg(long)]
    pub kind: Option<String>,
    /// The code of the last failure, such as PLM-INT-001
    #[arg(long)]
    pub code: Option<String>,
    /// The id of the request that made them
    #[arg(long, value_name = "ID")]
    pub request: Option<String>,
    /// From this moment on (of their making; for replay and discard: of their death)
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// Before this moment
    #[arg(long, value_name = "TIME")]
    pub to: Option<String>,
    /// Longer ago than this, such as 15m or 2d
    #[arg(long, value_name = "SPAN")]
    pub older_than: Option<String>,
}

/// `jobs`
#[derive(Subcommand)]
pub enum Jobs {
    /// List jobs, newest first
    List {
        /// Tenant, by slug [default: all]
        #[arg(long)]
        tenant: Option<String>,
        /// Only those in this state
        #[arg(long, value_parser = plimsoll::work::admin::find::STATES)]
        state: Option<String>,
        #[command(flatten)]
        which: Which,
        /// The page, from 1
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(i64).range(1..=1_000_000_000))]
        page: i64,
        /// Jobs on a page
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(i64).range(1..=1000))]
        page_size: i64,
    },
    /// Show one with its payload and every failed attempt
    Show {
        /// Its id, job_…
        id: String,
    },
    /// Put a dead letter back into the queue, or many of them; each keeps its id and its history
    Replay {
        /// Its id, job_…; without one: many, chosen by the options below
        id: Option<String>,
        /// A corrected payload: JSON, @FILE, or - for standard input
        #[arg(long, value_name = "JSON", requires = "id")]
        payload: Option<String>,
        /// What was repaired, for the record
        #[arg(long)]
        reason: Option<String>,
        /// Tenant, by slug [default: all]
        #[arg(long, conflicts_with = "id")]
        tenant: Option<String>,
        #[command(flatten)]
        which: Which,
        /// At most so many, the oldest first
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..=1000))]
        limit: i64,
        /// Say how many there are and change nothing
        #[arg(long, conflicts_with = "id")]
        dry_run: bool,
    },
    /// Throw a dead letter away, or many of them
    Discard {
        /// Its id, job_…; without one: many, chosen by the options below
        id: Option<String>,
        /// Why it may be thrown away, for the record
        #[arg(long)]
        reason: String,
        /// Tenant, by slug [default: all]
        #[arg(long, conflicts_with = "id")]
        tenant: Option<String>,
        #[command(flatten)]
        which: Which,
        /// At most so many, the oldest first
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..=1000))]
        limit: i64,
        /// Say how many there are and change nothing
        #[arg(long, conflicts_with = "id")]
        dry_run: bool,
    },
    /// Keep a job from running, or tell a running one to stop
    Cancel {
        /// Its id, job_…
        id: String,
        /// Why, for the record
        #[arg(long)]
        reason: Option<String>,
    },
    /// Count jobs by kind and state, with ages and throughput
    Stats {
        /// Tenant, by slug [default: all]
        #[arg(long)]
        tenant: Option<String>,
    },
}

/// `subject`
#[derive(Subcommand)]
pub enum Subject {
    /// Everything that is held about one person, as JSON
    Export {
        #[command(flatten)]
        who: Who,
        /// File to write, readable by you only [default: standard output]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Remove everything that is held about one person; prints the signed certificate
    Erase {
        #[command(flatten)]
        who: Who,
        /// The key once more: an erasure cannot be undone
        #[arg(long, value_name = "KEY")]
        confirm: Option<String>,
    },
    /// Check a certificate or the receipt of an export, without a server; exit code 1 when it was altered or signed by somebody else
    Verify {
        /// The certificate
        file: PathBuf,
        /// Keys to trust: a file from /.well-known/certificate-keys.json [default: the key of the data folder]
        #[arg(long, value_name = "FILE")]
        keys: Option<PathBuf>,
    },
}

/// Whose data is meant.
#[derive(Args)]
pub struct Who {
    /// Tenant, by slug
    #[arg(long)]
    pub tenant: String,
    /// Kind of person, as a system declares it; `person` for people with an account
    #[arg(long)]
    pub kind: String,
    /// The person's key: an id, or an e-mail address for `person`
    #[arg(long)]
    pub key: String,
}

/// `backup`
#[derive(Subcommand)]
pub enum Backup {
    /// Make a backup of everything, while everything goes on
    Create,
    /// List the backups at their place
    List,
    /// Read a backup to its end; exit code 1 when it is not whole
    Verify {
        /// Its id, or its name at the place
        #[arg(default_value = "latest")]
        what: String,
    },
    /// Restore a backup into an empty database
    Restore {
        /// Its id, or its name at the place
        #[arg(default_value = "latest")]
        what: String,
        /// The state at this moment instead, such as 2026-11-21T14:31:00Z: the newest backup before it, and what the change log says after that
        #[arg(long, value_name = "TIME", conflicts_with = "what")]
        at: Option<String>,
        /// Take the place of an embedded database that is there; its file is kept under another name
        #[arg(long)]
        replace: bool,
    },
    /// Restore the newest backup into a scratch database and compare everything; exit code 1 when something differs
    Drill,
    /// Remove the backups that the policy does not keep
    Prune,
    /// Wrap the keys of all backups with the present `archive.key`
    Rewrap,
}
