//! The systems of this binary: one line each.

use plimsoll::{
    config::{Config, Schema},
    host::Mounts,
};

macro_rules! systems {
    ($($system:ty),+ $(,)?) => {
        /// Every section of the configuration.
        pub fn schema() -> Schema {
            let schema = plimsoll::host::schema();
            $(let schema = schema.section::<<$system as plimsoll::System>::Config>();)+
            schema
        }

        /// Every system, declared and not yet started.
        pub fn mount(config: &Config) -> Mounts {
            Mounts::new()$(.mount::<$system>(config.get()))+
        }
    };
}

systems! {
    plimsoll_catalogue::Catalogue,
    plimsoll_retention::Retention,
}
