//! A person's events as text, line by line: what the digests of the cohort are taken of.

use std::fmt::Write;

use super::course::Member;

impl Member {
    /// Visits (`V`), encounters (`E`, those of one day: the clinical one first) and pick-ups (`P`), lines
    /// joined by a line feed, days since 1970, keys of an encounter in alphabetical order.
    pub fn canonical(&self) -> String {
        let mut lines = Vec::with_capacity(self.visits.len() + self.findings.len() + 2 * self.dispensed.len());
        lines.extend(self.visits.iter().map(|(day, occasion)| format!("V,{},{}", day.0, occasion.name())));
        let mut findings = self.findings.iter().peekable();
        for (day, dispensed) in &self.dispensed {
            if let Some((day, found)) = findings.next_if(|(when, _)| when == day) {
                let mut line = format!("E,{},Care Card,", day.0);
                let mut put = |name: &str, value: Option<i32>| {
                    if let Some(value) = value {
                        let comma = if line.ends_with(',') { "" } else { ";" };
                        let _ = write!(line, "{comma}{name}={value}");
                    }
                };
                put("CD4", found.cd4);
                put("FUNC", Some(i32::from(found.functional)));
                put("PREG", found.pregnant.map(i32::from));
                put("TB", Some(i32::from(found.tuberculosis)));
                put("VL", found.viral_load);
                put("WHO", Some(i32::from(found.who)));
                lines.push(line);
            }
            let adherence = dispensed.adherence.map_or("", |level| ["Poor", "Fair", "Good"][usize::from(level.min(2))]);
            let duration = dispensed.duration.map(|days| days.to_string()).unwrap_or_default();
            lines.push(format!(
                "E,{},Pharmacy Order Form,ADH={adherence};COUNS={};DUR={duration};QTY={};REG={}",
                day.0,
                u8::from(dispensed.counselled),
                dispensed.quantity,
                dispensed.regimen
            ));
        }
        lines.extend(self.pickups.iter().map(|one| format!("P,{},{},{}", one.day.0, one.supply, one.day.plus(one.supply).0)));
        lines.join("\n")
    }
}
