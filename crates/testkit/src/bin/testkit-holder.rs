//! Starts something, prints where it is, and holds it until standard input ends: for looking
//! around by hand, and for the kit's own tests, which kill the holder and see what becomes of it.
//!
//! `testkit-holder postgres` prints the URL of a private server's superuser and its directory;
//! `testkit-holder serve BINARY` the URL of the service.

use std::{
    env,
    io::{self, Read, Write},
    process::ExitCode,
};

use plimsoll_testkit::{postgres::Server, process::Plimsoll};

#[tokio::main]
async fn main() -> io::Result<ExitCode> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["postgres"] => {
            let server = Server::dedicated();
            hold(&format!("{}\n{}", server.superuser_url(), server.directory().display()))
        }
        ["serve", binary] => {
            let service = Plimsoll::at(binary).start().await;
            hold(&service.url())
        }
        _ => {
            writeln!(io::stderr(), "usage: testkit-holder postgres | serve BINARY")?;
            Ok(ExitCode::from(2))
        }
    }
}

fn hold(place: &str) -> io::Result<ExitCode> {
    let mut out = io::stdout();
    writeln!(out, "{place}")?;
    out.flush()?;
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(ExitCode::SUCCESS)
}
