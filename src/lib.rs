//! Homing, a retargeting bidder.

pub mod audience;
pub mod bidder;
pub mod campaign;
pub mod cli;
pub mod config;
pub mod decide;
pub mod demo;
pub mod ledger;
pub mod message;
pub mod model;
pub mod notice;
pub mod openrtb;
pub mod privacy;
pub mod server;
pub mod telemetry;
