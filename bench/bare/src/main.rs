//! The yardstick of the benchmark: artists and songs as a plain axum handler over SQLite or
//! PostgreSQL. No authentication, no limits, no log, no group commit; what is here is written
//! with care, because a slow yardstick would flatter whatever is measured against it.

mod contract;
mod pg;
mod sqlite;

use std::error::Error;

use axum::Router;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;

const USAGE: &str = "usage: bare --listen 127.0.0.1:PORT (--sqlite FILE [--sync normal|full] | --pg URL)";

struct Options {
    listen: String,
    database: Database,
}

enum Database {
    Sqlite { file: String, sync: sqlite::Sync },
    Postgres { url: String },
}

fn options(mut args: impl Iterator<Item = String>) -> Result<Options, String> {
    let (mut listen, mut file, mut url, mut sync) = (None, None, None, sqlite::Sync::Full);
    while let Some(flag) = args.next() {
        let value = args.next().ok_or_else(|| format!("{flag} needs a value\n{USAGE}"))?;
        match flag.as_str() {
            "--listen" => listen = Some(value),
            "--sqlite" => file = Some(value),
            "--pg" => url = Some(value),
            "--sync" => sync = value.parse()?,
            _ => return Err(format!("unknown option {flag}\n{USAGE}")),
        }
    }
    let database = match (file, url) {
        (Some(file), None) => Database::Sqlite { file, sync },
        (None, Some(url)) => Database::Postgres { url },
        _ => return Err(format!("exactly one of --sqlite and --pg is needed\n{USAGE}")),
    };
    Ok(Options { listen: listen.ok_or(USAGE)?, database })
}

async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            terminate.recv().await;
        }
        Err(_) => std::future::pending().await,
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = options(std::env::args().skip(1))?;
    let router: Router = match options.database {
        Database::Sqlite { file, sync } => sqlite::router(&file, sync)?,
        Database::Postgres { url } => pg::router(&url)?,
    };
    let listener = TcpListener::bind(&options.listen).await?.tap_io(|stream| {
        // A failure here costs latency, not correctness.
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, router).with_graceful_shutdown(stop_signal()).await?;
    Ok(())
}
