//! The address of a collector.

use std::fmt;
use url::Url;

/// How a collector is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// OTLP over gRPC.
    Grpc,
    /// OTLP over HTTP, as protobuf.
    HttpProtobuf,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Grpc => "grpc",
            Self::HttpProtobuf => "http/protobuf",
        })
    }
}

/// Where a signal goes. Has no credentials and no query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// How it is spoken to.
    pub protocol: Protocol,
    /// `http` or `https`, with a host; over HTTP with the whole path.
    pub url: Url,
}

impl Endpoint {
    /// Reads an address.
    ///
    /// # Errors
    /// What is wrong with it and what would be right, without the address.
    pub fn parse(text: &str, protocol: Protocol) -> Result<Self, String> {
        let shape = "must be an address such as http://127.0.0.1:4317, or with https://";
        let url = Url::parse(text).map_err(|_| shape)?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(shape.to_owned());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("must have no user and password; put them into OTEL_EXPORTER_OTLP_HEADERS".to_owned());
        }
        // The address is told where a secret must not be: --print-config, and codex's command line.
        if url.query().is_some() || url.fragment().is_some() {
            let message =
                "must have no query (?) and no fragment (#); put a token into OTEL_EXPORTER_OTLP_HEADERS";
            return Err(message.to_owned());
        }
        if protocol == Protocol::Grpc && !matches!(url.path(), "" | "/") {
            return Err(
                "must have no path for grpc; take it away, or set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"
                    .to_owned(),
            );
        }
        Ok(Self { protocol, url })
    }

    /// The address of one signal at the collector of all.
    pub(super) fn signal(&self, path: &str) -> Self {
        let mut url = self.url.clone();
        if self.protocol == Protocol::HttpProtobuf {
            url.set_path(&format!("{}/{path}", self.url.path().trim_end_matches('/')));
        }
        Self { protocol: self.protocol, url }
    }
}
