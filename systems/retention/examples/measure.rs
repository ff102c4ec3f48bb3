//! How fast one core is: people drawn, records made, features built, files written and read.
//!
//! `cargo run --release -p plimsoll-retention --example measure -- 5000`, and with a second number also a
//! file of so many megabytes, of which the memory is told.

use std::{
    hint::black_box,
    io::{self, BufReader, Read, Write},
    time::{Duration, Instant},
};

use plimsoll_retention::{
    cohort::Cohort,
    features::{Facility, History, NAMES, fill, label},
    formats::{Bundle, Json, Ndjson, Source, Xml, write},
    record::{Day, Record},
};

/// Time of this thread on a core, where the system tells it: on a machine with other work, the time on
/// the wall says little.
fn spent() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

struct Began(Instant, Option<Duration>);

impl Began {
    fn now() -> Began {
        Began(Instant::now(), spent())
    }
}

fn told(what: &str, count: usize, began: Began, bytes: usize) {
    let wall = began.0.elapsed();
    let core = spent().zip(began.1).map_or(wall, |(now, then)| now.saturating_sub(then)).as_secs_f64();
    let rate = if bytes == 0 { String::new() } else { format!(", {:.0} MB", bytes as f64 / core / 1e6) };
    println!("{what:<26} {:>9.0} per second of a core, {:>9.0} on the wall{rate}", count as f64 / core, count as f64 / wall.as_secs_f64());
}

fn main() -> io::Result<()> {
    let count = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(5000_usize);
    let cohort = Cohort::new(7);
    let began = Began::now();
    let members: Vec<_> = cohort.members(count as u64).collect();
    told("people drawn", count, began, 0);
    let began = Began::now();
    let records: Vec<_> = members.iter().map(|member| cohort.record(member)).collect();
    told("records made of them", count, began, 0);
    let rows: usize = records.iter().map(|one| one.observations.len()).sum();
    println!("{:.1} observations each", rows as f64 / count as f64);

    let facility = Some(Facility { level: 1, rural: true });
    let began = Began::now();
    let histories: Vec<_> = records.iter().map(|record| History::of(record, facility)).collect();
    told("histories of records", count, began, 0);
    let (mut out, mut sum) = ([0.0; NAMES.len()], 0.0);
    let rounds = 20;
    let began = Began::now();
    for round in 0..rounds {
        for (history, member) in histories.iter().zip(&members) {
            fill(history, Day(member.index.0 + round), &mut out);
            sum += out[0];
        }
    }
    told("features of histories", count * rounds as usize, began, 0);
    let began = Began::now();
    for (record, member) in records.iter().zip(&members) {
        fill(&History::of(record, facility), member.index, &mut out);
        sum += out[0];
    }
    told("features of records", count, began, 0);
    let began = Began::now();
    for _ in 0..rounds {
        for (history, member) in histories.iter().zip(&members) {
            black_box(label(history, member.index, plimsoll_retention::cohort::LAST));
        }
    }
    told("labels", count * rounds as usize, began, 0);
    black_box(sum);

    let source = Source::at(Day(30_000).start());
    for dialect in [write::Dialect::Message, write::Dialect::Extended] {
        let began = Began::now();
        let mut lines = write::Json::lines(Vec::new(), dialect);
        records.iter().try_for_each(|record| lines.record(record))?;
        let text = lines.finish()?;
        told(&format!("{dialect:?} JSON written"), count, began, text.len());
        let began = Began::now();
        assert_eq!(Ndjson::new(text.as_slice(), &source).filter(|entry| entry.read.is_ok()).count(), count);
        told(&format!("{dialect:?} NDJSON read"), count, began, text.len());
        let began = Began::now();
        assert_eq!(Json::new(text.as_slice(), &source).filter(|entry| entry.read.is_ok()).count(), count);
        told(&format!("{dialect:?} JSON read"), count, began, text.len());
    }
    let began = Began::now();
    let mut xml = write::Xml::new(Vec::new())?;
    records.iter().try_for_each(|record| xml.record(record))?;
    let text = xml.finish()?;
    told("XML written", count, began, text.len());
    let began = Began::now();
    assert_eq!(Xml::new(text.as_slice(), &source).filter(|entry| entry.read.is_ok()).count(), count);
    told("XML read", count, began, text.len());
    let began = Began::now();
    let mut csv = write::Csv::new([const { Vec::new() }; 4])?;
    records.iter().try_for_each(|record| csv.record(record))?;
    let files = csv.finish()?;
    let bytes = files.iter().map(Vec::len).sum();
    told("CSV written", count, began, bytes);
    let began = Began::now();
    let bundle = Bundle::new(files.each_ref().map(Vec::as_slice), &source).map_err(io::Error::other)?;
    assert_eq!(bundle.filter(|entry| entry.read.is_ok()).count(), count);
    told("CSV read", count, began, bytes);
    if let Some(megabytes) = std::env::args().nth(2).and_then(|text| text.parse().ok()) {
        large(megabytes, &records, &source)?;
    }
    io::stdout().flush()
}

/// The same text over and over.
struct Round<'a>(&'a [u8], usize);

impl Read for Round<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let rest = &self.0[self.1..];
        let taken = rest.len().min(out.len());
        out[..taken].copy_from_slice(&rest[..taken]);
        self.1 = (self.1 + taken) % self.0.len();
        Ok(taken)
    }
}

/// The most memory that the process ever had, in kB.
fn most() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    text.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.trim().parse().ok())
}

/// Reads a file of so many megabytes in each format that can be made by repetition.
fn large(megabytes: u64, records: &[Record], source: &Source) -> io::Result<()> {
    let bytes = megabytes * 1_000_000;
    let mut lines = write::Json::lines(Vec::new(), write::Dialect::Extended);
    records.iter().try_for_each(|record| lines.record(record))?;
    let lines = lines.finish()?;
    let mut xml = write::Xml::new(Vec::new())?;
    records.iter().try_for_each(|record| xml.record(record))?;
    let mut xml = xml.finish()?;
    let body = xml.windows(9).position(|part| part == b"<message>").unwrap_or(0);
    let head = xml.drain(..body).collect::<Vec<u8>>();
    xml.truncate(xml.len() - b"</messages>\n".len());
    let before = most();
    let (began, stream) = (Began::now(), BufReader::new(Round(&lines, 0).take(bytes)));
    let read = Ndjson::new(stream, source).filter(|entry| entry.read.is_ok()).count();
    told(&format!("{megabytes} MB of NDJSON"), read, began, bytes as usize);
    let (began, stream) = (Began::now(), BufReader::new(head.as_slice().chain(Round(&xml, 0).take(bytes))));
    let read = Xml::new(stream, source).filter(|entry| entry.read.is_ok()).count();
    told(&format!("{megabytes} MB of XML"), read, began, bytes as usize);
    if let Some((before, after)) = before.zip(most()) {
        println!("most memory {after} kB, of it {} kB since the reading began", after - before);
    }
    Ok(())
}
