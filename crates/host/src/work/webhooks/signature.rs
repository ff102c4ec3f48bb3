//! Secrets and signatures, after Standard Webhooks: `v1` is HMAC-SHA256 with a secret that both
//! sides know, `v1a` is Ed25519, where the receiver can check and cannot sign.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use plimsoll_core::{Code, Result, Seed, Time, WebhookId};
use ring::{
    hmac,
    signature::{Ed25519KeyPair, KeyPair},
};
use zeroize::Zeroizing;

use crate::identity::Master;

/// What the secrets are sealed for.
const PURPOSE: &str = "webhook secret";
/// Bytes of a secret; the standard wants 24 to 64.
const LENGTH: usize = 32;

/// How a signature is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    /// HMAC-SHA256.
    Shared,
    /// Ed25519.
    Public,
}

impl Scheme {
    pub(super) fn name(self) -> &'static str {
        match self {
            Scheme::Shared => "v1",
            Scheme::Public => "v1a",
        }
    }
    pub(super) fn named(name: &str) -> Scheme {
        if name == "v1a" { Scheme::Public } else { Scheme::Shared }
    }
}

/// A secret just made.
pub(super) struct Fresh {
    /// As it is stored.
    pub(super) sealed: Vec<u8>,
    /// `whsec_…`, which is shown once, or `whpk_…`, which anybody may know.
    pub(super) text: Zeroizing<String>,
    /// What can be shown for ever: the public key, or the last four characters.
    pub(super) shown: String,
}

impl Fresh {
    /// A secret for `webhook`.
    pub(super) fn new(scheme: Scheme, webhook: WebhookId, master: &Master, seed: &Seed) -> Result<Fresh> {
        let bytes = Zeroizing::new(seed.bytes::<LENGTH>());
        let sealed = master.seal(PURPOSE, &label(webhook, scheme), bytes.as_slice(), seed)?;
        Ok(match scheme {
            Scheme::Shared => {
                let text = Zeroizing::new(format!("whsec_{}", BASE64.encode(bytes.as_slice())));
                let shown = format!("…{}", &text[text.len() - 5..]);
                Fresh { sealed, text, shown }
            }
            Scheme::Public => {
                let public = format!("whpk_{}", BASE64.encode(pair(bytes.as_slice())?.public_key().as_ref()));
                Fresh { sealed, text: Zeroizing::new(public.clone()), shown: public }
            }
        })
    }
}

/// What a secret is bound to, so that one row's cannot be moved to another's.
fn label(webhook: WebhookId, scheme: Scheme) -> String {
    format!("{webhook} {}", scheme.name())
}

fn pair(seed: &[u8]) -> Result<Ed25519KeyPair> {
    Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| Code::Internal.because("a webhook's key is none"))
}

/// A secret that signs.
pub(super) struct Signing {
    scheme: Scheme,
    bytes: Zeroizing<Vec<u8>>,
}

impl Signing {
    /// Opens a stored secret.
    pub(super) fn open(scheme: Scheme, webhook: WebhookId, sealed: &[u8], master: &Master) -> Result<Signing> {
        Ok(Signing { scheme, bytes: master.open(PURPOSE, &label(webhook, scheme), sealed)? })
    }

    fn sign(&self, content: &[u8]) -> Result<String> {
        let signature = match self.scheme {
            Scheme::Shared => BASE64.encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &self.bytes), content)),
            Scheme::Public => BASE64.encode(pair(&self.bytes)?.sign(content)),
        };
        Ok(format!("{},{signature}", self.scheme.name()))
    }
}

/// The value of `webhook-signature`: one signature for every secret, separated by spaces.
pub(super) fn header(secrets: &[Signing], id: &str, at: Time, body: &[u8]) -> Result<String> {
    let mut content = format!("{id}.{}.", at.seconds()).into_bytes();
    content.extend_from_slice(body);
    let signatures: Vec<String> = secrets.iter().map(|secret| secret.sign(&content)).collect::<Result<_>>()?;
    Ok(signatures.join(" "))
}

#[cfg(test)]
mod tests {
    use ring::signature::{ED25519, UnparsedPublicKey};

    use super::*;

    /// The example that the standard's own libraries test with.
    #[test]
    fn the_published_example_gets_the_published_signature() {
        let secret = Signing { scheme: Scheme::Shared, bytes: Zeroizing::new(BASE64.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap()) };
        let at = Time::from_micros(1_614_265_330_000_000);
        let signed = header(&[secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", at, b"{\"test\": 2432232314}").unwrap();
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_public_key_checks_what_its_secret_signed_and_secrets_have_the_standard_s_form() {
        let (master, seed) = (Master::from_bytes([7; 32]), Seed::fixed(1));
        let webhook = WebhookId::new(Time::from_micros(0), &seed);
        let fresh = Fresh::new(Scheme::Public, webhook, &master, &seed).unwrap();
        let shared = Fresh::new(Scheme::Shared, webhook, &master, &seed).unwrap();
        assert_eq!(BASE64.decode(shared.text.strip_prefix("whsec_").unwrap()).unwrap().len(), LENGTH);
        assert!(!shared.text.starts_with(&shared.shown) && shared.shown.len() < 10);
        let open = |scheme, sealed: &[u8]| Signing::open(scheme, webhook, sealed, &master);
        let both = [open(Scheme::Shared, &shared.sealed).unwrap(), open(Scheme::Public, &fresh.sealed).unwrap()];
        let signed = header(&both, "evt_1", Time::from_micros(5_000_000), b"{}").unwrap();
        let (first, second) = signed.split_once(' ').unwrap();
        let signature = BASE64.decode(second.strip_prefix("v1a,").unwrap()).unwrap();
        let public = BASE64.decode(fresh.text.strip_prefix("whpk_").unwrap()).unwrap();
        let known = UnparsedPublicKey::new(&ED25519, public);
        assert!(first.starts_with("v1,") && known.verify(b"evt_1.5.{}", &signature).is_ok());
        assert!(known.verify(b"evt_1.6.{}", &signature).is_err());
        // A secret does not open for another endpoint, nor as another scheme.
        assert!(open(Scheme::Public, &shared.sealed).is_err());
        let other = WebhookId::new(Time::from_micros(1), &seed);
        assert!(Signing::open(Scheme::Shared, other, &shared.sealed, &master).is_err());
    }
}
