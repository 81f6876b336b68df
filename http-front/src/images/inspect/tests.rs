use super::*;
use image::{Frame, codecs::gif::GifEncoder};
use proptest::prelude::*;

/// A picture of a format, with something in it.
fn picture(format: ImageFormat, width: u32, height: u32) -> Vec<u8> {
    let pixels =
        image::RgbImage::from_fn(width, height, |x, y| image::Rgb([x as u8, y as u8, (x * y) as u8]));
    let mut out = Cursor::new(Vec::new());
    pixels.write_to(&mut out, format).expect("it can be written");
    out.into_inner()
}

fn gif_of(pictures: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = GifEncoder::new(&mut out);
    for _ in 0..pictures {
        encoder.encode_frame(Frame::new(image::RgbaImage::new(8, 8))).expect("it can be written");
    }
    drop(encoder);
    out
}

fn check(bytes: &[u8]) -> Result<Header, Problem> {
    let header = header(bytes)?;
    decode(bytes, &header)?;
    Ok(header)
}

/// A PNG that announces this size and has no pixels.
fn announced(width: u32, height: u32) -> Vec<u8> {
    let mut png = picture(ImageFormat::Png, 1, 1);
    png[16..20].copy_from_slice(&width.to_be_bytes());
    png[20..24].copy_from_slice(&height.to_be_bytes());
    let mut crc = flate_crc(&png[12..29]);
    crc.reverse();
    png[29..33].copy_from_slice(&crc);
    png
}

/// The CRC of PNG's chunks, little end first.
fn flate_crc(bytes: &[u8]) -> [u8; 4] {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 * (crc & 1));
        }
    }
    (!crc).to_le_bytes()
}

#[test]
fn the_four_formats_are_known_by_their_bytes() {
    for (encoder, format) in [
        (ImageFormat::Png, Format::Png),
        (ImageFormat::Jpeg, Format::Jpeg),
        (ImageFormat::Gif, Format::Gif),
        (ImageFormat::WebP, Format::Webp),
    ] {
        let header = check(&picture(encoder, 20, 10)).unwrap_or_else(|e| panic!("{encoder:?}: {e}"));
        assert_eq!((header.format, header.width, header.height), (format, 20, 10));
    }
}

#[test]
fn anything_else_is_no_format() {
    for bytes in [
        &b"hello"[..],
        b"BM\x1a\0\0\0\0\0\0\0",
        b"II*\0\x08\0\0\0",
        b"<svg/>",
        b"%PDF-1.7",
        b"RIFF\0\0\0\0WAVE",
        b"GIF",
    ] {
        assert_eq!(header(bytes), Err(Problem::Format), "{bytes:?}");
    }
}

/// What codex makes a text of (measured), and what it passes on although it is not whole.
#[test]
fn cut_images_are_judged_as_codex_does() {
    let cut = |format, n: usize| {
        let bytes = picture(format, 64, 64);
        check(&bytes[..bytes.len() - n]).map(drop)
    };
    assert_eq!(cut(ImageFormat::Png, 30), Err(Problem::Damaged("PNG")));
    assert_eq!(cut(ImageFormat::Gif, 30), Err(Problem::Damaged("GIF")));
    assert_eq!(cut(ImageFormat::WebP, 30), Err(Problem::Damaged("WebP")));
    assert_eq!(cut(ImageFormat::Png, 1), Ok(()));
    assert_eq!(cut(ImageFormat::Jpeg, 30), Ok(()));
    let mut flipped = picture(ImageFormat::Png, 64, 64);
    flipped[60] ^= 0xff;
    assert_eq!(check(&flipped), Err(Problem::Damaged("PNG")));
    let mut longer = picture(ImageFormat::Png, 64, 64);
    longer.extend(b"what follows");
    assert!(check(&longer).is_ok());
}

#[test]
fn a_size_that_is_only_announced_costs_nothing() {
    let too_large = |bytes: &[u8]| matches!(header(bytes), Err(Problem::TooManyPixels { .. }));
    assert!(too_large(&announced(40_000, 40_000)));
    assert!(too_large(&announced(7_241, 7_241)));
    assert!(too_large(&announced(1_000_000, 1_000)));
    assert!(!too_large(&announced(8_064, 6_048)), "a phone's camera");
    // Refused for what is missing, not for its size.
    assert_eq!(check(&announced(7_000, 7_000)), Err(Problem::Damaged("PNG")));
}

#[test]
fn many_bytes_for_each_pixel_count_too() {
    let mut png = announced(6_000, 6_000);
    // 16 bits for each of four channels.
    (png[24], png[25]) = (16, 6);
    let mut crc = flate_crc(&png[12..29]);
    crc.reverse();
    png[29..33].copy_from_slice(&crc);
    assert!(matches!(header(&png), Err(Problem::TooManyPixels { .. })));
}

#[test]
fn animations_are_known() {
    for (pictures, animated) in [(1, false), (2, true), (3, true)] {
        let bytes = gif_of(pictures);
        let header = check(&bytes).expect("a GIF");
        assert_eq!(is_animated_gif(&bytes, &header), animated, "{pictures}");
    }
    let png = picture(ImageFormat::Png, 8, 8);
    assert!(!is_animated_gif(&png, &check(&png).expect("a PNG")));
}

/// Each of these was sent to codex 0.169.0.
#[test]
fn scaling_is_as_measured() {
    let scaled = |width, height| Header { format: Format::Png, width, height, decoded: 0 }.is_scaled();
    for (width, height) in [(3200, 3200), (6000, 1000), (4000, 2560), (3201, 10), (10, 4000), (3000, 3000)] {
        assert!(!scaled(width, height), "{width}x{height}");
    }
    for (width, height) in [
        (3201, 3200),
        (3200, 3201),
        (3199, 3201),
        (6001, 10),
        (10, 20_000),
        (5000, 2048),
        (4000, 2561),
        (6000, 1706),
        (2000, 5120),
        (2016, 5120),
        (2048, 4999),
        (2000, 6000),
    ] {
        assert!(scaled(width, height), "{width}x{height}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn damaged_images_never_panic(
        which in 0..4usize,
        damage in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<proptest::sample::Index>(),
    ) {
        let format = [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Gif, ImageFormat::WebP][which];
        let mut bytes = picture(format, 16, 16);
        for (index, byte) in damage {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(cut.index(bytes.len()) + 1);
        if let Ok(header) = check(&bytes) {
            let _ = is_animated_gif(&bytes, &header);
        }
    }
}
