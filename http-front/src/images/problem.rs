//! What can be wrong with an image, and what a client is told about it. Pure.
//!
//! A message says what is wrong and what would be right. It names hosts and never a URL: a URL may hold a signature.
//! The codes are those that OpenAI's API has for images.

use crate::error::{ApiError, Kind};

/// What is accepted, for the end of a message.
const ACCEPTED: &str = "PNG, JPEG, WebP and GIF are accepted.";
/// The form that always works, for the end of a message.
const DATA_URL: &str = "`data:image/png;base64,…`";

/// What is wrong with one image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Problem {
    #[error("This is no URL of an image. Send a data URL: {DATA_URL}.")]
    NoUrl,
    #[error("The data URL is not in base64. Send it as {DATA_URL}.")]
    NotBase64,
    #[error("The data URL's base64 can't be decoded: {0}.")]
    Base64(&'static str),
    #[error("The image is empty. {ACCEPTED}")]
    Empty,
    #[error("The image has more than {max} bytes, the most that is accepted here.")]
    TooManyBytes { max: usize },
    #[error("The bytes are no image of an accepted format. {ACCEPTED}")]
    Format,
    #[error("The bytes begin like a {0} image, but can't be decoded: they are cut off or damaged.")]
    Damaged(&'static str),
    #[error("The image can't be decoded. {ACCEPTED}")]
    Undecodable,
    #[error(
        "The image is {width} x {height} pixels, too large to be decoded here: at most {max} pixels in all and 256 MiB decoded."
    )]
    TooManyPixels { width: u32, height: u32, max: u64 },
    #[error(
        "Images aren't fetched from URLs here. Send the image as a data URL, {DATA_URL}, or ask the operator to set PROXY_IMAGE_URLS."
    )]
    FetchingIsOff,
    #[error(
        "Images are fetched by https alone, and {0} URLs are not. Use https, or send a data URL: {DATA_URL}."
    )]
    NotHttps(&'static str),
    #[error(
        "A URL with a user name or a password in it is not fetched. Send the image as a data URL: {DATA_URL}."
    )]
    Credentials,
    #[error(
        "Images are fetched from port 443 alone, and {host} was to be asked on port {port}. Send the image as a data URL: {DATA_URL}."
    )]
    Port { host: String, port: u16 },
    #[error(
        "{host} is not on the public internet, and images are fetched from there alone. Send the image as a data URL: {DATA_URL}."
    )]
    NotPublic { host: String },
    #[error("The host {host} of the image can't be found.")]
    Unresolved { host: String },
    #[error("{host} can't be connected to by https.")]
    Unreachable { host: String },
    #[error("{host} broke off while the image was fetched, or did not speak HTTP.")]
    BrokeOff { host: String },
    #[error("{host} answered with the status {status} instead of the image.")]
    Status { host: String, status: u16 },
    #[error("The image's URL leads from one redirect to the next; at most {max} are followed.")]
    Redirects { max: usize },
    #[error("The redirect that {host} answered with leads to no URL that can be fetched.")]
    BadRedirect { host: String },
    #[error("The image could not be fetched from {host} in time.")]
    Late { host: String },
    #[error(
        "The fetched images of this request have more than {max} bytes together, the most that is accepted here."
    )]
    TooManyFetched { max: usize },
    #[error("The service is shutting down.")]
    Ending,
}

impl Problem {
    /// The code that a client sees; those of OpenAI's API.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::NoUrl
            | Self::FetchingIsOff
            | Self::NotHttps(_)
            | Self::Credentials
            | Self::Port { .. }
            | Self::NotPublic { .. } => "invalid_image_url",
            Self::NotBase64 | Self::Base64(_) => "invalid_base64_image",
            Self::Empty => "empty_image_file",
            Self::TooManyBytes { .. } | Self::TooManyFetched { .. } => "image_file_too_large",
            Self::Format => "invalid_image_format",
            Self::Damaged(_) | Self::Undecodable => "image_parse_error",
            Self::TooManyPixels { .. } => "image_too_large",
            Self::Unresolved { .. }
            | Self::Unreachable { .. }
            | Self::BrokeOff { .. }
            | Self::Status { .. }
            | Self::Redirects { .. }
            | Self::BadRedirect { .. }
            | Self::Late { .. } => "failed_to_download_image",
            Self::Ending => "draining",
        }
    }

    /// The error for the client; `path` is where in the request the image is.
    pub(super) fn at(&self, path: &str) -> ApiError {
        if matches!(self, Self::Ending) {
            return ApiError::new(Kind::Draining, self.to_string());
        }
        ApiError::invalid(path, self.to_string()).with_code(Some(self.code().to_owned()))
    }
}
