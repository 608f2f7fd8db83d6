//! What the tests of all rooms share: servers of this machine that they ask, and the files that a clone
//! does not have.

#![expect(
    missing_docs,
    reason = "fields are named as in the service's documents"
)]

pub mod azure_server;
pub mod found;
pub mod http_server;
