//! Rules for single values.

use plimsoll_retention::record::{
    Day, Gender, Reason, Stamp,
    dates::{self, Order, Reading},
    rules,
};
use serde_json::{Value, json};

fn plain(text: &str) -> Result<String, Reason> {
    dates::from_text(text, Reading::default()).map(|stamp| stamp.to_string())
}

fn extended(value: Value) -> Result<String, Reason> {
    dates::from_json(&value, Reading::default()).map(|stamp| stamp.to_string())
}

fn ok(text: &str) -> Result<String, Reason> {
    Ok(text.to_owned())
}

#[test]
fn dates_without_a_zone_are_the_clock_of_the_facility() {
    for text in ["2024-03-05 10:20:30", "2024-03-05T10:20:30", "2024-03-05 10:20:30.250", "2024/03/05 10:20:30", " 2024-3-5 10:20:30 "] {
        assert_eq!(plain(text), ok("2024-03-05 10:20:30"), "{text}");
    }
    for text in ["2024-03-05", "20240305", "05-03-2024", "5-3-2024", "2024/3/5"] {
        assert_eq!(plain(text), ok("2024-03-05 00:00:00"), "{text}");
    }
    assert_eq!(plain("2024-03-05 10:20"), ok("2024-03-05 10:20:00"));
    let ahead = Reading { ahead: 60, ..Reading::default() };
    assert_eq!(dates::from_text("2024-03-05 23:30:00", ahead).unwrap().to_string(), "2024-03-05 23:30:00");
}

#[test]
fn an_instant_is_turned_into_the_clock_of_the_facility() {
    for text in ["2024-03-04T23:00:00Z", "2024-03-05T00:00:00+01:00", "2024-03-05T00:00:00.000+0100", "2024-03-04T18:00:00-05"] {
        assert_eq!(plain(text), ok("2024-03-04 23:00:00"), "{text}");
        // Midnight in Lagos is written as eleven o'clock of the day before.
        let ahead = Reading { ahead: 60, ..Reading::default() };
        assert_eq!(dates::from_text(text, ahead).unwrap().to_string(), "2024-03-05 00:00:00", "{text}");
    }
}

#[test]
fn numbers_since_1970_are_seconds_or_milliseconds_by_their_size() {
    assert_eq!(extended(json!(1_709_634_030)), ok("2024-03-05 10:20:30"));
    assert_eq!(extended(json!(1_709_634_030_999_i64)), ok("2024-03-05 10:20:30"));
    assert_eq!(extended(json!("1709634030000")), ok("2024-03-05 10:20:30"));
    assert_eq!(extended(json!(1.709634030e12)), ok("2024-03-05 10:20:30"));
    assert_eq!(extended(json!(-631_152_000)), ok("1950-01-01 00:00:00"));
    assert_eq!(extended(json!(1.5)), Err(Reason::DateUnreadable));
    assert_eq!((extended(json!(2024)), extended(json!(20_240_305))), (Err(Reason::DateUnreadable), Err(Reason::DateAmbiguous)));
}

#[test]
fn the_dates_of_document_stores_are_read() {
    assert_eq!(extended(json!({ "$date": "2024-03-05T10:20:30.000Z" })), ok("2024-03-05 10:20:30"));
    assert_eq!(extended(json!({ "$date": { "$numberLong": "1709634030000" } })), ok("2024-03-05 10:20:30"));
    assert_eq!(extended(json!({ "$date": { "$numberLong": "-631152000001" } })), ok("1949-12-31 23:59:59"));
    assert_eq!(extended(json!({ "$date": 86_400_000 })), ok("1970-01-02 00:00:00"), "milliseconds, however small");
    assert_eq!(extended(json!({ "$numberLong": "1709634030000" })), ok("2024-03-05 10:20:30"));
    for wrong in
        [json!({}), json!({ "$date": {} }), json!({ "$date": { "$date": 1 } }), json!({ "$date": 1, "x": 2 }), json!({ "date": 1 })]
    {
        assert_eq!(extended(wrong.clone()), Err(Reason::DateUnreadable), "{wrong}");
    }
    for wrong in [json!([1]), json!(true), json!(null), json!({ "$date": null }), json!({ "$date": { "$numberLong": [] } })] {
        assert_eq!(extended(wrong.clone()), Err(Reason::WrongType), "{wrong}");
    }
}

#[test]
fn a_date_that_reads_two_ways_is_refused_unless_the_source_says_which() {
    assert_eq!(plain("03/04/2024"), Err(Reason::DateAmbiguous));
    assert_eq!(plain("13/04/2024"), ok("2024-04-13 00:00:00"));
    assert_eq!(plain("04/13/2024"), ok("2024-04-13 00:00:00"));
    assert_eq!(plain("04/04/2024"), ok("2024-04-04 00:00:00"));
    let with = |order, text| dates::from_text(text, Reading { order: Some(order), ahead: 0 }).map(|stamp| stamp.to_string());
    assert_eq!(with(Order::DayFirst, "03/04/2024"), ok("2024-04-03 00:00:00"));
    assert_eq!(with(Order::MonthFirst, "03/04/2024"), ok("2024-03-04 00:00:00"));
    assert_eq!(with(Order::MonthFirst, "03-04-2024"), ok("2024-03-04 00:00:00"));
    assert_eq!(with(Order::DayFirst, "04/13/2024"), Err(Reason::DateUnreadable), "then it is wrong");
}

