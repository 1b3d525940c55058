//! Homing, a retargeting bidder.

pub mod audience;
pub mod campaign;
pub mod model;
pub mod openrtb;
pub mod server;
pub mod telemetry;
