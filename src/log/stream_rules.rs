//! How a log that many nodes share is kept: the settings of the JetStream engine.
//!
//! Plain values, there with or without the engine, so that every build reads the same file.

use crate::model::Seconds;
use std::fmt;
use std::time::Duration;

/// How a shared log is reached and kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StreamRules {
    /// The servers, each as `nats://host:port` or `tls://host:port`.
    pub servers: Vec<String>,
    /// The name of the stream; events go to the subject `NAME.log`.
    pub name: String,
    /// This node's name: no two nodes of a stream have the same.
    pub node: String,
    /// On how many servers each event is, where the stream is made by this node.
    pub replicas: u8,
    /// Events older than this are removed from it, where the stream is made by this node.
    pub keep: Seconds,
    /// As are the oldest beyond this many bytes.
    pub keep_bytes: u64,
    /// Most bytes of events that wait on this node's disk while the stream cannot be reached.
    pub spool_bytes_max: u64,
    /// A node that has not heard of the others for so long bids no more.
    pub silence_max: Duration,
}

/// How a node says who it is.
#[derive(Clone, PartialEq, Eq, Default)]
pub enum StreamLogin {
    /// Not at all.
    #[default]
    Nobody,
    /// By a token.
    Token(String),
    /// By a name and a password.
    Password {
        /// The name.
        user: String,
        /// The password.
        password: String,
    },
}

impl StreamLogin {
    /// Reads `user:password`, or a token (anything without a colon).
    pub fn read(text: &str) -> Self {
        match text.split_once(':') {
            Some((user, password)) => {
                Self::Password { user: user.to_owned(), password: password.to_owned() }
            }
            None => Self::Token(text.to_owned()),
        }
    }
}

impl fmt::Debug for StreamLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colon_makes_a_name_and_a_password_and_nothing_is_printed() {
        let both = StreamLogin::Password { user: "homing".to_owned(), password: "a:b".to_owned() };
        assert_eq!(StreamLogin::read("homing:a:b"), both);
        assert_eq!(StreamLogin::read("secret"), StreamLogin::Token("secret".to_owned()));
        assert_eq!(format!("{both:?}"), "***");
    }
}
