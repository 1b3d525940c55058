//! A small HTTP/1.1 client, and the door through which every bid of these tests comes.

use crate::exchange_rules::assert_acceptable;
use crate::support::PATIENCE;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

/// A reply.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// A keep-alive HTTP/1.1 client.
pub(crate) struct Client {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Client {
    pub(crate) fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the server listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a plain socket");
        stream.set_nodelay(true).expect("a plain socket");
        Self { stream, unread: Vec::new() }
    }

    /// Asks an exchange's path for a bid: the response if there is one, checked against the
    /// rules; `None` for "no bid" in either form.
    pub(crate) fn bid(&mut self, exchange: &str, request: &Value) -> Option<Value> {
        let body = serde_json::to_vec(request).expect("a Value is JSON");
        let reply = self.post(exchange, &body);
        match reply.status {
            204 => {
                assert!(reply.body.is_empty(), "a 204 has no body");
                None
            }
            200 => accepted(request, &reply),
            _ => panic!("{reply:?} to {request}"),
        }
    }

    /// Posts a body to an exchange's path.
    pub(crate) fn post(&mut self, exchange: &str, body: &[u8]) -> Reply {
        self.ask(("POST", &format!("/openrtb2/{exchange}")), &[], body)
    }

    pub(crate) fn ask(
        &mut self,
        call: (&str, &str),
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Reply {
        self.try_ask(call, headers, body).expect("a whole reply")
    }

    /// As [`Self::ask`]; the error if the connection is or goes away.
    pub(crate) fn try_ask(
        &mut self,
        (method, path): (&str, &str),
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> std::io::Result<Reply> {
        let mut bytes = format!("{method} {path} HTTP/1.1\r\nhost: a\r\n").into_bytes();
        for (name, value) in headers {
            bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        bytes.extend_from_slice(format!("content-length: {}\r\n\r\n", body.len()).as_bytes());
        bytes.extend_from_slice(body);
        self.stream.write_all(&bytes)?;
        self.reply()
    }

    fn reply(&mut self) -> std::io::Result<Reply> {
        let head_end = loop {
            if let Some(place) = self.unread.windows(4).position(|four| four == b"\r\n\r\n") {
                break place + 4;
            }
            self.read_more()?;
        };
        let head: Vec<u8> = self.unread.drain(..head_end).collect();
        let head = String::from_utf8(head).expect("heads are ASCII");
        let status = head.split(' ').nth(1).and_then(|text| text.parse().ok());
        let mut reply = Reply { status: status.expect("a status"), head, body: Vec::new() };
        let length = reply.header("content-length").map(str::parse::<usize>);
        let length = length.unwrap_or(Ok(0)).expect("a length");
        while self.unread.len() < length {
            self.read_more()?;
        }
        reply.body = self.unread.drain(..length).collect();
        Ok(reply)
    }

    fn read_more(&mut self) -> std::io::Result<()> {
        let mut bytes = [0; 16 * 1024];
        match self.stream.read(&mut bytes)? {
            0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
            count => {
                self.unread.extend_from_slice(&bytes[..count]);
                Ok(())
            }
        }
    }
}

/// The bid response in a 200, if it is one and not a reason for none.
pub(crate) fn accepted(request: &Value, reply: &Reply) -> Option<Value> {
    assert_eq!(reply.header("content-type"), Some("application/json"));
    let response = reply.json();
    if response.get("nbr").is_some() {
        assert_eq!(response["seatbid"], json!([]), "{response}");
        return None;
    }
    assert_acceptable(request, &response);
    Some(response)
}
