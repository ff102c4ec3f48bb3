//! Records written and read again, and what is said of those that are wrong.

use plimsoll_retention::{
    cohort::Cohort,
    formats::{Bundle, Entry, Json, Ndjson, Rows, Source, Table, Xml, one, tree, write},
    record::{Day, Gender, Reason, Record, Stamp, words},
};
use serde_json::{Value, json};

use super::hand::{Hand, day, now};

pub fn source() -> Source {
    Source::at(now())
}

/// Everybody's record.
fn records(count: u64) -> Vec<Record> {
    let cohort = Cohort::new(77);
    cohort.members(count).map(|member| cohort.record(&member)).collect()
}

/// A record with texts that formats have to mask.
fn awkward() -> Record {
    let mut hand = Hand::new()
        .visit(day(2, 1), None)
        .form(day(2, 1), "Form \"A\", <b> & 'c';\tnext")
        .says("Weight (kg)", Some(0.1 + 0.2), None)
        .says("Note", None, Some("line one\nline two, \"quoted\" ]]> &amp; \u{1F600} é"))
        .says("Lab", Some(-1e6), Some("beside a number"));
    let last = hand.0.observations.last_mut().expect("an answer");
    (last.coded, last.concept, last.voided) = (Some("1065".to_owned()), Some("856".to_owned()), true);
    hand.0.observations[1].coded = Some("77".to_owned());
    hand.0.encounters[0].visit = Some("v-0".to_owned());
    hand.0.encounters[0].form_id = Some("12".to_owned());
    hand.0.person.birthdate = Day::new(1951, 7, 9);
    hand.0.person.gender = Some(Gender::Male);
    hand.0.touched = Some(Stamp(1_700_000_000));
    hand.0.sort();
    hand.0
}

fn all() -> Vec<Record> {
    let mut all = records(60);
    // Its id comes after theirs.
    all.push(awkward());
    all
}

fn taken(entries: impl Iterator<Item = Entry>) -> Vec<Record> {
    entries.map(|entry| entry.read.unwrap_or_else(|rejects| panic!("record {} was refused: {}", entry.index, rejects[0]))).collect()
}

#[test]
fn a_record_comes_back_the_same_from_json_of_both_dialects() {
    let (source, all) = (source(), all());
    for dialect in [write::Dialect::Message, write::Dialect::Extended] {
        let (mut array, mut lines) = (write::Json::array(Vec::new(), dialect), write::Json::lines(Vec::new(), dialect));
        for record in &all {
            array.record(record).unwrap();
            lines.record(record).unwrap();
        }
        let (array, lines) = (array.finish().unwrap(), lines.finish().unwrap());
        assert_eq!(taken(Json::new(array.as_slice(), &source)), all);
        assert_eq!(taken(Ndjson::new(lines.as_slice(), &source)), all);
        assert_eq!(taken(Json::new(lines.as_slice(), &source)), all, "one after the other is JSON as well");
        let single = serde_json::to_vec_pretty(&write::tree(&all[3], dialect)).unwrap();
        assert_eq!(taken(Json::new(single.as_slice(), &source)), [all[3].clone()]);
    }
}

#[test]
fn a_record_comes_back_the_same_from_xml() {
    let (source, all) = (source(), all());
    let mut out = write::Xml::new(Vec::new()).unwrap();
    all.iter().for_each(|record| out.record(record).unwrap());
    let text = out.finish().unwrap();
    assert_eq!(taken(Xml::new(text.as_slice(), &source)), all);
    // The same from a stream that gives a few bytes at a time.
    let slow = std::io::BufReader::with_capacity(7, text.as_slice());
    assert_eq!(taken(Xml::new(slow, &source)), all);
    for entry in Xml::new(text.as_slice(), &source) {
        assert_eq!(one(&entry.original, &source), entry.read, "what is kept of it is the same record");
    }
}

