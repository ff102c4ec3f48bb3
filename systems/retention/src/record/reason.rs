//! Why a value or a record is refused.

use std::fmt;

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $code:literal: $sentence:literal,)+) => {
        /// Why a value or a record is refused: a closed list, each with a code for machines and a sentence.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Reason {
            $($(#[$doc])* #[doc = $sentence] $name,)+
        }

        impl Reason {
            /// Every reason.
            pub const ALL: &'static [Reason] = &[$(Reason::$name),+];

            /// The code, which stays.
            pub const fn code(self) -> &'static str {
                match self { $(Reason::$name => $code,)+ }
            }

            /// The sentence.
            pub const fn sentence(self) -> &'static str {
                match self { $(Reason::$name => $sentence,)+ }
            }
        }
    };
}

reasons! {
    Syntax = "syntax": "the text is not well-formed",
    Unfinished = "unfinished": "the file ends in the middle of a record",
    Unread = "unread": "the file could not be read further",
    NotText = "not_text": "the text is not UTF-8",
    TooLarge = "too_large": "the record or value is larger than allowed",
    TooDeep = "too_deep": "values are nested deeper than allowed",
    TooMany = "too_many": "there are more rows than allowed",
    DocumentType = "document_type": "a document type definition is not allowed",
    Entity = "entity": "only the five entities of XML itself and numbers of characters are allowed",
    NoHeader = "no_header": "the first line does not name the column",
    NotSorted = "not_sorted": "rows must be in ascending order of the patient's id",
    Missing = "missing": "a required value is missing",
    WrongType = "wrong_type": "the value is of another type",
    BadText = "bad_text": "the text has characters that are not allowed",
    DateUnreadable = "date_unreadable": "this is not a date of a known form",
    DateAmbiguous = "date_ambiguous": "day and month could be read either way; declare the order of the source",
    DateInFuture = "date_in_future": "the date lies in the future",
    DateTooEarly = "date_too_early": "the date lies too far in the past",
    DateOrder = "date_order": "the end lies before the beginning",
    NumberUnreadable = "number_unreadable": "this is not a number",
    NumberOutOfRange = "number_out_of_range": "the number lies outside of ±1,000,000",
    GenderUnknown = "gender_unknown": "expected M, F, MALE, FEMALE, 1 or 2",
    PhoneUnreadable = "phone_unreadable": "this is not a phone number",
    PhoneNoCountry = "phone_no_country": "the phone number has no country code; declare that of the source",
    UnknownEncounter = "unknown_encounter": "the observation names an encounter that is not in the record",
    UnknownVisit = "unknown_visit": "the encounter names a visit that is not in the record",
    UnknownPatient = "unknown_patient": "the row names a patient that is not in the file",
    AnotherPatient = "another_patient": "the row names another patient than the record it stands in",
    DuplicateId = "duplicate_id": "two different rows have the same id",
    Erased = "erased": "the person was erased after this file came",
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sentence())
    }
}
impl std::error::Error for Reason {}

impl serde::Serialize for Reason {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::Reason;

    #[test]
    fn every_reason_has_its_own_code() {
        let codes: std::collections::BTreeSet<&str> = Reason::ALL.iter().map(|one| one.code()).collect();
        assert_eq!(codes.len(), Reason::ALL.len());
    }
}
