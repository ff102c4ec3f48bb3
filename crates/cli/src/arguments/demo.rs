//! Made-up data.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// `demo`
#[derive(Subcommand)]
pub enum Demo {
    /// People on treatment who do not exist, as the exports of their facilities would have them
    Retention(DemoRetention),
}

/// `demo retention`
#[derive(Args)]
pub struct DemoRetention {
    /// How many people
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub patients: u64,
    /// The seed: the same one gives the same people, whatever else is asked for
    #[arg(long, value_name = "S", default_value_t = plimsoll_retention::DEMO_SEED)]
    pub seed: u64,
    /// How they are written
    #[arg(long, value_enum, default_value_t = DemoFormat::Ndjson)]
    pub format: DemoFormat,
    /// Folder for the files, made where it is not there; a file that is there already is left alone
    #[arg(long, value_name = "DIR", default_value = "retention-demo")]
    pub out: PathBuf,
    /// The day on which their records end, such as 2026-11-21, or `yesterday`, the latest that a server takes [default: the one of
    /// the generator, 2024-06-30, on which nobody is expected any more today]
    #[arg(long, value_name = "DATE")]
    pub until: Option<String>,
    /// With what real exports have: rows that were taken back, people who left, values that are wrong. `faults.ndjson` says
    /// which records a reader must refuse, and why
    #[arg(long)]
    pub untidy: bool,
}

/// How made-up records are written.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DemoFormat {
    /// One message on each line
    Ndjson,
    /// An array of messages
    Json,
    /// An array of messages as a document store exports them: dates in a wrapping, numbers as text
    Nmrs,
    /// One document
    Xml,
    /// Four tables
    Csv,
}
