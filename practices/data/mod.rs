//! Tables, transactions, migrations, backups.

mod backups;
mod cached;
mod changes;
mod connections;
pub(crate) mod jobs;
mod migrations;
mod published;
mod statements;

use plimsoll_assess::{Practice, probe};

pub(crate) const AREA: &[Practice] = &[
    page!("db-schema-normalised"),
    page!("db-indexes"),
    page!("db-transactions").proven_by(probe!(Tenants, Copies; changes::transactions)),
    page!("db-constraints"),
    page!("fk-cascade-rules").proven_by(probe!(Tenants, Native; changes::references)),
    page!("soft-deletes").proven_by(probe!(Tenants, Native; changes::deletes)),
    page!("db-migrations").proven_by(probe!(Copies; migrations::recorded)),
    page!("db-migrations-rollback"),
    page!("db-migrations-on-deploy").proven_by(probe!(Copies; migrations::deployed)),
    page!("db-migrations-verified"),
    page!("connection-pool").proven_by(probe!(Copies; connections::bounded)),
    page!("pool-monitoring").proven_by(probe!(Copies; connections::watched)),
    page!("db-reconnect").proven_by(probe!(Copies; connections::renewed)),
    page!("query-timeouts").proven_by(probe!(Copies; statements::limited)),
    page!("slow-query-monitoring").proven_by(probe!(Copies; statements::slow)),
    page!("query-optimisation"),
    page!("n-plus-one"),
    page!("batch-writes").proven_by(probe!(Tenants, Native; changes::batches)),
    page!("cache-ttl-invalidation").proven_by(probe!(Copies; cached::bounded)),
    page!("cache-store-persistence"),
    page!("job-queue").proven_by(probe!(Copies; jobs::queue)),
    page!("pubsub").proven_by(probe!(Tenants, Native; published::told_of_first)),
    page!("read-replicas"),
    page!("db-replication"),
    page!("db-sharding"),
    page!("backup-automated").proven_by(probe!(Copies; backups::automated)),
    page!("backup-pitr").proven_by(probe!(Copies; backups::any_moment)),
    page!("backup-offsite").proven_by(probe!(Copies; backups::elsewhere)),
    page!("backup-restore-tested").proven_by(probe!(Copies; backups::rehearsed)),
    page!("backup-retention").proven_by(probe!(Copies; backups::pruned)),
];
