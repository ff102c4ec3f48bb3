//! Stands in for the service where the kit tests itself: it takes the same command line and does
//! as little as the kit can notice. `STAND_IN` says how it behaves: `refuses` ends `serve` with
//! code 3, `sleeps` never listens.

use std::{
    env,
    io::{self, BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::ExitCode,
    sync::atomic::{AtomicU32, Ordering},
};

/// The answers to `/health/ready` so far; the first ones are not 200, as on a slow start.
static ASKED: AtomicU32 = AtomicU32::new(0);

fn main() -> io::Result<ExitCode> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let behaviour = env::vars_os().find(|(name, _)| name == "STAND_IN").map(|(_, value)| value.to_string_lossy().into_owned());
    if arguments.first().is_none_or(|command| command != "serve") {
        return report(&arguments);
    }
    println!("serving {}", arguments.join(" "));
    match behaviour.as_deref() {
        Some("refuses") => {
            eprintln!("the data directory is of a later version");
            Ok(ExitCode::from(3))
        }
        Some("sleeps") => loop {
            std::thread::park();
        },
        _ => serve(&arguments),
    }
}

/// Prints as JSON what a command was given.
fn report(arguments: &[String]) -> io::Result<ExitCode> {
    let mut input = String::new();
    io::stdin().read_to_string(&mut input)?;
    let mut seen: Vec<String> = env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned()).collect();
    seen.retain(|name| name.starts_with("PLIMSOLL_"));
    let failed = arguments.first().is_some_and(|command| command == "fail");
    println!("{}", serde_json::json!({ "arguments": arguments, "input": input, "variables": seen }));
    eprintln!("done");
    Ok(ExitCode::from(if failed { 4 } else { 0 }))
}

fn serve(arguments: &[String]) -> io::Result<ExitCode> {
    let address = |flag: &str| arguments.iter().skip_while(|argument| *argument != flag).nth(1).cloned().unwrap_or_default();
    let operations = TcpListener::bind(address("--ops-listen"))?;
    std::thread::spawn(move || operations.incoming().flatten().for_each(|stream| drop(answer(stream, "operations"))));
    let public = TcpListener::bind(address("--listen"))?;
    public.incoming().flatten().for_each(|stream| drop(answer(stream, "public")));
    Ok(ExitCode::SUCCESS)
}

fn answer(stream: TcpStream, listener: &str) -> io::Result<()> {
    let mut lines = BufReader::new(&stream).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    let early = request.starts_with("GET /health/ready") && ASKED.fetch_add(1, Ordering::SeqCst) < 2;
    let status = if early { "503 Service Unavailable" } else { "200 OK" };
    write!(&stream, "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{listener}", listener.len())
}
