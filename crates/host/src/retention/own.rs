//! The host's own classes of data.

use std::time::Duration;

use super::{Class, Step};

const DAY: Duration = Duration::from_secs(86_400);

/// What the host keeps for a time.
pub const CLASSES: &[Class] = &[
    Class {
        name: "ended-sessions",
        about: "sessions with address and agent, and refresh tokens, from their end: for those who look into an incident",
        period: Duration::from_secs(30 * DAY.as_secs()),
        steps: &[
            Step { table: "refresh", row: "hash", over: "expires_at < :limit", blank: &[] },
            Step {
                table: "session",
                row: "id",
                over: "(ended_at < :limit OR expires_at < :limit) AND NOT EXISTS \
                       (SELECT 1 FROM refresh r WHERE r.tenant_id = session.tenant_id AND r.session_id = session.id)",
                blank: &[],
            },
        ],
    },
    Class {
        name: "ledger-addresses",
        about: "addresses of callers in the ledger, from the entry; the entry itself stays and its chain verifies without them",
        period: Duration::from_secs(365 * DAY.as_secs()),
        steps: &[Step {
            table: "ledger",
            row: "seq",
            over: "at < :limit AND address IS NOT NULL AND address_digest IS NOT NULL",
            blank: &["address", "address_salt"],
        }],
    },
];
