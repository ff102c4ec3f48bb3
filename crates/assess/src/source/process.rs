//! A foreign program within bounds: it gets its input, is read while it speaks, and is ended with
//! everything it started when its time is over.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::abandon;

/// The most of what it complains that is kept, in bytes.
const COMPLAINT: u64 = 16 << 10;

/// How a program ended.
pub(super) struct Ended {
    /// Whether it said that all went well.
    pub well: bool,
    /// Why it was ended, where it did not end by itself.
    pub stopped: Option<String>,
    /// What it said on standard error.
    pub said: String,
}

/// Runs a program: writes `input`, hands what it says to `read`, and ends it at `until` or when `tick` gives a reason.
pub(super) fn talk<T: Send>(
    mut command: Command,
    input: &[u8],
    until: Instant,
    tick: &(dyn Fn() -> Option<String> + Sync),
    read: impl FnOnce(&mut dyn BufRead) -> io::Result<T>,
) -> io::Result<(io::Result<T>, Ended)> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = abandon::start(&mut command)?;
    let (mut entry, exit, complaint) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    thread::scope(|scope| {
        scope.spawn(move || {
            if let Some(entry) = &mut entry {
                // It may end before it has read everything.
                let _ = entry.write_all(input);
            }
        });
        let said = scope.spawn(move || complaint.map(told).unwrap_or_default());
        let end = scope.spawn(move || tend(child, until, tick));
        let result = match exit {
            Some(exit) => read(&mut BufReader::with_capacity(1 << 16, exit)),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        };
        let (status, stopped) = end.join().unwrap_or((None, Some("nobody watched over it".into())));
        let said = said.join().unwrap_or_default();
        Ok((result, Ended { well: stopped.is_none() && status.is_some_and(|status| status.success()), stopped, said }))
    })
}

/// What it complains about, up to a bound; the rest is read so that it does not wait.
fn told(mut from: impl Read) -> String {
    let mut bytes = Vec::new();
    let _ = from.by_ref().take(COMPLAINT).read_to_end(&mut bytes);
    let _ = io::copy(&mut from, &mut io::sink());
    String::from_utf8_lossy(&bytes).into_owned()
}

fn tend(mut child: Child, until: Instant, tick: &(dyn Fn() -> Option<String> + Sync)) -> (Option<ExitStatus>, Option<String>) {
    let mut pause = Duration::from_millis(1);
    loop {
        match abandon::ended(&mut child) {
            Ok(Some(status)) => return (Some(status), None),
            Ok(None) => {}
            Err(_) => return (None, Some("it was lost".into())),
        }
        let stop = if Instant::now() >= until { Some("it took too long".to_owned()) } else { tick() };
        if let Some(why) = stop {
            abandon::end(child.id());
            let _ = child.kill();
            let status = loop {
                match abandon::ended(&mut child) {
                    Ok(None) => thread::sleep(Duration::from_millis(1)),
                    other => break other.ok().flatten(),
                }
            };
            return (status, Some(why));
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(40));
    }
}
