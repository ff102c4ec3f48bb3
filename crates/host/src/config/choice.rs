//! Kinds that are one word out of a list.

/// Declares an enum whose variants are words of the configuration.
///
/// ```
/// plimsoll::choice! {
///     /// How much is written to the log.
///     pub enum Detail {
///         /// What an operator wants to know.
///         Normal = "normal",
///         /// Everything.
///         Full = "full",
///     }
/// }
/// assert_eq!(Detail::Full.as_str(), "full");
/// ```
#[macro_export]
macro_rules! choice {
    ($(#[$meta:meta])* $vis:vis enum $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        $vis enum $name { $($(#[$doc])* $variant),+ }

        impl $name {
            /// Every choice, in the order of the list.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The word that stands for it.
            pub const fn as_str(self) -> &'static str { match self { $($name::$variant => $word),+ } }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result { f.write_str(self.as_str()) }
        }

        impl $crate::config::Setting for $name {
            fn kind() -> ::std::string::String {
                ::std::string::String::from("one of ") + &[$($word),+].join(", ")
            }
            fn example() -> ::std::string::String {
                ::std::format!("\"{}\"", Self::ALL[0])
            }
            fn from_toml(
                value: &$crate::config::Node,
                wrong: &mut ::std::vec::Vec<$crate::config::Wrong>,
            ) -> ::std::option::Option<Self> {
                let read = match value.text() {
                    ::std::option::Option::Some(word) => <Self as $crate::config::Setting>::from_text(word),
                    ::std::option::Option::None => ::std::result::Result::Err($crate::config::Wrong::other_type::<Self>(value)),
                };
                read.map_err(|it| wrong.push(it.at(value.span()))).ok()
            }
            fn from_text(text: &str) -> ::std::result::Result<Self, $crate::config::Wrong> {
                let found = Self::ALL.iter().copied().find(|choice| choice.as_str() == text.trim());
                found.ok_or_else(|| {
                    let wrong = $crate::config::Wrong::text::<Self>(text);
                    match $crate::config::nearest(text.trim(), [$($word),+]) {
                        ::std::option::Option::Some(near) => wrong.help(::std::format!("did you mean `{near}`?")),
                        ::std::option::Option::None => wrong,
                    }
                })
            }
            fn show(&self) -> ::std::string::String {
                ::std::format!("\"{}\"", self.as_str())
            }
        }
    };
}
