//! Configuration.

/// One section of the configuration.
pub trait Section: Sized {
    /// Its name.
    const NAME: &'static str;
}
