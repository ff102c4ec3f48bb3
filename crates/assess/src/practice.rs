//! One entry of the catalogue: a page, and Rust only for what a page cannot say.

use crate::{Boxed, Rig, Trouble};

/// What a probe needs beyond an address to knock at. What is not granted makes a check unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Need {
    /// Scratch tenants of its own.
    Tenants,
    /// The operations listener.
    Operations,
    /// What the service logs.
    Log,
    /// To be believed about the address of its requests: who is not, shares the limits of its address.
    Addresses,
    /// To receive the traces and error reports that the service sends out.
    Collector,
    /// The native systems with their description: something to list, make and delete.
    Native,
    /// A foreign service of the prober's behind the service under test.
    Service,
    /// Private instances of the service that may be stopped, killed and started otherwise.
    Copies,
}

impl Need {
    /// The word in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Need::Tenants => "scratch tenants",
            Need::Operations => "the operations listener",
            Need::Log => "the log",
            Need::Addresses => "addresses of its own",
            Need::Collector => "a collector of traces",
            Need::Native => "native systems",
            Need::Service => "a mounted service of the prober's",
            Need::Copies => "private copies",
        }
    }
}

/// A live attack on one promise.
#[derive(Clone, Copy)]
pub struct Probe {
    /// What has to be granted.
    pub needs: &'static [Need],
    /// The attack; it tells the rig what it finds, check by check.
    pub attack: for<'r> fn(&'r mut Rig) -> Boxed<'r, Result<(), Trouble>>,
}

/// A page and what can find out whether it is kept.
#[derive(Clone, Copy)]
pub struct Practice {
    /// Its name in the catalogue.
    pub id: &'static str,
    /// The page, see [`crate::page`].
    pub text: &'static str,
    /// How a running Plimsoll is attacked.
    pub probe: Option<Probe>,
    /// How any other HTTP service is looked at: reading requests only, no credentials.
    pub look: Option<Probe>,
}

impl Practice {
    /// A practice that nobody can check yet.
    pub const fn page(id: &'static str, text: &'static str) -> Practice {
        Practice { id, text, probe: None, look: None }
    }
    /// Adds the attack on a running Plimsoll.
    #[must_use]
    pub const fn proven_by(self, probe: Probe) -> Practice {
        Practice { probe: Some(probe), ..self }
    }
    /// Adds the look at a foreign service.
    #[must_use]
    pub const fn seen_by(self, look: Probe) -> Practice {
        Practice { look: Some(look), ..self }
    }
}

/// An attack from an `async fn(&mut Rig) -> Result<(), Trouble>` and what it needs:
/// `probe!(Tenants, Operations; attack)`.
#[macro_export]
macro_rules! probe {
    ($($need:ident),* ; $attack:path) => {
        $crate::Probe { needs: &[$($crate::Need::$need),*], attack: |rig| ::std::boxed::Box::pin($attack(rig)) }
    };
}
