//! One kept-alive HTTP connection to the bidder, opened anew when it is gone.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{CONTENT_TYPE, HOST, HeaderName, LOCATION};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long a call may take: far more than any bidder needs, so that slowness is a fault.
const CALL_MAX: Duration = Duration::from_secs(2);
/// Largest answer that is read: a few creatives of 64 KiB.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// No connection.
    #[error("cannot connect: {0}")]
    Connect(#[from] std::io::Error),
    /// The connection broke, or did not speak HTTP.
    #[error("the connection failed: {0}")]
    Http(#[from] hyper::Error),
    /// An address that cannot be called.
    #[error("the address cannot be called: {0}")]
    Address(#[from] hyper::http::Error),
    /// The answer's body is too large or broke off.
    #[error("the answer cannot be read: {0}")]
    Body(Box<dyn std::error::Error + Send + Sync>),
    /// Nothing came in time.
    #[error("no answer within {CALL_MAX:?}")]
    Late,
}

/// What is sent.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    /// The method.
    pub method: Method,
    /// The path, with its query.
    pub path: &'a str,
    /// One more header.
    pub header: Option<(HeaderName, String)>,
    /// JSON, if anything.
    pub body: Bytes,
}

impl<'a> Call<'a> {
    /// A call without a body.
    pub fn new(method: Method, path: &'a str) -> Self {
        Self { method, path, header: None, body: Bytes::new() }
    }
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// Where a redirect leads.
    pub location: Option<String>,
    /// The body.
    pub body: Bytes,
}

/// The connection.
#[derive(Debug)]
pub struct Line {
    address: SocketAddr,
    sender: Option<SendRequest<Full<Bytes>>>,
}

impl Line {
    /// A line to `address`, opened by the first call.
    pub fn new(address: SocketAddr) -> Self {
        Self { address, sender: None }
    }

    /// Posts JSON.
    ///
    /// # Errors
    /// The connection's; one that the other side had closed meanwhile is opened anew, once.
    pub async fn post(&mut self, path: &str, body: Vec<u8>) -> Result<Answer, CallError> {
        self.call(Call { body: body.into(), ..Call::new(Method::POST, path) }).await
    }

    /// Gets.
    ///
    /// # Errors
    /// As for [`Self::post`].
    pub async fn get(&mut self, path: &str) -> Result<Answer, CallError> {
        self.call(Call::new(Method::GET, path)).await
    }

    /// Calls in any way.
    ///
    /// # Errors
    /// As for [`Self::post`].
    pub async fn call(&mut self, call: Call<'_>) -> Result<Answer, CallError> {
        let was_open = self.sender.is_some();
        let result = self.call_once(&call).await;
        if result.is_err() {
            self.sender = None;
        }
        match result {
            Err(CallError::Http(_)) if was_open => self.call_once(&call).await,
            other => other,
        }
    }

    async fn call_once(&mut self, call: &Call<'_>) -> Result<Answer, CallError> {
        let mut request = Request::builder()
            .method(call.method.clone())
            .uri(call.path)
            .header(HOST, self.address.to_string())
            .header(CONTENT_TYPE, "application/json");
        if let Some((name, value)) = &call.header {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(call.body.clone()))?;
        let exchange = async {
            let sender = self.sender().await?;
            sender.ready().await?;
            read(sender.send_request(request).await?).await
        };
        timeout(CALL_MAX, exchange).await.unwrap_or(Err(CallError::Late))
    }

    async fn sender(&mut self) -> Result<&mut SendRequest<Full<Bytes>>, CallError> {
        let open = self.sender.take().filter(|sender| !sender.is_closed());
        let sender = match open {
            Some(sender) => sender,
            None => connect(self.address).await?,
        };
        Ok(self.sender.insert(sender))
    }
}

async fn connect(address: SocketAddr) -> Result<SendRequest<Full<Bytes>>, CallError> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // It ends with its sender; what breaks it is told to the call that is under way.
    tokio::spawn(connection);
    Ok(sender)
}

async fn read(response: Response<hyper::body::Incoming>) -> Result<Answer, CallError> {
    let (head, body) = response.into_parts();
    let location = head.headers.get(LOCATION).and_then(|value| value.to_str().ok());
    let location = location.map(str::to_owned);
    let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await.map_err(CallError::Body)?;
    Ok(Answer { status: head.status, location, body: body.to_bytes() })
}
