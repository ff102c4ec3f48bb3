//! A copy of a reading request for the candidate, whose answer nobody reads.

use std::sync::{Arc, atomic::Ordering};

use http::Request;
use hyper::body::Body as _;

use super::{Release, machine::Arm};
use crate::{Body, exchange::Exchange, upstream::forward};

/// How much of a mirrored answer is read before it is let go, in bytes.
const MOST: usize = 1024 * 1024;

impl Release {
    /// Sends a copy to the candidate where this request is one of those: reading, without a body,
    /// on its way to the stable service, of a caller in the mirrored share. Waits for nothing.
    pub fn mirror(&self, x: &Exchange, steered: &super::Steered, request: &Request<Body>) {
        let reads = matches!(*request.method(), http::Method::GET | http::Method::HEAD) && request.body().is_end_stream();
        if self.mirror == 0 || steered.arm == Arm::Candidate || !reads || request.headers().contains_key(http::header::UPGRADE) {
            return;
        }
        if !self.mirrored_callers.takes(self.mirror, x.principal.as_ref().map(|who| &*who.id), x.caller) || !self.machine().open() {
            return;
        }
        let Ok(place) = self.room.clone().try_acquire_owned() else {
            self.unmirrored.fetch_add(1, Ordering::Relaxed);
            return;
        };
        self.mirrored.fetch_add(1, Ordering::Relaxed);
        let mut copy = Request::new(Body::empty());
        *copy.method_mut() = request.method().clone();
        *copy.uri_mut() = request.uri().clone();
        *copy.version_mut() = request.version();
        *copy.headers_mut() = request.headers().clone();
        let mut own = Exchange::new(x.host.clone(), x.peer, x.secure, &copy);
        (own.request, own.caller, own.principal, own.matched) = (x.request, x.caller, x.principal.clone(), x.matched.clone());
        own.client_request.clone_from(&x.client_request);
        own.deadline = x.deadline;
        own.mirrored = true;
        let candidate = Arc::clone(&self.candidate);
        tokio::spawn(async move {
            let _place = place;
            let limit = candidate.answer_timeout;
            let whole = async {
                let Ok(answer) = forward::forward(&mut own, &candidate, copy).await else { return };
                let (mut body, mut seen) = (answer.into_body(), 0);
                while let Some(Ok(frame)) = std::future::poll_fn(|cx| std::pin::Pin::new(&mut body).poll_frame(cx)).await {
                    seen += frame.data_ref().map_or(0, bytes::Bytes::len);
                    if seen > MOST {
                        return;
                    }
                }
            };
            let _ = tokio::time::timeout(limit, whole).await;
        });
    }
}
