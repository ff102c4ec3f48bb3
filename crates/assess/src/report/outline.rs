//! The document that a reviewer reads: one outline, shown as Markdown and as a page.

mod assessed;
mod sections;
mod since;
mod template;

pub(super) use assessed::{days, figures, gap_lines, gaps_lines, shown, sort, spot};
pub use sections::outline;
pub use since::since;
pub use template::Template;

use crate::Status;

/// A document.
pub struct Outline {
    /// Its heading.
    pub title: String,
    /// The verdict in a word, and whether it is a good one.
    pub verdict: (String, bool),
    /// In order.
    pub sections: Vec<Section>,
    /// Whether a page of it lets its reader hide cards.
    pub filter: bool,
}

/// A part of the document.
pub struct Section {
    /// For links.
    pub anchor: &'static str,
    /// Its heading.
    pub title: String,
    /// In order.
    pub blocks: Vec<Block>,
}

/// What stands in a section. Texts are plain: whoever shows them escapes them.
pub enum Block {
    /// A paragraph.
    Text(String),
    /// A heading below that of the section.
    Heading(String),
    /// Names and values.
    Facts(Vec<(&'static str, String)>),
    /// A table.
    Table(Table),
    /// Points, numbered or not.
    Points {
        /// Whether their order matters.
        numbered: bool,
        /// In order.
        items: Vec<String>,
    },
    /// Points with a box, ticked or not; the practice and its title.
    Boxes(Vec<(bool, String, String)>),
    /// A practice.
    Card(Box<Card>),
    /// Lines as they stand in a file.
    Code(Vec<String>),
}

/// A table.
pub struct Table {
    /// One heading for each column.
    pub heads: Vec<&'static str>,
    /// Rows of as many cells.
    pub rows: Vec<Vec<Cell>>,
}

/// A cell of a table.
pub enum Cell {
    /// Words.
    Text(String),
    /// A number, or a fraction.
    Number(String),
    /// A practice, by id.
    Practice(String),
    /// A percentage in tenths, where there is one, and its text.
    Meter(Option<String>, String),
}

/// One practice in full.
pub struct Card {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its status.
    pub status: Status,
    /// The reason.
    pub why: String,
    /// Names and values.
    pub facts: Vec<(&'static str, String)>,
    /// Its checks.
    pub checks: Vec<CheckLine>,
    /// Lines of places in files, each list under its heading.
    pub lists: Vec<(&'static str, Vec<String>)>,
    /// Words by which it can be hidden: its priority, and `waived`.
    pub marks: Vec<String>,
    /// Evidence that belongs to no check.
    pub beside: Vec<String>,
    /// What has to be true before it is done.
    pub done_when: Vec<String>,
    /// Whether it is shown folded, where that is possible.
    pub folded: bool,
}

/// A check of a card.
pub struct CheckLine {
    /// `holds`, `broken`, `unknown`, `not applicable`.
    pub word: &'static str,
    /// What is true when it holds.
    pub says: String,
    /// The reason, where it does not.
    pub why: String,
    /// The lines of its evidence.
    pub transcript: Vec<String>,
}
