//! Layer `panic`: a bug below is an error of one request, not a dead connection.

use std::{any::Any, fmt, future::poll_fn, panic::AssertUnwindSafe, task::Poll};

use http::{Request, Response};
use plimsoll_core::{Code, Error, Result};

use crate::{
    Body,
    exchange::Exchange,
    stack::{Boxed, Next},
};

/// Turns a panic into `Internal`; the message is its private cause.
pub fn around<'a>(x: &'a mut Exchange, request: Request<Body>, next: Next<'a>) -> Boxed<'a, Result<Response<Body>>> {
    if !x.host.holds("global-exception-handler") {
        return Box::pin(next.run(x, request));
    }
    caught(Box::pin(next.run(x, request)))
}

/// Runs `work` to its end, its panic included.
fn caught<'a, T: Send + 'a>(mut work: Boxed<'a, Result<T>>) -> Boxed<'a, Result<T>> {
    Box::pin(poll_fn(move |cx| {
        // Nothing is shared across the boundary but the exchange, which only gets the error.
        match std::panic::catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx))) {
            Ok(polled) => polled,
            Err(payload) => Poll::Ready(Err(failed(payload.as_ref()))),
        }
    }))
}

fn failed(payload: &(dyn Any + Send)) -> Error {
    let message = payload.downcast_ref::<&str>().map(|text| (*text).to_owned()).or_else(|| payload.downcast_ref::<String>().cloned());
    Code::Internal.error().caused_by(Panicked(message.unwrap_or_else(|| "no message".to_owned()))).reasoned("panic")
}

#[derive(Debug)]
struct Panicked(String);
impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "panicked: {}", self.0)
    }
}
impl std::error::Error for Panicked {}

#[cfg(test)]
mod tests {
    use super::*;

    async fn outcome(number: i32) -> Result<i32> {
        caught(Box::pin(async move {
            tokio::task::yield_now().await;
            assert!(number > 0, "the secret is {number}");
            Ok(number)
        }))
        .await
    }

    #[tokio::test]
    async fn a_panic_is_an_internal_error_whose_message_stays_private() {
        assert_eq!(outcome(1).await.unwrap(), 1);
        let error = outcome(-7).await.unwrap_err();
        assert_eq!(error.code(), Code::Internal);
        assert!(error.cause().unwrap().contains("the secret is -7"));
        assert!(!error.public().contains("secret"));
    }
}
