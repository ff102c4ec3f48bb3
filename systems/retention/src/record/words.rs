//! Names of forms and observations, and what the answers say.
//!
//! Exports name the same thing in several ways and answer with a number, a text or the number of a
//! concept. An answer that is not understood says nothing: it is kept in the record and no feature
//! is made of it.

use super::Observation;

/// The form of a pick-up.
pub const PHARMACY: &str = "Pharmacy Order Form";
/// The form of a clinical visit.
pub const CARE_CARD: &str = "Care Card";
/// The form of somebody who leaves the programme.
pub const TERMINATION: &str = "Client Tracking and Termination";

/// Days a pick-up lasts.
pub const DURATION: &str = "Medication duration";
/// Units handed out.
pub const DISPENSED: &str = "Medication dispensed";
/// Units for each dose.
pub const PER_DOSE: &str = "Quantity of medication prescribed per dose";
/// Doses for each day.
pub const FREQUENCY: &str = "Drug Frequency";
/// The regimen.
pub const REGIMEN: &str = "Adult 1st line ARV regimen";
/// Whether there was adherence counselling.
pub const COUNSELLING: &str = "Adherence counselling";
/// How regularly the medicine is taken.
pub const ADHERENCE: &str = "ARV adherence";
/// WHO stage.
pub const WHO_STAGE: &str = "CURRENT WHO HIV STAGE";
/// Working, ambulatory or bedridden.
pub const FUNCTIONAL: &str = "Functional Status";
/// Result of asking for tuberculosis.
pub const TUBERCULOSIS: &str = "Tuberculosis disease status";
/// Pregnant, breastfeeding, neither.
pub const PREGNANCY: &str = "Pregnancy/Breastfeeding Status";
/// Copies per ml.
pub const VIRAL_LOAD: &str = "HIV VIRAL LOAD";
/// Cells per µl.
pub const CD4: &str = "CD4 COUNT";
/// Why somebody left.
pub const TERMINATED: &str = "Reason for Termination";
/// Where somebody went.
pub const TRANSFERRED: &str = "Transferred out to";

/// Why a person is followed no further, other than by staying away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Died.
    Death,
    /// Goes to another facility.
    Transfer,
    /// Stopped treatment with the clinic's knowledge.
    Stop,
}

/// What an observation says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Said {
    /// Days a pick-up lasts.
    Duration(f64),
    /// Units handed out.
    Dispensed(f64),
    /// Units for each dose.
    PerDose(f64),
    /// Doses for each day.
    PerDay(f64),
    /// A regimen; its name is the observation's text.
    Regimen,
    /// Whether there was adherence counselling.
    Counselled(bool),
    /// 2 good, 1 fair, 0 poor.
    Adherence(u8),
    /// 1 to 4.
    WhoStage(u8),
    /// Ambulatory or bedridden.
    Limited(bool),
    /// Signs of tuberculosis.
    Tuberculosis(bool),
    /// Pregnant.
    Pregnant(bool),
    /// Copies per ml.
    ViralLoad(f64),
    /// Left the programme.
    Ended(Ending),
}

/// What an observation says to the features, if anything.
pub fn said(observation: &Observation) -> Option<Said> {
    let name = observation.variable.as_str();
    let is = |known: &[&str]| known.iter().any(|one| one.eq_ignore_ascii_case(name));
    let number = observation.number;
    let text = || observation.text.as_deref().map(str::to_ascii_lowercase);
    let yes_no = || yes(observation);
    if is(&[DURATION]) {
        number.map(Said::Duration)
    } else if is(&[DISPENSED, "Quantity of medication dispensed"]) {
        number.map(Said::Dispensed)
    } else if is(&[PER_DOSE]) {
        number.map(Said::PerDose)
    } else if is(&[FREQUENCY]) {
        number.or_else(|| per_day(&text()?)).map(Said::PerDay)
    } else if is(&[
        REGIMEN,
        "Adult 2nd line ARV regimen",
        "Adult 3rd line ARV regimen",
        "Child 1st line ARV regimen",
        "Child 2nd line ARV regimen",
    ]) {
        observation.text.as_ref().map(|_| Said::Regimen)
    } else if is(&[COUNSELLING, "Adherence counseling"]) {
        yes_no().map(Said::Counselled)
    } else if is(&[ADHERENCE, "Adherence"]) {
        adherence(&text()?).map(Said::Adherence)
    } else if is(&[WHO_STAGE, "WHO HIV stage"]) {
        stage(number, text().as_deref()).map(Said::WhoStage)
    } else if is(&[FUNCTIONAL]) {
        limited(number, text().as_deref()).map(Said::Limited)
    } else if is(&[TUBERCULOSIS, "TB status"]) {
        tuberculosis(number, text().as_deref()).map(Said::Tuberculosis)
    } else if is(&[PREGNANCY]) {
        pregnant(number, text().as_deref()).map(Said::Pregnant)
    } else if is(&[VIRAL_LOAD, "Viral load"]) {
        number.filter(|copies| *copies >= 0.0).map(Said::ViralLoad)
    } else if is(&[TERMINATED]) {
        ending(&text()?).map(Said::Ended)
    } else if is(&[TRANSFERRED]) {
        observation.text.as_ref().map(|_| Said::Ended(Ending::Transfer))
    } else {
        None
    }
}

