//! Input that was made to break the readers: no panic, no endless reading, and the place is named.

use std::time::{Duration, Instant};

use plimsoll_retention::{
    cohort::{Cohort, Stream},
    formats::{Bundle, Entry, Json, Ndjson, Source, Xml, one, write},
    record::Reason,
};

use super::formats::source;

fn reason(entry: Option<Entry>) -> Reason {
    entry.expect("an entry").read.expect_err("a reject")[0].reason
}

#[test]
fn nesting_and_size_are_bounded() {
    let mut source = source();
    let deep = "{\"a\":".repeat(100_000) + "1" + &"}".repeat(100_000);
    assert_eq!(reason(Json::new(deep.as_bytes(), &source).next()), Reason::TooDeep);
    assert_eq!(reason(Ndjson::new(deep.as_bytes(), &source).next()), Reason::TooDeep);
    assert_eq!(reason(Json::new("[".repeat(1_000_000).as_bytes(), &source).last()), Reason::Unfinished);
    let many = format!("{{\"a\":[{}1]}}", "1,".repeat(400_000));
    assert_eq!(reason(Json::new(many.as_bytes(), &source).next()), Reason::TooMany);
    let xml = "<a><b>".to_owned() + &"<c>".repeat(100_000);
    assert_eq!(reason(Xml::new(xml.as_bytes(), &source).last()), Reason::TooDeep);
    let xml = "<a><b>".to_owned() + &"<c/>".repeat(400_000);
    assert_eq!(reason(Xml::new(xml.as_bytes(), &source).last()), Reason::TooMany);
    source.limits.bytes = 1000;
    let long = format!("{{\"a\": \"{}\"}}", "x".repeat(5000));
    let text = format!("[{long},{{}}]");
    let read: Vec<Entry> = Json::new(text.as_bytes(), &source).collect();
    assert_eq!((read.len(), read[0].original.len()), (2, 0), "the next one is read");
    assert_eq!(reason(read.into_iter().next()), Reason::TooLarge);
    assert_eq!(reason(Ndjson::new(long.as_bytes(), &source).next()), Reason::TooLarge);
    for xml in [format!("<a><b>{}", "x".repeat(5000)), format!("<a><{}", "x".repeat(5000)), format!("<!--{}", "x".repeat(5000))] {
        assert_eq!(reason(Xml::new(xml.as_bytes(), &source).last()), Reason::TooLarge);
    }
    assert_eq!(one(long.as_bytes(), &source).unwrap_err()[0].reason, Reason::TooLarge);
    source.limits.rows = 2;
    let rows = "{\"messageData\":{\"demographics\":{},\"visits\":[1,2,3]}}";
    assert!(one(rows.as_bytes(), &source).unwrap_err().iter().any(|reject| reject.reason == Reason::TooMany));
}

#[test]
fn document_types_and_entities_are_refused() {
    let source = source();
    let first = |text: &str| reason(Xml::new(text.as_bytes(), &source).next());
    assert_eq!(first("<!DOCTYPE a [<!ENTITY b \"c\">]><a><m>&b;</m></a>"), Reason::DocumentType);
    assert_eq!(first("<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>"), Reason::DocumentType);
    assert_eq!(first("<a><m>&xxe;</m></a>"), Reason::Entity);
    assert_eq!(first("<a><m>&#0;</m></a>"), Reason::Entity);
    assert_eq!(first("<a><m>&#1;</m></a>"), Reason::BadText);
    assert_eq!(first("<a><m>&#x110000;</m></a>"), Reason::Entity);
    assert_eq!(first("<?xml version='1.0' encoding='UTF-16'?><a/>"), Reason::NotText);
    let bytes = b"<a><m>\xff</m></a>";
    assert!(Xml::new(bytes.as_slice(), &source).next().unwrap().read.is_err());
    assert!(Json::new(b"{\"a\": \"\xff\"}".as_slice(), &source).next().unwrap().read.is_err());
}

