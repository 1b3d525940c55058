//! Homing, a retargeting bidder.

pub mod audience;
pub mod campaign;
pub mod cli;
pub mod model;
pub mod openrtb;
