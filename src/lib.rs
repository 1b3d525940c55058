//! Homing, a retargeting bidder.

pub mod audience;
pub mod campaign;
pub mod cli;
pub mod config;
pub mod ledger;
pub mod model;
pub mod openrtb;
pub mod privacy;
pub mod server;
