//! Text from elsewhere, made harmless.
//!
//! Evidence holds what a foreign service answered. In every form it must stay text: it must not
//! move a cursor, change the direction of writing, open a tag or end a table cell.

/// Characters that show nothing but do something: controls, marks of direction, joiners.
fn acts(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}' | '\u{fffe}' | '\u{ffff}')
}

/// Acting characters written out, such as `\u{1b}`. Applying it twice is applying it once.
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        if acts(char) { out.extend(char.escape_unicode()) } else { out.push(char) }
    }
    out
}