#[test]
fn giant_numbers_and_strange_strings_are_no_trouble() {
    let source = source();
    let numbers = ["1e999", "-1e999", "123456789012345678901234567890", "0.1e-400", "-0", "1E+2", "01", "1.", "--1", "NaN", "Infinity"];
    let strings = [r#""\ud800""#, r#""\u0000""#, "\"\u{202e}\"", "\"\\\"\"", "\"\\", "\"\n\""];
    for value in numbers.iter().chain(&strings) {
        for place in ["birthdate", "gender", "phoneNumber", "patientUuid"] {
            let text = format!(
                "{{\"messageData\":{{\"demographics\":{{\"{place}\":{value}}},\"obs\":[{{\"valueNumeric\":{value},\"obsDatetime\":{value}}}]}}}}"
            );
            let entries: Vec<Entry> = Json::new(text.as_bytes(), &source).collect();
            assert_eq!(entries.len(), 1, "{text}");
            let rejects = entries[0].read.as_ref().expect_err("nobody is described");
            assert!(rejects.iter().all(|reject| reject.line.is_some()), "{rejects:?}");
        }
    }
}

#[test]
fn csv_that_is_broken_ends_and_is_told() {
    let source = source();
    let files = |visits: &str| {
        let patients = "patientUuid,birthdate,gender\na,1990-01-01,F\nb,1990-01-01,M\n".to_owned();
        let encounters = "patientUuid,encounterUuid,encounterDatetime\n".to_owned();
        let observations = "patientUuid,encounterUuid,variableName,obsDatetime\n".to_owned();
        let all = [patients, format!("patientUuid,dateStarted\n{visits}"), encounters, observations];
        let entries: Vec<Entry> = Bundle::new(all.each_ref().map(String::as_bytes), &source).unwrap().collect();
        entries.into_iter().flat_map(|entry| entry.read.err().unwrap_or_default()).map(|reject| reject.reason).collect::<Vec<_>>()
    };
    assert_eq!(files("a,2024-01-01\nb,2024-01-01"), []);
    assert_eq!(files("a,\"2024-01-01\nb,2024-01-01"), [Reason::Unfinished]);
    assert_eq!(files("a,\"2024-01-01\"x\nb,2024-01-01"), [Reason::Syntax]);
    assert_eq!(files("a\nb,2024-01-01"), [Reason::Syntax]);
    assert_eq!(files("a,2024-01-01,more\nb,2024-01-01"), [Reason::Syntax]);
    assert_eq!(files("b,2024-01-01\na,2024-01-01"), [Reason::NotSorted]);
    assert_eq!(files("0,2024-01-01\n"), [Reason::UnknownPatient]);
    assert_eq!(files("c,2024-01-01\n"), [Reason::UnknownPatient]);
    assert_eq!(files(&format!("a,\"{}", "x".repeat(3 << 20))), [Reason::TooLarge]);
    assert_eq!(files(&format!("a{}", ",".repeat(10_000))), [Reason::Syntax]);
}

/// Cuts, doubles, overwrites and splices, the same way every time.
fn twist(stream: &mut Stream, text: &[u8]) -> Vec<u8> {
    const MARKS: [&[u8]; 24] = [
        b"{",
        b"}",
        b"[",
        b"]",
        b"\"",
        b"\\",
        b",",
        b":",
        b"<",
        b">",
        b"</",
        b"<!--",
        b"]]>",
        b"&",
        b"&#",
        b"\n",
        b"\r",
        b"\0",
        b"\xff",
        b"null",
        b"1e999",
        b"-",
        b"<![CDATA[",
        b"{\"$date\":",
    ];
    let mut out = text.to_vec();
    for _ in 0..stream.between(1, 4) {
        let at = stream.between(0, out.len() as i32) as usize;
        let to = (at + stream.between(0, 60) as usize).min(out.len());
        match stream.between(0, 3) {
            0 => drop(out.drain(at..to)),
            1 => {
                let piece = out[at..to].to_vec();
                out.splice(at..at, piece);
            }
            2 => out.truncate(at),
            _ => drop(out.splice(at..at, MARKS[stream.between(0, 23) as usize].iter().copied())),
        }
    }
    out
}

fn drain(entries: impl Iterator<Item = Entry>, most: usize) {
    let mut count = 0;
    for entry in entries {
        count += 1;
        assert!(count <= most, "more entries than bytes");
        if let Err(rejects) = entry.read {
            assert!(!rejects.is_empty() && rejects.iter().all(|reject| reject.line.is_some() || !reject.pointer.is_empty()), "{rejects:?}");
        }
    }
}

#[test]
fn twisted_files_are_read_to_their_end() {
    let source: Source = source();
    let cohort = Cohort::new(5);
    let mut record = cohort.record(&cohort.member(1));
    record.observations.truncate(4);
    let (mut json, mut xml) = (write::Json::array(Vec::new(), write::Dialect::Extended), write::Xml::new(Vec::new()).unwrap());
    let (mut lines, mut csv) =
        (write::Json::lines(Vec::new(), write::Dialect::Message), write::Csv::new([const { Vec::new() }; 4]).unwrap());
    for number in [1, 2] {
        record.person.uuid = format!("p-{number}");
        json.record(&record).unwrap();
        lines.record(&record).unwrap();
        xml.record(&record).unwrap();
        csv.record(&record).unwrap();
    }
    let (json, lines, xml, csv) = (json.finish().unwrap(), lines.finish().unwrap(), xml.finish().unwrap(), csv.finish().unwrap());
    // As in the other tests of this kind: `PLIMSOLL_FUZZ_SECONDS` makes a long run, `PLIMSOLL_FUZZ_SEED` another one.
    let number = |name: &str| std::env::var_os(name).and_then(|text| text.to_str()?.parse::<u64>().ok());
    let until = number("PLIMSOLL_FUZZ_SECONDS").map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let mut stream = Stream::new(number("PLIMSOLL_FUZZ_SEED").unwrap_or(20));
    let mut rounds = 0;
    while until.map_or(rounds < 400, |until| Instant::now() < until) {
        rounds += 1;
        let text = twist(&mut stream, &json);
        drain(Json::new(text.as_slice(), &source), text.len());
        let text = twist(&mut stream, &lines);
        drain(Ndjson::new(text.as_slice(), &source), text.len());
        let text = twist(&mut stream, &xml);
        drain(Xml::new(std::io::BufReader::with_capacity(11, text.as_slice()), &source), text.len());
        let mut files = csv.clone();
        let at = stream.between(0, 3) as usize;
        files[at] = twist(&mut stream, &files[at]);
        if let Ok(bundle) = Bundle::new(files.each_ref().map(Vec::as_slice), &source) {
            drain(bundle, files.iter().map(Vec::len).sum());
        }
    }
    eprintln!("{rounds} rounds");
}
