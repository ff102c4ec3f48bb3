//! Encryption of the public listener, and the certificate it shows.

use std::time::Duration;

use plimsoll_assess::{
    Rig, Trouble,
    rig::{Copy, Papers, Shaken, Version, get, shake, speaks_old},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::{Instant, sleep},
};

use crate::figures::Figures;

/// How long new files may take to be used.
const NOTICE: Duration = Duration::from_secs(5);

async fn encrypted(rig: &mut Rig, papers: &Papers) -> Result<Copy, Trouble> {
    let (certificate, key) = (papers.certificate(), papers.key());
    let (Some(certificate), Some(key)) = (certificate.to_str(), key.to_str()) else {
        return Err(Trouble::new("the path of the scratch folder is not text"));
    };
    let copy = rig.copy(&[("tls.certificate", certificate), ("tls.key", key), ("tls.reload", "50ms")]).await?;
    rig.turn_to(&copy);
    Ok(copy)
}

/// TLS 1.2 and 1.3, and nothing else on that port.
pub(crate) async fn modern(rig: &mut Rig) -> Result<(), Trouble> {
    let papers = Papers::new(2099)?;
    let copy = encrypted(rig, &papers).await?;
    rig.note("an instance with tls.certificate and tls.key");
    rig.check("modern-only");
    for (version, name) in [(Version::V12, "TLS 1.2"), (Version::V13, "TLS 1.3")] {
        let shaken = shake(copy.site(), version).await?;
        let answered = shaken.is_some_and(|shaken| shaken.status != 0 && shaken.certificate == papers.der);
        rig.must(answered, format!("a handshake in {name} shows the configured certificate, and requests are answered"));
    }
    rig.must(!speaks_old(copy.site()).await?, "a client that knows nothing newer than TLS 1.1 is refused");
    rig.check("no-plain-way");
    let mut wire = plain(&copy).await?;
    let asked = format!("GET /health/live HTTP/1.1\r\nHost: {}\r\n\r\n", copy.site().authority());
    wire.write_all(asked.as_bytes()).await.map_err(|error| Trouble::new(error.to_string()))?;
    let mut answer = [0; 4];
    let read = tokio::time::timeout(NOTICE, wire.read(&mut answer)).await;
    let spoken = matches!(read, Ok(Ok(4))) && &answer == b"HTTP";
    rig.must(!spoken, "a request in the clear to the same port gets no answer of HTTP");
    Ok(())
}

async fn plain(copy: &Copy) -> Result<tokio::net::TcpStream, Trouble> {
    tokio::net::TcpStream::connect(copy.site().authority()).await.map_err(|error| Trouble::new(error.to_string()))
}

/// Waits until this certificate is shown.
async fn shows(copy: &Copy, der: &[u8]) -> Result<bool, Trouble> {
    let end = Instant::now() + NOTICE;
    loop {
        let shaken: Option<Shaken> = shake(copy.site(), Version::V13).await?;
        if shaken.is_some_and(|shaken| shaken.certificate == der && shaken.status != 0) {
            return Ok(true);
        }
        if Instant::now() > end {
            return Ok(false);
        }
        sleep(Duration::from_millis(50)).await;
    }
}

/// When the service says that its certificate ends: by its metrics, or where there are none by
/// whether health has an entry for it.
async fn told(rig: &mut Rig) -> Result<(bool, bool), Trouble> {
    let page = rig.quietly(get("/metrics").operations()).await?;
    let figures = Figures::read(&page.text()).unwrap_or_default();
    let end = figures.samples.iter().find(|sample| sample.name == "plimsoll_tls_certificate_expires_timestamp_seconds");
    let health = rig.quietly(get("/health").operations()).await?.json();
    let entry = health["checks"]["certificate"]["status"].as_str();
    // 2000-01-01 is long over, 2099-01-01 is far.
    let far = end.map(|sample| sample.value > 4.0e9).or(entry.map(|status| status == "good"));
    let over = end.map(|sample| sample.value < 1.0e9).or(entry.map(|status| status == "failed"));
    Ok((far == Some(true), over == Some(true)))
}

/// New files are used without a restart, bad ones are not, and the end is told.
pub(crate) async fn renewed(rig: &mut Rig) -> Result<(), Trouble> {
    let mut papers = Papers::new(2099)?;
    let copy = encrypted(rig, &papers).await?;
    rig.check("hot-reload");
    rig.must(shows(&copy, &papers.der).await?, "the certificate of the files is shown");
    let first = papers.der.clone();
    papers.renew(2098)?;
    let fresh = shows(&copy, &papers.der).await? && papers.der != first;
    if !rig.must(fresh, "another pair in their place is shown without a restart") {
        for check in ["bad-pair", "expiry-told"] {
            rig.check(check);
            rig.must(false, "the service looks at its files again");
        }
        return Ok(());
    }
    rig.check("bad-pair");
    papers.spoil()?;
    let log = crate::log::Log::of_copy(&copy);
    let warned = log.wait_for(1, |line| line.text.contains("is not usable")).await;
    rig.must(!warned.is_empty(), "files that do not fit together are told of");
    rig.must(shows(&copy, &papers.der).await?, "and the good pair stays in use");
    rig.check("expiry-told");
    let (far, _) = told(rig).await?;
    rig.must(far, "the operations listener tells when the certificate in use ends");
    papers.renew(2000)?;
    shows(&copy, &papers.der).await?;
    let end = Instant::now() + NOTICE;
    let mut over = false;
    while !over && Instant::now() < end {
        over = told(rig).await?.1;
        sleep(Duration::from_millis(50)).await;
    }
    rig.must(over, "a certificate that has ended shows as such");
    Ok(())
}
