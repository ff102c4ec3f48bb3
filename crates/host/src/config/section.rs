//! A section: one struct beside the engine it configures.

use super::{effective::Reader, schema::KeyDoc};

/// A table of the configuration file, as a struct. Written with [`section!`](crate::section).
pub trait Section: Sized {
    /// Its name, with dots where it is nested: `server`, `limits.login`.
    const NAME: &'static str;
    /// What it is about.
    const DOC: &'static str;

    /// Its keys, in the order they are declared.
    fn keys() -> Vec<KeyDoc>;
    /// The struct with the values that apply.
    fn read(reader: &mut Reader<'_>) -> Self;
}

/// Declares a section: the struct, its `Default`, and its [`Section`](crate::config::Section).
///
/// A default is text that goes through the same parser as an environment variable, or `none` for
/// an `Option`. A default that does not parse is found when the schema is built.
///
/// ```
/// use plimsoll::config::{Secret, Span};
///
/// plimsoll::section! {
///     /// How the kettle behaves.
///     pub struct KettleConfig["kettle"] {
///         /// How long it stays warm.
///         pub warm: Span = "5m",
///         /// Rooms it serves.
///         pub rooms: Vec<String> = "kitchen, office",
///         /// What opens the lid.
///         pub code: Option<Secret> = none,
///     }
/// }
/// let kettle = KettleConfig::default();
/// assert_eq!(kettle.warm.duration().as_secs(), 300);
/// assert_eq!(kettle.rooms, ["kitchen", "office"]);
/// ```
#[macro_export]
macro_rules! section {
    (
        $(#[doc = $about:literal])*
        $vis:vis struct $name:ident[$section:literal] {
            $($(#[doc = $doc:literal])* $field_vis:vis $field:ident: $kind:ty = $default:tt),* $(,)?
        }
    ) => {
        $(#[doc = $about])*
        #[derive(Debug, Clone)]
        $vis struct $name { $($(#[doc = $doc])* $field_vis $field: $kind),* }

        impl $crate::config::Section for $name {
            const NAME: &'static str = $section;
            const DOC: &'static str = ::std::concat!($($about, "\n"),*);

            fn keys() -> ::std::vec::Vec<$crate::config::KeyDoc> {
                ::std::vec![$(
                    $crate::section!(@key $default, $kind, ::std::stringify!($field), ::std::concat!($($doc, "\n"),*))
                ),*]
            }
            fn read(reader: &mut $crate::config::Reader<'_>) -> Self {
                let _ = &reader;
                $name { $($field: $crate::section!(@read $default, $kind, reader, ::std::stringify!($field))),* }
            }
        }

        impl ::std::default::Default for $name {
            fn default() -> Self {
                <Self as $crate::config::Section>::read(&mut $crate::config::Reader::defaults())
            }
        }
    };
    (@key none, $kind:ty, $name:expr, $doc:expr) => { $crate::config::KeyDoc::unset::<$kind>($name, $doc) };
    (@key $default:literal, $kind:ty, $name:expr, $doc:expr) => { $crate::config::KeyDoc::new::<$kind>($name, $doc, $default) };
    (@read none, $kind:ty, $reader:ident, $name:expr) => { $reader.optional::<$kind>($name) };
    (@read $default:literal, $kind:ty, $reader:ident, $name:expr) => { $reader.value::<$kind>($name, $default) };
}
