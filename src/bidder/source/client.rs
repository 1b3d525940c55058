//! How an object store is reached: our own HTTP client under the `object_store` crate.
//!
//! hyper is here anyway; with rustls and ring it is sixty crates less than the client that
//! `object_store` would bring. Guarantees: every connection and every answer has a deadline;
//! without leave nothing is asked over plain HTTP. Redirects are not followed, proxies are not
//! used. Credentials and endpoints come from the environment (`AWS_*`, `GOOGLE_*`, `AZURE_*`).

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http_body_util::BodyExt as _;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{Client, connect::HttpConnector as Tcp};
use hyper_util::rt::TokioExecutor;
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody,
    HttpResponse, HttpResponseBody, HttpService,
};
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::http::HttpBuilder;
use object_store::path::Path;
use object_store::{BackoffConfig, ClientConfigKey, ClientOptions, ObjectStore, RetryConfig};
use std::time::Duration;

/// Wait for a connection: within a region it takes milliseconds.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// Wait for the head of an answer; stores promise the first byte in well under a second.
const HEAD_MAX: Duration = Duration::from_secs(30);
/// How long an unused connection is kept: nobody tends it between two looks.
const IDLE_MAX: Duration = Duration::from_secs(5);
/// How often a request is repeated that the store answers with "try again", with growing,
/// random pauses.
const RETRIES_MAX: usize = 4;
/// After this time a request is not repeated any more.
const RETRIED_FOR_MAX: Duration = Duration::from_secs(60);
/// The shortest and the longest pause before a repetition.
const BACKOFF: BackoffConfig = BackoffConfig {
    init_backoff: Duration::from_millis(200),
    max_backoff: Duration::from_secs(10),
    base: 2.0,
};

/// The store that a URL names, and the prefix below its root.
///
/// # Errors
/// What is missing in the environment, or wrong with the URL.
pub(super) fn open(url: &str) -> Result<(Box<dyn ObjectStore>, Path), String> {
    let (scheme, rest) = url.split_once("://").ok_or("expected a URL")?;
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let prefix = Path::parse(prefix).map_err(|error| error.to_string())?;
    let store = match scheme {
        "s3" => s3(bucket),
        "gs" => gcs(bucket),
        "az" => azure(bucket),
        _ => http(&format!("{scheme}://{bucket}"), scheme == "http"),
    };
    Ok((store.map_err(|error| error.to_string())?, prefix))
}

type Opened = object_store::Result<Box<dyn ObjectStore>>;

fn s3(bucket: &str) -> Opened {
    let builder = AmazonS3Builder::from_env().with_bucket_name(bucket).with_retry(retries());
    Ok(Box::new(builder.with_http_connector(Connector).build()?))
}

fn gcs(bucket: &str) -> Opened {
    let builder = GoogleCloudStorageBuilder::from_env().with_bucket_name(bucket);
    Ok(Box::new(builder.with_retry(retries()).with_http_connector(Connector).build()?))
}

fn azure(container: &str) -> Opened {
    let builder = MicrosoftAzureBuilder::from_env().with_container_name(container);
    Ok(Box::new(builder.with_retry(retries()).with_http_connector(Connector).build()?))
}

fn http(base: &str, plain: bool) -> Opened {
    let options = ClientOptions::new().with_allow_http(plain);
    let builder = HttpBuilder::new().with_url(base).with_client_options(options);
    Ok(Box::new(builder.with_retry(retries()).with_http_connector(Connector).build()?))
}

fn retries() -> RetryConfig {
    RetryConfig { backoff: BACKOFF, max_retries: RETRIES_MAX, retry_timeout: RETRIED_FOR_MAX }
}

/// Makes clients.
#[derive(Debug)]
struct Connector;

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let tls = HttpsConnectorBuilder::new().with_native_roots().map_err(|error| {
            let told = format!("the system's root certificates cannot be read: {error}");
            object_store::Error::Generic { store: "tls", source: told.into() }
        })?;
        let plain = options.get_config_value(&ClientConfigKey::AllowHttp);
        let tls =
            if plain.as_deref() == Some("true") { tls.https_or_http() } else { tls.https_only() };
        let mut tcp = Tcp::new();
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(CONNECT_MAX));
        let connector = tls.enable_http1().wrap_connector(tcp);
        let client =
            Client::builder(TokioExecutor::new()).pool_idle_timeout(IDLE_MAX).build(connector);
        Ok(HttpClient::new(Service(client)))
    }
}

#[derive(Debug)]
struct Service(Client<HttpsConnector<Tcp>, HttpRequestBody>);

impl HttpService for Service {
    fn call<'a, 'b>(
        &'a self,
        request: HttpRequest,
    ) -> BoxFuture<'b, Result<HttpResponse, HttpError>>
    where
        'a: 'b,
        Self: 'b,
    {
        self.answer(request).boxed()
    }
}

impl Service {
    async fn answer(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let answer = tokio::time::timeout(HEAD_MAX, self.0.request(request)).await;
        let answer = answer.map_err(|late| HttpError::new(HttpErrorKind::Timeout, late))?;
        let answer = answer.map_err(|error| {
            let connecting = error.is_connect();
            let kind = if connecting { HttpErrorKind::Connect } else { HttpErrorKind::Interrupted };
            HttpError::new(kind, error)
        })?;
        let (head, body) = answer.into_parts();
        let body = body.map_err(|error| HttpError::new(HttpErrorKind::Interrupted, error));
        Ok(HttpResponse::from_parts(head, HttpResponseBody::new(body)))
    }
}
