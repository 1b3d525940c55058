//! One connection to the servers of the stream: opened, and kept open.
//!
//! Guarantees: a connection that breaks is made again, with growing pauses of random length, so
//! that the nodes of a cluster do not all come back at one moment; whoever holds a [`Link`]
//! sees at any time whether it is up. A login that is refused, or an address that is none, is
//! told at the first attempt.

use crate::log::{StreamLogin, StreamRules};
use async_nats::{Client, ConnectErrorKind, ConnectOptions, Event};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// The bound on the first step of a connection.
const CONNECT_WAIT: Duration = Duration::from_secs(2);
/// The bound on an answer of the server.
pub(super) const REQUEST_WAIT: Duration = Duration::from_secs(3);
/// How often the server is asked whether it is there: a connection that is dead without a word
/// is noticed within three of these.
const PING_EVERY: Duration = Duration::from_secs(2);
/// The first pause before connecting again; each further one is twice as long.
const PAUSE_MIN: Duration = Duration::from_millis(50);
/// The longest: a server that is back is noticed within this.
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// Why there is no connection, and will be none.
#[derive(Debug, thiserror::Error)]
#[error(
    "the stream's servers ({servers}) refuse: {reason}; see `log` in [data] and `stream` in [secrets]"
)]
pub struct Refused {
    /// The addresses.
    servers: String,
    /// What they say.
    reason: String,
}

/// A connection.
#[derive(Clone)]
pub(super) struct Link {
    pub(super) client: Client,
    /// Since when it is up, if it is.
    pub(super) up: watch::Receiver<Option<Instant>>,
}

/// Connects for a purpose (which the server shows in its list of connections). Where no server
/// can be reached that is tried again for as long as the link lives.
///
/// # Errors
/// The login, or an address.
pub(super) async fn connect(
    rules: &StreamRules,
    login: &StreamLogin,
    purpose: &str,
) -> Result<Link, Refused> {
    open(rules, purpose, |up| options(login, up)).await
}

/// As [`connect`], for a connection that does not hear what it tells itself.
pub(super) async fn connect_deaf(
    rules: &StreamRules,
    login: &StreamLogin,
    purpose: &str,
) -> Result<Link, Refused> {
    open(rules, purpose, |up| options(login, up).no_echo()).await
}

async fn open(
    rules: &StreamRules,
    purpose: &str,
    options: impl Fn(watch::Sender<Option<Instant>>) -> ConnectOptions,
) -> Result<Link, Refused> {
    let (sender, up) = watch::channel(None);
    let options = || options(sender.clone()).name(format!("homing {} {purpose}", rules.node));
    let servers = rules.servers.join(",");
    let client = match options().connect(rules.servers.as_slice()).await {
        Ok(client) => client,
        Err(error) => match error.kind() {
            ConnectErrorKind::Io | ConnectErrorKind::TimedOut | ConnectErrorKind::Dns => {
                tracing::warn!(servers, %error, "no server of the stream can be reached yet");
                let patient = options().retry_on_initial_connect();
                let refused = |error: async_nats::ConnectError| error.to_string();
                patient.connect(rules.servers.as_slice()).await.map_err(refused)
            }
            _ => Err(error.to_string()),
        }
        .map_err(|reason| Refused { servers: servers.clone(), reason })?,
    };
    Ok(Link { client, up })
}

fn options(login: &StreamLogin, up: watch::Sender<Option<Instant>>) -> ConnectOptions {
    let options = ConnectOptions::new()
        .connection_timeout(CONNECT_WAIT)
        .request_timeout(Some(REQUEST_WAIT))
        .ping_interval(PING_EVERY)
        .reconnect_delay_callback(pause)
        .event_callback(move |event| {
            let up = up.clone();
            async move { note(&event, &up) }
        });
    match login {
        StreamLogin::Nobody => options,
        StreamLogin::Token(token) => options.token(token.clone()),
        StreamLogin::Password { user, password } => {
            options.user_and_password(user.clone(), password.clone())
        }
    }
}

fn note(event: &Event, up: &watch::Sender<Option<Instant>>) {
    match event {
        Event::Connected => drop(up.send(Some(Instant::now()))),
        Event::Disconnected | Event::Closed => drop(up.send(None)),
        Event::SlowConsumer(_) | Event::ServerError(_) | Event::ClientError(_) => {
            tracing::warn!(%event, "the stream's server");
        }
        Event::LameDuckMode | Event::Draining => {}
    }
}

/// The pause before an attempt to connect: half of it is random.
pub(super) fn pause(attempt: usize) -> Duration {
    let doublings = attempt.saturating_sub(1).min(16) as u32;
    let whole = PAUSE_MIN.saturating_mul(1 << doublings).min(PAUSE_MAX);
    let mut random = [0; 1];
    // Without randomness the pause is the longest one.
    let share = if getrandom::fill(&mut random).is_ok() { u32::from(random[0]) } else { 255 };
    whole / 2 + whole / 2 * share / 255
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_differ_and_end() {
        assert!(pause(1) >= PAUSE_MIN / 2 && pause(1) <= PAUSE_MIN);
        assert!((20..1_000).all(|attempt| pause(attempt) >= PAUSE_MAX / 2));
        assert!((0..1_000).all(|attempt| pause(attempt) <= PAUSE_MAX));
        let some: std::collections::HashSet<_> = (0..50).map(|_| pause(9)).collect();
        assert!(some.len() > 10, "{} of 50 differ", some.len());
    }
}