#[test]
fn a_record_comes_back_the_same_from_csv() {
    let (source, all) = (source(), all());
    let files = bundle(&all);
    let streams = || [0, 1, 2, 3].map(|at| files[at].as_slice());
    for (stream, table) in streams().into_iter().zip(Table::ALL) {
        assert!(Rows::new(stream, table).unwrap().in_order().unwrap() > 0);
    }
    assert_eq!(taken(Bundle::new(streams(), &source).unwrap()), all);
    for entry in Bundle::new(streams(), &source).unwrap() {
        assert_eq!(one(&entry.original, &source), entry.read);
    }
}

fn bundle(records: &[Record]) -> [Vec<u8>; 4] {
    let mut out = write::Csv::new([const { Vec::new() }; 4]).expect("memory");
    records.iter().for_each(|record| out.record(record).expect("memory"));
    out.finish().expect("memory")
}

#[test]
fn an_empty_file_holds_no_records() {
    let source = source();
    let finished = write::Json::array(Vec::new(), write::Dialect::Message).finish().unwrap();
    for text in [b"".as_slice(), b"[]", b" \n", b"\xef\xbb\xbf", &finished] {
        assert_eq!(Json::new(text, &source).count(), 0);
    }
    assert_eq!(Ndjson::new(b"\n \r\n\n".as_slice(), &source).count(), 0);
    for text in ["<messages/>", "<messages></messages>", "", "<?xml version=\"1.0\"?><a><!-- nobody --></a>"] {
        assert_eq!(Xml::new(text.as_bytes(), &source).count(), 0, "{text}");
    }
    assert_eq!(Bundle::new([0, 1, 2, 3].map(|at| bundle(&[])[at].clone()).each_ref().map(Vec::as_slice), &source).unwrap().count(), 0);
}

/// A message as the original writes it: no ids of visits and observations, ids of another kind.
fn message() -> Value {
    json!({
        "messageHeader": { "facilityDatimCode": "F9", "touchTime": { "$date": "2024-05-01T00:00:00Z" } },
        "messageData": {
            "demographics": {
                "patientUuid": "p-1", "birthdate": { "$date": { "$numberLong": "-631152000000" } }, "gender": "2", "firstName": "Given",
                "phoneNumber": "0123456789", "stateProvince": ""
            },
            "patientIdentifiers": [{ "identifier": "H-1", "identifierType": "Hospital" }, { "identifier": "P-1", "identifierType": "PEPFAR ID" }],
            "visits": [{ "visitId": 7, "dateStarted": "2024-03-05 08:00:00", "voided": 0 }, { "visitId": 7, "dateStarted": "2024-03-05 08:00:00", "voided": 0 }],
            "encounters": [{ "encounterId": 12, "encounterUuid": "e-1", "visitId": 7, "encounterDatetime": 1_709_634_030, "pmmForm": words::PHARMACY }],
            "obs": [
                { "encounterId": 12, "obsDatetime": "2024-03-05", "variableName": words::DURATION, "valueNumeric": "90", "variableValue": "90.0", "voided": "false" },
                { "encounterUuid": "e-1", "obsDatetime": "2024-03-05", "variableName": words::FREQUENCY, "valueCoded": 160_862, "variableValue": "ONCE A DAY" },
                { "encounterUuid": "e-1", "obsDatetime": "2024-03-05", "variableName": words::FREQUENCY, "valueCoded": 160_862, "variableValue": "ONCE A DAY" }
            ]
        }
    })
}

fn refused(change: impl FnOnce(&mut Value)) -> Vec<(Reason, String)> {
    let mut message = message();
    change(&mut message);
    let source = Source { country: Some(999), ..source() };
    tree::read(&message, &source).expect_err("it is wrong").into_iter().map(|reject| (reject.reason, reject.pointer)).collect()
}

