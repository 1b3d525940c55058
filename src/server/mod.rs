//! Sockets, workers, routes, limits and the drain: the only place that knows HTTP.
//!
//! A request's way through these files:
//! - [`start`](Server::start) opens all listeners (`listen`) and starts the threads
//! - `connection` accepts, under `watch`, which keeps every deadline (`watched_io` tells it);
//!   in the `lobby` it waits for its first head before hyper has it
//! - `route` names the path; `body` and [`encoding`] read and unpack what was sent, `packing`
//!   packs what is answered
//! - `cors` lets pages of configured origins call the bid port
//! - `worker` answers bids, those that are there together in `turns`; `notices` notices, [`events`]
//!   what shops and browsers send, `admin` operators; `side` runs all but the first
//! - [`service`] are the traits that the rest of the program implements; `reply` their answers
//! - `drain` ends it all by moving the `stage`; [`limits`] holds every bound
//! - [`settings`] is the machine's file, checked
//! - [`clock`] reads the wall clock; [`token`] compares the admin token
//!
//! Guarantees: bounded memory and time whatever clients do; a slow client never delays
//! another; everything is bound before anything is served. Must not know what a bid is.

mod admin;
mod body;
pub mod clock;
mod connection;
mod cors;
mod drain;
pub mod encoding;
pub mod events;
pub mod limits;
mod listen;
mod lobby;
mod notices;
mod packing;
mod reply;
mod route;
pub mod service;
pub mod settings;
mod side;
mod stage;
pub mod token;
mod turns;
mod watch;
mod watched_io;
mod worker;

mod start;

pub use drain::Outcome;
pub use limits::{ConnectionLimits, DrainLimits};
pub use start::{Addresses, RunError, Running, Server, ServerConfig, Services, StartError};
pub use token::BearerToken;
