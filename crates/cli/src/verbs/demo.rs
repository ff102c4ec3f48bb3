//! `plimsoll demo retention`: people who do not exist, as files.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use plimsoll::Code;
use plimsoll_core::Clock;
use plimsoll_retention::{
    cohort::{Cohort, LAST, Untidy, moved},
    formats::{
        Table,
        write::{self, Dialect},
    },
    record::Day,
};
use serde_json::{Value, json};

use super::{Ended, Outcome};
use crate::{
    arguments::{Demo, DemoFormat, DemoRetention, Global},
    output,
};

/// People between two words about how far it is.
const WORD: u64 = 2000;

/// Runs the verb; needs neither configuration nor database.
pub fn run(global: &Global, what: &Demo) -> Outcome {
    let Demo::Retention(options) = what;
    let until = options.until.as_deref().map(day).transpose()?;
    let told = written(options, until).map_err(|(path, error)| {
        let code = if error.kind() == io::ErrorKind::AlreadyExists { Code::Conflict } else { Code::ConfigInvalid };
        Ended::from(code.because(format!("{} cannot be written: {error}", path.display())))
    })?;
    output::result(global.json, &told, |told| {
        let files: Vec<&str> = told["files"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let faults = told["refusable"].as_u64().map(|count| format!(", {count} of whom a reader must refuse")).unwrap_or_default();
        format!("{} people{faults}\n{}", told["patients"], files.join("\n"))
    });
    Ok(0)
}

fn day(text: &str) -> Result<Day, Ended> {
    if text == "yesterday" {
        let today = Clock::system().now().micros().div_euclid(86_400_000_000);
        return Ok(Day(i32::try_from(today).unwrap_or_default() - 1));
    }
    let part = |from: usize, to: usize| text.get(from..to)?.parse::<u32>().ok();
    let read = || Day::new(i32::try_from(part(0, 4)?).ok()?, part(5, 7)?, part(8, 10)?);
    read()
        .filter(|day| day.to_string() == text)
        .ok_or_else(|| Code::Invalid.because("`--until` is a day such as 2026-11-21, or `yesterday`").into())
}

/// What went wrong, with the file.
type Failed = (PathBuf, io::Error);

/// A new file.
fn new(folder: &Path, name: &str, files: &mut Vec<String>) -> Result<BufWriter<File>, Failed> {
    let path = folder.join(name);
    let file = File::create_new(&path).map_err(|error| (path.clone(), error))?;
    files.push(path.display().to_string());
    Ok(BufWriter::with_capacity(1 << 20, file))
}

/// Where the records go.
enum Sink {
    Json(write::Json<BufWriter<File>>),
    Xml(write::Xml<BufWriter<File>>),
    Csv(Box<write::Csv<BufWriter<File>>>),
}

impl Sink {
    fn open(options: &DemoRetention, files: &mut Vec<String>) -> Result<Sink, Failed> {
        let out = options.out.as_path();
        let wrong = |error| (out.to_owned(), error);
        Ok(match options.format {
            DemoFormat::Ndjson => Sink::Json(write::Json::lines(new(out, "people.ndjson", files)?, Dialect::Message)),
            DemoFormat::Json => Sink::Json(write::Json::array(new(out, "people.json", files)?, Dialect::Message)),
            DemoFormat::Nmrs => Sink::Json(write::Json::array(new(out, "people.nmrs.json", files)?, Dialect::Extended)),
            DemoFormat::Xml => Sink::Xml(write::Xml::new(new(out, "people.xml", files)?).map_err(wrong)?),
            DemoFormat::Csv => {
                let [a, b, c, d] = Table::ALL.map(|table| new(out, table.file(), files));
                Sink::Csv(Box::new(write::Csv::new([a?, b?, c?, d?]).map_err(wrong)?))
            }
        })
    }

    fn dialect(&self, format: DemoFormat) -> Dialect {
        match (self, format) {
            (Sink::Json(_), DemoFormat::Nmrs) => Dialect::Extended,
            _ => Dialect::Message,
        }
    }

    fn tree(&mut self, tree: &Value) -> io::Result<()> {
        match self {
            Sink::Json(json) => json.tree(tree),
            Sink::Xml(xml) => xml.tree(tree),
            Sink::Csv(csv) => csv.tree(tree),
        }
    }

    /// Everything is on the disk.
    fn finish(self) -> io::Result<()> {
        let end = |out: BufWriter<File>| out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all();
        match self {
            Sink::Json(json) => end(json.finish()?),
            Sink::Xml(xml) => end(xml.finish()?),
            Sink::Csv(csv) => csv.finish()?.into_iter().try_for_each(end),
        }
    }
}

fn written(options: &DemoRetention, until: Option<Day>) -> Result<Value, Failed> {
    let out = options.out.as_path();
    let wrong = |error| (out.to_owned(), error);
    fs::create_dir_all(out).map_err(wrong)?;
    let (cohort, days) = (Cohort::new(options.seed), until.map_or(0, |until| until.since(LAST)));
    let amounts = Untidy { left: 0.5, ..Untidy::default() };
    let mut files = Vec::new();
    facilities(&cohort, new(out, "facilities.json", &mut files)?).map_err(wrong)?;
    let mut faults = if options.untidy { Some(new(out, "faults.ndjson", &mut files)?) } else { None };
    let mut sink = Sink::open(options, &mut files)?;
    let (dialect, mut refusable) = (sink.dialect(options.format), 0_u64);
    for member in cohort.members(options.patients) {
        let record = if options.untidy { cohort.untidy(&member, &amounts) } else { cohort.record(&member) };
        let mut tree = write::tree(&moved(record, days), dialect);
        if let Some(faults) = &mut faults {
            let planted = cohort.plant(member.number, &mut tree, &amounts);
            if !planted.is_empty() {
                refusable += 1;
                let all: Vec<Value> = planted.iter().map(|one| json!({ "reason": one.reason.code(), "pointer": one.pointer })).collect();
                writeln!(faults, "{}", json!({ "record": member.number, "faults": all })).map_err(wrong)?;
            }
        }
        sink.tree(&tree).map_err(wrong)?;
        if member.number % WORD == WORD - 1 {
            output::progress(&format!("{} of {} people", member.number + 1, options.patients));
        }
    }
    output::progress("");
    sink.finish().map_err(wrong)?;
    if let Some(mut faults) = faults {
        faults.flush().map_err(wrong)?;
    }
    let told = json!({ "patients": options.patients, "seed": options.seed, "files": files });
    Ok(if options.untidy { with(told, "refusable", json!(refusable)) } else { told })
}

fn with(mut told: Value, name: &str, value: Value) -> Value {
    told[name] = value;
    told
}

/// The facilities as `POST /v1/facilities/bulk` takes them: their level and place are features of models.
fn facilities(cohort: &Cohort, mut out: impl Write) -> io::Result<()> {
    let one = |one: &plimsoll_retention::cohort::Facility| {
        let level = ["primary", "secondary", "tertiary"][usize::from(one.level).min(2)];
        let place = if one.rural { "rural" } else { "urban" };
        json!({ "code": one.code, "name": format!("Facility {}", one.code), "level": level, "place": place, "state": one.state })
    };
    let all: Vec<Value> = cohort.facilities().iter().map(one).collect();
    writeln!(out, "{}", json!({ "items": all }))?;
    out.flush()
}