#[test]
fn ids_of_both_kinds_and_rows_without_any_are_read() {
    let source = Source { country: Some(999), ..source() };
    let record = tree::read(&message(), &source).unwrap();
    assert_eq!((record.person.facility.as_deref(), record.person.pepfar_id.as_deref()), (Some("F9"), Some("P-1")));
    assert_eq!((record.person.birthdate, record.person.gender), (Day::new(1950, 1, 1), Some(Gender::Female)));
    assert_eq!((record.person.phone.as_deref(), &record.person.state), (Some("+999123456789"), &None));
    assert_eq!(record.visits.len(), 1, "the same row twice is one row");
    assert_eq!((record.visits[0].uuid.as_str(), record.encounters[0].visit.as_deref()), ("7", Some("7")));
    assert_eq!(record.observations.len(), 3, "rows without an id are rows");
    let numbers: Vec<_> = record.observations.iter().filter_map(|one| Some((one.number?, one.text.clone()))).collect();
    assert_eq!(numbers, [(90.0, None)], "the text beside a number is the same number");
    assert!(record.observations.iter().all(|one| one.encounter == "e-1" && one.uuid.len() == 36));
    let again = tree::read(&message(), &source).unwrap();
    assert_eq!(again, record, "a second import has the same ids");
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let at = |reason, pointer: &str| vec![(reason, pointer.to_owned())];
    let data = |message: &mut Value, pointer: &str, value: Value| *message.pointer_mut(&format!("/messageData{pointer}")).unwrap() = value;
    let cases: Vec<(&str, Value, Reason)> = vec![
        ("/demographics/birthdate", json!(null), Reason::Missing),
        ("/demographics/birthdate", json!("1990-31-31"), Reason::DateUnreadable),
        ("/demographics/birthdate", json!("01/02/1990"), Reason::DateAmbiguous),
        ("/demographics/birthdate", json!("2031-01-01"), Reason::DateInFuture),
        ("/demographics/gender", json!("?"), Reason::GenderUnknown),
        ("/demographics/gender", json!({}), Reason::WrongType),
        ("/demographics/phoneNumber", json!("call me"), Reason::PhoneUnreadable),
        ("/demographics/firstName", json!(["a"]), Reason::WrongType),
        ("/demographics/firstName", json!("a\u{0}b"), Reason::BadText),
        ("/demographics/patientUuid", json!("two words"), Reason::BadText),
        ("/visits/1/dateStarted", json!("2024-3-5 99:00"), Reason::DateUnreadable),
        ("/visits/1/dateStarted", json!("2024-03-06"), Reason::DuplicateId),
        ("/visits/0", json!(17), Reason::WrongType),
        ("/encounters/0/visitId", json!(8), Reason::UnknownVisit),
        ("/encounters/0/encounterDatetime", json!("tomorrow"), Reason::DateUnreadable),
        ("/obs/1/encounterUuid", json!("e-2"), Reason::UnknownEncounter),
        ("/obs/0/valueNumeric", json!("a lot"), Reason::NumberUnreadable),
        ("/obs/0/valueNumeric", json!(1e7), Reason::NumberOutOfRange),
        ("/obs/0/valueNumeric", json!([]), Reason::WrongType),
        ("/obs/0/voided", json!("perhaps"), Reason::WrongType),
        ("/obs/2/variableName", json!("  "), Reason::Missing),
        ("/obs/2/obsDatetime", json!(4e9), Reason::DateInFuture),
        ("/demographics", json!(5), Reason::WrongType),
    ];
    for (pointer, value, reason) in cases {
        let told = refused(|message| data(message, pointer, value.clone()));
        let whole = format!("/messageData{}", if reason == Reason::DuplicateId { "/visits/1" } else { pointer });
        assert_eq!(told, at(reason, &whole), "{value}: one fault is told once");
    }
    assert_eq!(refused(|message| *message = json!([])), at(Reason::WrongType, ""));
    assert_eq!(refused(|message| *message = json!({})), at(Reason::Missing, "/messageData"));
    let before = |message: &mut Value| {
        message["messageData"]["visits"] = json!([{ "visitId": 7, "dateStarted": "2024-03-05 08:00:00", "dateStopped": "2024-03-04" }]);
    };
    assert_eq!(refused(before), at(Reason::DateOrder, "/messageData/visits/0/dateStopped"));
    assert_eq!(
        refused(|message| message["messageData"]["visits"] = json!("none"))[0],
        (Reason::WrongType, "/messageData/visits".to_owned())
    );
    assert_eq!(
        refused(|message| message["messageData"]["obs"][0]["patientUuid"] = json!("p-2")),
        at(Reason::AnotherPatient, "/messageData/obs/0/patientUuid")
    );
}