/// Yes or no; 1065 and 1066 are the two answers in the concept dictionary that most installations share.
fn yes(observation: &Observation) -> Option<bool> {
    let words = [observation.text.as_deref(), observation.coded.as_deref()];
    if let Some(said) = words.iter().flatten().find_map(|word| match word.trim().to_ascii_lowercase().as_str() {
        "yes" | "true" | "1065" => Some(true),
        "no" | "false" | "1066" => Some(false),
        _ => None,
    }) {
        return Some(said);
    }
    observation.number.map(|number| number != 0.0)
}

fn per_day(text: &str) -> Option<f64> {
    let has = |parts: &[&str]| parts.iter().any(|part| text.contains(part));
    let word = |known: &[&str]| text.split(|mark: char| !mark.is_ascii_alphanumeric()).any(|part| known.contains(&part));
    if has(&["three", "thrice"]) || word(&["tds", "tid"]) {
        Some(3.0)
    } else if has(&["twice", "12 hour"]) || word(&["bd", "bid"]) {
        Some(2.0)
    } else if has(&["once", "every day", "24 hour"]) || word(&["od", "qd", "daily", "nocte"]) {
        Some(1.0)
    } else {
        None
    }
}

fn adherence(text: &str) -> Option<u8> {
    ["poor", "fair", "good"].iter().position(|word| text.contains(word)).map(|level| level as u8)
}

fn stage(number: Option<f64>, text: Option<&str>) -> Option<u8> {
    if let Some(number) = number.filter(|number| [1.0, 2.0, 3.0, 4.0].contains(number)) {
        return Some(number as u8);
    }
    text?.split(|mark: char| !mark.is_ascii_alphanumeric()).find_map(|part| match part {
        "1" | "i" => Some(1),
        "2" | "ii" => Some(2),
        "3" | "iii" => Some(3),
        "4" | "iv" => Some(4),
        _ => None,
    })
}

fn limited(number: Option<f64>, text: Option<&str>) -> Option<bool> {
    match text {
        Some(text) if text.contains("ambulat") || text.contains("bed") => Some(true),
        Some(text) if text.contains("work") => Some(false),
        _ => number.map(|number| number > 0.0),
    }
}

fn tuberculosis(number: Option<f64>, text: Option<&str>) -> Option<bool> {
    const SIGNS: [&str; 6] = ["presumptive", "suspect", "confirmed", "disease", "treatment", "positive"];
    match text {
        Some(text) if text.starts_with("no") || text.contains("negative") => Some(false),
        Some(text) if SIGNS.iter().any(|sign| text.contains(sign)) => Some(true),
        _ => number.map(|number| number > 0.0),
    }
}

fn pregnant(number: Option<f64>, text: Option<&str>) -> Option<bool> {
    match text {
        Some(text) if text.starts_with("not") || text.contains("breast") || text.contains("postpartum") => Some(false),
        Some(text) if text.contains("pregnant") => Some(true),
        _ => number.map(|number| number > 0.0),
    }
}

/// Lost to follow-up is no ending: it is what the label is about.
fn ending(text: &str) -> Option<Ending> {
    if text.contains("death") || text.contains("died") || text.contains("dead") {
        Some(Ending::Death)
    } else if text.contains("transfer") {
        Some(Ending::Transfer)
    } else if text.contains("stop") || text.contains("discontinu") {
        Some(Ending::Stop)
    } else {
        None
    }
}

/// A regimen's parts in capitals, joined by `/`: `tdf + 3tc + dtg` and `TDF-3TC-DTG` are one line.
pub fn regimen(text: &str) -> String {
    let parts: Vec<String> =
        text.split(|mark: char| !mark.is_ascii_alphanumeric()).filter(|part| !part.is_empty()).map(str::to_ascii_uppercase).collect();
    parts.join("/")
}

/// Whether a regimen (as [`regimen`] gives it) is a line with dolutegravir.
pub fn with_dolutegravir(regimen: &str) -> bool {
    regimen.split('/').any(|part| part == "DTG" || part == "DOLUTEGRAVIR")
}
