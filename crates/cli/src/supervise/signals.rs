//! Signals to this process that concern the service.

use plimsoll::Result;
use rustix::process::Signal;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};

use super::Order;

/// Passes SIGUSR1 and SIGUSR2 on to the service, and SIGHUP where `hangup` says that nothing of ours
/// listens to it. A second SIGTERM or SIGINT ends the service at once; the first begins our own
/// drain and reaches the service when that is done.
///
/// # Errors
/// `Internal` where the system does not let the process handle signals.
pub fn forward(orders: &mpsc::Sender<Order>, hangup: bool) -> Result<()> {
    let mut passed = vec![(SignalKind::user_defined1(), Signal::USR1), (SignalKind::user_defined2(), Signal::USR2)];
    if hangup {
        passed.push((SignalKind::hangup(), Signal::HUP));
    }
    for (kind, meant) in passed {
        let (mut heard, orders) = (signal(kind)?, orders.clone());
        tokio::spawn(async move { while heard.recv().await.is_some() && orders.send(Order::Signal(meant)).await.is_ok() {} });
    }
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let orders = orders.clone();
    tokio::spawn(async move {
        for _ in 0..2 {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        }
        let _ = orders.send(Order::Kill).await;
    });
    Ok(())
}
