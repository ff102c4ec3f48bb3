//! Django
use super::super::link::Linked;
use crate::wiring::Wired;
pub(super) fn wire(_linked: &Linked<'_>, _wired: &mut Wired) {}
