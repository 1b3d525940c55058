//! No two nodes of one stream have the same name: leases and the money in them are kept by it.
//!
//! Whoever begins to read the stream asks, beside the log, whether somebody answers to its
//! name, and from then on does so itself. Two that ask at the same moment do not find each other.

use super::connection::Link;
use super::stream::StreamFault;
use crate::log::StreamRules;
use async_nats::client::RequestErrorKind;
use bytes::Bytes;
use futures_util::StreamExt;
use std::time::Duration;

/// How long a node of the same name may take to answer. One that died with its machine is
/// waited for in vain, once, until the server has noticed.
const ANSWER_WAIT: Duration = Duration::from_millis(500);

/// Takes the node's name; answers to it for as long as the connection lives.
///
/// # Errors
/// Another node has it.
pub(super) async fn take_name(link: &Link, rules: &StreamRules) -> Result<(), StreamFault> {
    let subject = format!("{}.node.{}", rules.name, rules.node);
    let client = &link.client;
    let asked = client.request(subject.clone(), Bytes::default());
    match tokio::time::timeout(ANSWER_WAIT, asked).await {
        Ok(Ok(_)) => {
            let name = &rules.node;
            return Err(StreamFault::Lasting(format!(
                "another node named `{name}` is there: give each a name of its own (`node`)"
            )));
        }
        Ok(Err(error)) if error.kind() != RequestErrorKind::NoResponders => {
            return Err(StreamFault::Passing(error.to_string()));
        }
        Ok(Err(_)) | Err(_) => {}
    }
    let failed = |error: async_nats::SubscribeError| StreamFault::Passing(error.to_string());
    let mut calls = client.subscribe(subject).await.map_err(failed)?;
    let client = client.clone();
    tokio::spawn(async move {
        while let Some(call) = calls.next().await {
            if let Some(caller) = call.reply {
                // Whoever asks asks again.
                let _ = client.publish(caller, Bytes::default()).await;
            }
        }
    });
    Ok(())
}
