//! Which request the running code belongs to, for log events written far from its exchange.
//!
//! A thread-local that is set for the length of each poll: two words moved, no allocation, and
//! nothing that a handler has to pass along. Work on other threads has to take it along by hand.

use std::{
    cell::Cell,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use plimsoll_core::RequestId;

use super::Trace;
use crate::stack::Boxed;

/// The request that the running code belongs to.
#[derive(Debug, Clone, Copy)]
pub struct Current {
    /// Its id.
    pub request: RequestId,
    /// Its trace.
    pub trace: Trace,
}

thread_local! {
    static CURRENT: Cell<Option<Current>> = const { Cell::new(None) };
}

/// The request this code runs for, if it runs for one.
pub fn current() -> Option<Current> {
    CURRENT.get()
}

/// A future whose polls run as part of a request.
pub(crate) struct Within<'a, T> {
    pub current: Current,
    pub inner: Boxed<'a, T>,
}

impl<T> Future for Within<'_, T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        struct Restore(Option<Current>);
        impl Drop for Restore {
            fn drop(&mut self) {
                CURRENT.set(self.0);
            }
        }
        let _restore = Restore(CURRENT.replace(Some(self.current)));
        self.inner.as_mut().poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_request_is_known_inside_and_forgotten_outside() {
        let current_request = Current { request: RequestId::from_bits(5), trace: Trace::default() };
        let inner: Boxed<'_, Option<RequestId>> = Box::pin(async {
            tokio::task::yield_now().await;
            current().map(|current| current.request)
        });
        assert_eq!(Within { current: current_request, inner }.await, Some(RequestId::from_bits(5)));
        assert!(current().is_none());
    }
}
