//! How long is kept what has had its use. Records of people are no class: they go when somebody says so.

use std::time::Duration;

use plimsoll::retention::{Class, Step};

const DAY: u64 = 86_400;

/// The classes.
pub const CLASSES: &[Class] = &[
    Class {
        name: "refused-records",
        about: "refused records of exports: settled ones from then on, open ones with their sealed text from the day they were refused",
        period: Duration::from_secs(90 * DAY),
        steps: &[Step { table: "reject", row: "id", over: "(settled_at < :limit OR created_at < :limit)", blank: &[] }],
    },
    Class {
        name: "uploaded-exports",
        about: "sealed bytes of uploads whose work never came to an end; those of finished ones go at once",
        period: Duration::from_secs(30 * DAY),
        steps: &[Step {
            table: "ingest_part",
            row: "ingest_id",
            over: "EXISTS (SELECT 1 FROM ingest i WHERE i.tenant_id = ingest_part.tenant_id AND i.id = ingest_part.ingest_id \
                   AND i.created_at < :limit)",
            blank: &[],
        }],
    },
    Class {
        name: "finished-exports",
        about: "files that were worked off, with their counts, from their end; not those with refused records that are open",
        period: Duration::from_secs(365 * DAY),
        steps: &[
            Step {
                table: "reject",
                row: "id",
                over: "state <> 'open' AND EXISTS (SELECT 1 FROM ingest i WHERE i.tenant_id = reject.tenant_id AND i.id = reject.ingest_id \
                       AND i.finished_at < :limit)",
                blank: &[],
            },
            Step {
                table: "ingest",
                row: "id",
                over: "finished_at < :limit AND NOT EXISTS \
                       (SELECT 1 FROM reject r WHERE r.tenant_id = ingest.tenant_id AND r.ingest_id = ingest.id)",
                blank: &[],
            },
        ],
    },
    Class {
        name: "old-predictions",
        about: "predictions with the values that made them, from the day they were made; never the latest of a person, nor one whose outcome somebody told",
        period: Duration::from_secs(730 * DAY),
        steps: &[Step {
            table: "prediction",
            row: "id",
            over: "created_at < :limit AND NOT EXISTS \
                   (SELECT 1 FROM risk r WHERE r.tenant_id = prediction.tenant_id AND r.prediction_id = prediction.id) AND NOT EXISTS \
                   (SELECT 1 FROM outcome o WHERE o.tenant_id = prediction.tenant_id AND o.prediction_id = prediction.id)",
            blank: &[],
        }],
    },
];
