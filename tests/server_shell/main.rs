//! The HTTP shell through real sockets: what exchanges, browsers, operators and hostile
//! clients see. The services behind it are fakes; see `support`.

mod bids;
mod drain;
mod events;
mod hostile;
mod ports;
mod support;
