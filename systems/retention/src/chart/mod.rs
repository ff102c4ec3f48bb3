//! A person's record in the database: how an export gets in, how it is read again.
//!
//! **Promises.** A record is written whole, with the packed history that is made of it, in one
//! transaction: the two never differ. The same export again changes nothing, an older one than what
//! is there changes nothing, and what was written here by hand (`local`) outlives every export.

mod digest;
mod keep;
mod read;
mod rows;

pub use digest::digest;
pub(crate) use digest::hex;
pub use keep::{Kept, keep, rebuild};
pub(crate) use keep::{Ruled, rule, write_encounter, write_visit};
pub(crate) use read::PERSON_COLUMNS;
pub use read::{Patient, patient, record};
pub(crate) use rows::day;
pub use rows::{Answer, Form, Stay};
