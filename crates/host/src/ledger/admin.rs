//! `GET /v1/audit`: the ledger, read.