#[test]
fn what_is_no_date_is_refused() {
    let wrong = [
        "",
        "-",
        "yesterday",
        "2024",
        "2024-02-30",
        "2023-02-29",
        "2024-13-01",
        "00-00-0000",
        "2024-03-05T",
        "2024-03-05 25:00:00",
        "2024-03-05 10:60:00",
        "2024-03-05 10:20:60",
        "2024-03-05 1:2",
        "2024-03-05 10:20:30.",
        "2024-03-05T10:20:30+25:00",
        "2024-03-05T10:20:30+1",
        "24-03-05",
        "2024-03-05-06",
        "2024-003-05",
        "99999999999999999999",
        "-9223372036854775808",
        "9223372036854775807",
        "٢٠٢٤-٠٣-٠٥",
        "2024-03-05 10:20:30 10:20:30 10:20:30 10:20:30",
        "0000-01-01",
        "12024-03-05",
        "1/2/3/4",
        "2024-03-05T10:20:30ZZ",
    ];
    for text in wrong {
        assert_eq!(plain(text), Err(Reason::DateUnreadable), "{text:?}");
    }
}

#[test]
fn nothing_has_happened_in_the_future_and_nobody_is_older_than_120() {
    let now = Day::new(2024, 6, 1).unwrap().start().plus(3600);
    assert_eq!(dates::happened(now, now), Ok(now));
    assert_eq!(dates::happened(now.plus(1), now), Err(Reason::DateInFuture));
    assert_eq!(dates::happened(Day::new(1899, 12, 31).unwrap().start(), now), Err(Reason::DateTooEarly));
    assert_eq!(dates::happened(Stamp(i64::MIN), now), Err(Reason::DateTooEarly));
    assert_eq!(dates::birth(Day::new(1903, 1, 1).unwrap().start(), now), Err(Reason::DateTooEarly));
    assert_eq!(dates::birth(Day::new(1905, 1, 1).unwrap().start(), now), Ok(Day::new(1905, 1, 1).unwrap()));
    assert_eq!(dates::birth(now.plus(1), now), Err(Reason::DateInFuture));
}

#[test]
fn sex_is_written_in_six_ways() {
    for (text, gender) in [
        ("M", Gender::Male),
        ("male", Gender::Male),
        ("1", Gender::Male),
        ("F", Gender::Female),
        (" Female ", Gender::Female),
        ("2", Gender::Female),
    ] {
        assert_eq!(rules::gender(text), Ok(gender));
    }
    for text in ["", "0", "3", "X", "unknown", "MF"] {
        assert_eq!(rules::gender(text), Err(Reason::GenderUnknown));
    }
}

#[test]
fn a_phone_number_becomes_one_that_can_be_called_from_anywhere() {
    let number = ok("+999123456789");
    for text in ["+999 123 456 789", "+999-123-456-789", "00999123456789", "+(999) 123.456.789"] {
        assert_eq!(rules::phone(text, None), number, "{text}");
    }
    for text in ["0123456789", "123456789", "0123 456 789"] {
        assert_eq!(rules::phone(text, Some(999)), number, "{text}");
        assert_eq!(rules::phone(text, None), Err(Reason::PhoneNoCountry), "{text}");
    }
    for text in
        ["", "+", "+12", "+0123456789", "+1234567890123456", "+999x23456789", "++999123456789", "99+9123456789", "+999/123456789", "nobody"]
    {
        assert_eq!(rules::phone(text, Some(999)), Err(Reason::PhoneUnreadable), "{text}");
    }
}

#[test]
fn numbers_lie_within_a_million() {
    assert_eq!(rules::number(" 12.5 "), Ok(12.5));
    assert_eq!(rules::number("-1e6"), Ok(-1e6));
    for text in ["1000000.1", "1e7", "1e999", "-1e999"] {
        assert_eq!(rules::number(text), Err(Reason::NumberOutOfRange), "{text}");
    }
    for text in ["", "1,5", "NaN", "inf", "0x10", "1e", "--1", "1 2", "٣"] {
        assert_eq!(rules::number(text), Err(Reason::NumberUnreadable), "{text}");
    }
    assert_eq!(rules::within(f64::NAN), Err(Reason::NumberOutOfRange));
    assert_eq!(rules::number(&"9".repeat(100)), Err(Reason::NumberUnreadable));
}

#[test]
fn texts_and_ids_hold_what_a_database_takes() {
    assert_eq!(rules::text(" a b\n"), Ok("a b"));
    assert_eq!(rules::text("a\0b"), Err(Reason::BadText));
    assert_eq!(rules::text("a\u{7f}b"), Err(Reason::BadText));
    assert_eq!(rules::text(&"x".repeat(5000)), Err(Reason::TooLarge));
    assert_eq!(rules::id(" a-1 "), Ok("a-1"));
    assert_eq!((rules::id(""), rules::id("a b"), rules::id("é")), (Err(Reason::Missing), Err(Reason::BadText), Err(Reason::BadText)));
    assert_eq!(rules::id(&"x".repeat(65)), Err(Reason::TooLarge));
    assert_eq!((rules::truth("TRUE"), rules::truth("0"), rules::truth("maybe")), (Ok(true), Ok(false), Err(Reason::WrongType)));
}

#[test]
fn a_row_without_an_id_gets_the_same_one_every_time() {
    let ids = || {
        let mut made = rules::Identities::default();
        [made.of(&["p", "visit", "2024"]), made.of(&["p", "visit", "2024"]), made.of(&["p", "visi", "t2024"])]
    };
    let [first, second, third] = ids();
    assert_eq!(ids(), [first.clone(), second.clone(), third.clone()]);
    assert!(first != second && first != third && second != third, "equal rows are two rows");
    assert_eq!((first.len(), &first[14..15]), (36, "8"));
}