#[test]
fn everything_that_is_wrong_is_told_at_once_and_no_value_with_it() {
    let mut message = message();
    message["messageData"]["demographics"]["birthdate"] = json!("Secret 12/31");
    message["messageData"]["obs"][0]["valueNumeric"] = json!("Secret");
    message["messageData"]["visits"][0]["dateStarted"] = json!({ "$date": "Secret" });
    let rejects = tree::read(&message, &source()).unwrap_err();
    assert_eq!(rejects.len(), 4, "and the phone number has no country: {rejects:?}");
    assert!(!format!("{rejects:?}").contains("Secret") && !serde_json::to_string(&rejects).unwrap().contains("0123456789"));
    assert_eq!(rejects[0].to_string(), "/messageData/demographics/birthdate: this is not a date of a known form (like aaaaaa 99/99)");
}

#[test]
fn one_wrong_record_costs_that_record_and_no_other() {
    let good = serde_json::to_string(&write::tree(&awkward(), write::Dialect::Message)).unwrap();
    let source = source();
    let text = format!("[{good},\n{{\"messageData\": nonsense}}, 17, \"text\", null,\n {good},{{\"a\": [1, ]}},{good}]");
    let read: Vec<(u64, Result<(), Reason>)> = Json::new(text.as_bytes(), &source)
        .map(|entry| (entry.line, entry.read.map(|_| ()).map_err(|rejects| rejects[0].reason)))
        .collect();
    let wrong = |line, reason| (line, Err(reason));
    let expected = [
        (1, Ok(())),
        wrong(2, Reason::Syntax),
        wrong(2, Reason::WrongType),
        wrong(2, Reason::WrongType),
        wrong(2, Reason::WrongType),
        (3, Ok(())),
        wrong(3, Reason::Syntax),
        (3, Ok(())),
    ];
    assert_eq!(read, expected);
    let crossed = format!("[{{\"a\": [1, }} ]}},{good}]");
    assert!(Json::new(crossed.as_bytes(), &source).all(|entry| entry.read.is_err()), "where a record ends is not known any more");
    let text = format!("{good}\n{{\"broken\n\n{good}\n{{}}");
    let read: Vec<_> = Ndjson::new(text.as_bytes(), &source).map(|entry| (entry.line, entry.read.is_ok())).collect();
    assert_eq!(read, [(1, true), (2, false), (4, true), (5, false)]);
}

#[test]
fn a_file_that_ends_early_says_so() {
    let good = serde_json::to_string(&write::tree(&awkward(), write::Dialect::Message)).unwrap();
    let source = source();
    let last = |text: &str| Json::new(text.as_bytes(), &source).last().unwrap().read.unwrap_err()[0].reason;
    assert_eq!(last(&format!("[{good}")), Reason::Unfinished);
    assert_eq!(last(&format!("[{good},")), Reason::Unfinished);
    assert_eq!(last(&format!("[{good} {good}]")), Reason::Syntax);
    assert_eq!(last(&good[..good.len() - 5]), Reason::Unfinished);
    let xml = |text: &str| Xml::new(text.as_bytes(), &source).last().unwrap().read.unwrap_err()[0].reason;
    assert_eq!(xml("<a><message>"), Reason::Unfinished);
    assert_eq!(xml("<a><message><messageData></message>"), Reason::Syntax);
    assert_eq!(xml("<a></a><b/>"), Reason::Syntax);
    assert_eq!(xml("text"), Reason::Syntax);
}

