//! Shared by the tests of all rooms: servers of this machine, and files that a clone does not have.

#![expect(
    missing_docs,
    reason = "fields are named as in the service's documents"
)]

pub mod azure_server;
pub mod found;
pub mod http_server;
