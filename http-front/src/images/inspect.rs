//! Whether bytes are an image that codex can pass on, and what codex will do to it. Pure.
//!
//! Promises that what [`decode`] accepts codex accepts: it decodes images whole before it sends them, with this same
//! decoder, and puts a text in the place of one that it can't decode. Promises to take no more memory than the header
//! announces, and at most [`MAX_DECODED`] for the pixels. Never changes an image.

use super::problem::Problem;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};
use std::io::{BufReader, Cursor};

/// The most pixels. codex decodes whole images whatever their size: 40,000 x 40,000 pixels are a file of 200 KB, and
/// take 3.6 GB and 12 s there. Cameras of phones reach 50 million.
pub(super) const MAX_PIXELS: u64 = 50 << 20;
/// The most bytes of the decoded pixels.
pub(super) const MAX_DECODED: u64 = 256 << 20;

/// A longer side is scaled down to this by codex 0.169.0 (measured).
const SCALED_SIDE: u32 = 6000;
/// An image that more squares of [`PATCH`] pixels cover is scaled down by codex 0.169.0 (measured).
const SCALED_PATCHES: u64 = 10_000;
/// The side of such a square.
const PATCH: u32 = 32;

/// The formats that OpenAI's API takes, and codex.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Png,
    Jpeg,
    Gif,
    Webp,
}

impl Format {
    /// The format that the bytes begin like.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        let guess = image::guess_format(bytes).ok()?;
        [Self::Png, Self::Jpeg, Self::Gif, Self::Webp].into_iter().find(|format| format.decoder() == guess)
    }

    /// What a canonical data URL begins with.
    pub(super) fn prefix(self) -> &'static str {
        match self {
            Self::Png => "data:image/png;base64,",
            Self::Jpeg => "data:image/jpeg;base64,",
            Self::Gif => "data:image/gif;base64,",
            Self::Webp => "data:image/webp;base64,",
        }
    }

    /// For people.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Png => "PNG",
            Self::Jpeg => "JPEG",
            Self::Gif => "GIF",
            Self::Webp => "WebP",
        }
    }

    fn decoder(self) -> ImageFormat {
        match self {
            Self::Png => ImageFormat::Png,
            Self::Jpeg => ImageFormat::Jpeg,
            Self::Gif => ImageFormat::Gif,
            Self::Webp => ImageFormat::WebP,
        }
    }
}

/// What an image says of itself before its pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    /// The format.
    pub(super) format: Format,
    /// In pixels.
    pub(super) width: u32,
    /// In pixels.
    pub(super) height: u32,
    /// Bytes that the decoded pixels take.
    pub(super) decoded: u64,
}

impl Header {
    /// Whether codex makes the image smaller.
    pub(super) fn is_scaled(&self) -> bool {
        let patches = |side: u32| u64::from(side.div_ceil(PATCH));
        self.width.max(self.height) > SCALED_SIDE
            || patches(self.width) * patches(self.height) > SCALED_PATCHES
    }
}

/// Reads the header and holds it to the limits.
///
/// # Errors
/// No accepted format, a header that can't be read, or too many pixels.
pub(super) fn header(bytes: &[u8]) -> Result<Header, Problem> {
    let format = Format::of(bytes).ok_or(Problem::Format)?;
    let decoder = decoder(bytes, format)?;
    let (width, height) = decoder.dimensions();
    let header = Header { format, width, height, decoded: decoder.total_bytes() };
    if u64::from(width) * u64::from(height) > MAX_PIXELS || header.decoded > MAX_DECODED {
        return Err(Problem::TooManyPixels { width, height, max: MAX_PIXELS });
    }
    Ok(header)
}

/// Decodes the whole image, of a GIF the first picture. Takes time and memory in proportion to the header.
///
/// # Errors
/// Where codex could not decode it.
pub(super) fn decode(bytes: &[u8], header: &Header) -> Result<(), Problem> {
    let decoder = decoder(bytes, header.format)?;
    DynamicImage::from_decoder(decoder).map(drop).map_err(|_| Problem::Damaged(header.format.name()))
}

/// Whether it is a GIF with more than one picture: codex passes on the first, as a PNG.
pub(super) fn is_animated_gif(bytes: &[u8], header: &Header) -> bool {
    if header.format != Format::Gif {
        return false;
    }
    let mut options = gif::DecodeOptions::new();
    options.skip_frame_decoding(true);
    let Ok(mut pictures) = options.read_info(bytes) else {
        return false;
    };
    let mut next = || matches!(pictures.next_frame_info(), Ok(Some(_)));
    next() && next()
}

fn decoder(bytes: &[u8], format: Format) -> Result<impl ImageDecoder + '_, Problem> {
    let mut reader = ImageReader::with_format(BufReader::new(Cursor::new(bytes)), format.decoder());
    // What a decoder may take beside the pixels, which `header` bounds.
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(2 * MAX_DECODED);
    reader.limits(limits);
    reader.into_decoder().map_err(|_| Problem::Damaged(format.name()))
}

#[cfg(test)]
mod tests;