#[test]
fn rows_of_csv_are_told_by_file_and_line() {
    let (source, all) = (source(), records(3));
    let broken = |table: usize, change: &dyn Fn(&mut Vec<String>)| {
        let mut files = bundle(&all);
        let mut lines: Vec<String> = String::from_utf8(files[table].clone()).unwrap().lines().map(str::to_owned).collect();
        change(&mut lines);
        files[table] = (lines.join("\r\n") + "\r\n").into_bytes();
        let read: Vec<_> = Bundle::new(files.each_ref().map(Vec::as_slice), &source).unwrap().map(|entry| entry.read).collect();
        let rejects: Vec<_> =
            read.iter().filter_map(|one| one.as_ref().err()).flatten().map(|one| (one.reason, one.file.unwrap(), one.line)).collect();
        (read.iter().filter(|one| one.is_ok()).count(), rejects)
    };
    assert_eq!(broken(0, &|_| {}), (3, vec![]));
    let second_visit = |lines: &mut Vec<String>| {
        let mut cells: Vec<&str> = lines[2].split(',').collect();
        cells[3] = "some day";
        lines[2] = cells.join(",");
    };
    assert_eq!(broken(1, &second_visit), (2, vec![(Reason::DateUnreadable, "visits.csv", Some(3))]));
    let cut = |lines: &mut Vec<String>| lines[1] = lines[1].split(',').next().unwrap().to_owned();
    assert_eq!(broken(2, &cut), (2, vec![(Reason::Syntax, "encounters.csv", Some(2))]));
    let (kept, rejects) = broken(0, &|lines| drop(lines.remove(2)));
    assert_eq!(kept, 2);
    assert!(!rejects.is_empty() && rejects.iter().all(|one| one.0 == Reason::UnknownPatient), "{:?}", rejects[0]);
    let (kept, rejects) = broken(0, &|lines| lines.insert(2, lines[1].clone()));
    assert_eq!((kept, rejects), (3, vec![(Reason::DuplicateId, "patients.csv", Some(3))]));
    let swap = |lines: &mut Vec<String>| lines[1..].reverse();
    let (_, rejects) = broken(3, &swap);
    assert!(rejects.iter().any(|one| one.0 == Reason::NotSorted), "{rejects:?}");
}

#[test]
fn columns_are_known_in_any_order_and_spelling() {
    let source = source();
    let patients = "\u{feff}Gender;Birth_Date;ignored;PATIENT UUID\n\nF;1990-01-01;\"x;\"\"y\"\"\";p-1\n";
    let visits = "date_started\tpatient_uuid\n2024-01-01\tp-1\n";
    let encounters = "patientUuid,encounterUuid,encounterDatetime\n";
    let observations = "patientUuid,encounterUuid,variableName,obsDatetime\n";
    let streams = [patients, visits, encounters, observations].map(str::as_bytes);
    let read = taken(Bundle::new(streams, &source).unwrap());
    assert_eq!((read.len(), read[0].visits.len(), read[0].person.birthdate), (1, 1, Day::new(1990, 1, 1)));
    let missing = Rows::new("patientUuid,gender\n".as_bytes(), Table::Patients).err().unwrap();
    assert_eq!((missing.reason, missing.pointer.as_str()), (Reason::NoHeader, "/birthdate"));
    let unsorted = Rows::new("dateStarted,patientUuid\n2024-01-01,b\n2024-01-01,a\n".as_bytes(), Table::Visits).unwrap();
    assert_eq!(unsorted.in_order().unwrap_err().line, Some(3));
}

#[test]
fn xml_takes_lists_in_both_ways_and_refuses_what_stands_there_twice() {
    let source = source();
    let person = "<demographics><patientUuid>p-1</patientUuid><birthdate>1990-01-01</birthdate><gender>F</gender></demographics>";
    let visit = "<dateStarted>2024-01-01</dateStarted>";
    let read = |lists: &str| {
        Xml::new(format!("<x:m xmlns:x='u'><messageData a='b'>{person}{lists}</messageData></x:m>").as_bytes(), &source)
            .next()
            .unwrap()
            .read
    };
    assert_eq!(read(&format!("<visits><visit>{visit}</visit><visit>{visit}</visit></visits>")).unwrap().visits.len(), 2);
    assert_eq!(read(&format!("<visits>{visit}</visits><visits>{visit}</visits>")).unwrap().visits.len(), 2);
    assert_eq!(read("<visits/>").unwrap().visits.len(), 0);
    let twice = read(&format!("<visits><visit>{visit}{visit}</visit></visits>")).unwrap_err();
    assert_eq!((twice[0].reason, twice[0].pointer.as_str()), (Reason::WrongType, "/messageData/visits/0/dateStarted"));
}
