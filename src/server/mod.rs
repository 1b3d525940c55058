//! Sockets, workers, routes, limits, drain; the only place that knows HTTP.

pub mod settings;
