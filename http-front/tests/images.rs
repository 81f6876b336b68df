//! Images as a request sends them: what is taken, and what is refused and how.

#[path = "images/fetched.rs"]
mod fetched;
#[path = "images/server.rs"]
mod server;

use base64::{Engine, engine::general_purpose::STANDARD};
use http_front::{
    error::ApiError,
    images::{AllowedHost, ImageConfig, Images, ImagesError, Loaded, Lookup, Note, Source},
};
use image::{Frame, ImageFormat, RgbImage, RgbaImage, codecs::gif::GifEncoder};
use serde_json::Value;
use server::{NAME, Server};
use shared::shutdown::Shutdown;
use std::{
    io::{self, Cursor},
    net::IpAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

const MAX_BYTES: usize = 64 * 1024;
const PATH: &str = "messages[0].content[0].image_url.url";

fn picture(format: ImageFormat, width: u32, height: u32) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    RgbImage::from_fn(width, height, |x, y| image::Rgb([x as u8, y as u8, 7]))
        .write_to(&mut out, format)
        .expect("it can be written");
    out.into_inner()
}

fn data_url(mime: &str, bytes: &[u8]) -> String {
    format!("data:{mime};base64,{}", STANDARD.encode(bytes))
}

fn config() -> ImageConfig {
    ImageConfig {
        urls: false,
        hosts: Vec::new(),
        max_bytes: MAX_BYTES,
        max_count: 5,
        timeout: Duration::from_secs(20),
        ca_bundle: None,
        max_fetched: 1 << 20,
        threads: 2,
    }
}

fn inline() -> Images {
    Images::new(config(), &Shutdown::new()).expect("nothing is needed")
}

/// The names of the tests, and how often one was looked up.
fn lookup() -> (Lookup, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let lookup = move |name: &str| -> io::Result<Vec<IpAddr>> {
        count.fetch_add(1, Ordering::SeqCst);
        let addresses: &[[u8; 4]] = match name {
            NAME | "other.test" | "localhost" => &[[127, 0, 0, 1]],
            "inside.test" => &[[10, 0, 0, 1], [192, 168, 1, 1]],
            "metadata.test" => &[[169, 254, 169, 254]],
            _ => return Err(io::Error::other("no such name")),
        };
        Ok(addresses.iter().map(|a| IpAddr::from(*a)).collect())
    };
    (Arc::new(lookup), asked)
}

fn remote_config(server: &Server) -> ImageConfig {
    let port = server.address.port();
    let hosts = [NAME, "other.test"].map(|h| AllowedHost::parse(&format!("{h}:{port}")).expect("an entry"));
    ImageConfig {
        urls: true,
        hosts: hosts.into(),
        ca_bundle: Some(server.bundle.path().to_owned()),
        ..config()
    }
}

fn remote(config: ImageConfig) -> Images {
    Images::with_lookup(config, &Shutdown::new(), lookup().0).expect("the bundle is there")
}

async fn load(images: &Images, urls: &[&str]) -> Result<Vec<Loaded>, ApiError> {
    let path = |i: usize| format!("messages[0].content[{i}].image_url.url");
    let sources: Vec<Source<'_>> =
        urls.iter().enumerate().map(|(i, url)| Source { url, path: path(i) }).collect();
    let loading = images.load(&sources);
    tokio::time::timeout(Duration::from_secs(60), loading).await.expect("an answer within 60 s")
}

/// Code, parameter and message of the refusal of one image.
async fn refused(images: &Images, url: &str) -> (String, String, String) {
    let error = load(images, &[url]).await.expect_err(url);
    assert_eq!(error.status(), 400, "{error}");
    let body: Value = serde_json::from_slice(&error.body()).expect("JSON");
    let text = |name: &str| body["error"][name].as_str().unwrap_or_default().to_owned();
    (text("code"), text("param"), text("message"))
}

async fn code(images: &Images, url: &str) -> String {
    refused(images, url).await.0
}

#[tokio::test]
async fn good_images_keep_their_bytes() {
    let images = inline();
    for (format, mime) in [
        (ImageFormat::Png, "image/png"),
        (ImageFormat::Jpeg, "image/jpeg"),
        (ImageFormat::WebP, "image/webp"),
        (ImageFormat::Gif, "image/gif"),
    ] {
        let bytes = picture(format, 30, 20);
        let canonical = data_url(mime, &bytes);
        let sloppy =
            format!("DATA:image/whatever;a=b;BASE64,\n{}", STANDARD.encode(&bytes).trim_end_matches('='));
        let got = load(&images, &[&canonical, &sloppy, &canonical]).await.expect(mime);
        let want = Loaded { url: canonical, notes: vec![] };
        assert_eq!(got, [want.clone(), want.clone(), want], "{mime}");
    }
    assert_eq!(load(&images, &[]).await.expect("nothing to do"), []);
}

#[tokio::test]
async fn what_the_model_sees_otherwise_is_noted() {
    let images = inline();
    let mut animated = Vec::new();
    let mut encoder = GifEncoder::new(&mut animated);
    for _ in 0..2 {
        encoder.encode_frame(Frame::new(RgbaImage::new(8, 8))).expect("it can be written");
    }
    drop(encoder);
    let wide = data_url("image/png", &picture(ImageFormat::Png, 6001, 2));
    let urls = [wide.as_str(), &data_url("image/gif", &animated)];
    let got = load(&images, &urls).await.expect("both are images");
    let notes: Vec<Vec<Note>> = got.into_iter().map(|loaded| loaded.notes).collect();
    assert_eq!(notes, [vec![Note::Scaled], vec![Note::FirstFrame]]);
    assert_eq!(Note::Scaled.as_str(), "image_scaled");
    assert_eq!(Note::FirstFrame.as_str(), "image_first_frame");
}

#[tokio::test]
async fn what_codex_would_turn_into_a_text_is_refused() {
    let images = inline();
    let png = picture(ImageFormat::Png, 64, 64);
    for (url, want) in [
        (String::new(), "invalid_image_url"),
        ("hello".into(), "invalid_image_url"),
        ("file:///etc/passwd".into(), "invalid_image_url"),
        ("https://example.com/a.png".into(), "invalid_image_url"),
        ("http://example.com/a.png".into(), "invalid_image_url"),
        ("data:image/png,abc".into(), "invalid_base64_image"),
        ("data:image/png;base64,a".into(), "invalid_base64_image"),
        ("data:image/png;base64,".into(), "empty_image_file"),
        (data_url("image/svg+xml", b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>"), "invalid_image_format"),
        (data_url("image/bmp", b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0"), "invalid_image_format"),
        (data_url("image/tiff", b"II*\0\x08\0\0\0"), "invalid_image_format"),
        (data_url("image/png", b"\x89PNG\r\n\x1a\n"), "image_parse_error"),
        (data_url("image/png", &png[..png.len() - 30]), "image_parse_error"),
        (data_url("image/png", &[&png[..], &vec![0; MAX_BYTES]].concat()), "image_file_too_large"),
    ] {
        let (code, param, message) = refused(&images, &url).await;
        assert_eq!((code.as_str(), param.as_str()), (want, PATH), "{url:.40}: {message}");
        assert!(!message.contains("example.com"), "{message}");
    }
    let (.., message) = refused(&images, "https://example.com/a.png").await;
    assert!(message.contains("PROXY_IMAGE_URLS") && message.contains("data:image/png;base64"), "{message}");
}

#[tokio::test]
async fn the_first_bad_image_is_named_and_the_number_is_bounded() {
    let images = inline();
    let good = data_url("image/png", &picture(ImageFormat::Png, 2, 2));
    let bad = data_url("image/png", b"no image");
    let param = |error: ApiError| {
        let body: Value = serde_json::from_slice(&error.body()).expect("JSON");
        body["error"]["param"].as_str().map(str::to_owned)
    };
    let error = load(&images, &[&good, &bad, &good, &bad]).await.expect_err("one is bad");
    assert_eq!(param(error).as_deref(), Some("messages[0].content[1].image_url.url"));
    let error = load(&images, &[good.as_str(); 6]).await.expect_err("one too many");
    assert_eq!(param(error).as_deref(), Some("messages[0].content[5].image_url.url"));
    assert_eq!(load(&images, &[good.as_str(); 5]).await.map(|l| l.len()).expect("as many as may be"), 5);
}

/// A small file that announces gigabytes of pixels is refused before any is decoded.
#[tokio::test]
async fn bombs_are_refused_by_their_header() {
    let images = inline();
    // A GIF's header is six bytes of name and two sizes; the picture behind it is small.
    let mut gif = picture(ImageFormat::Gif, 2, 2);
    gif[6..10].copy_from_slice(&[0xff, 0xff, 0xff, 0xff]);
    let (code, _, message) = refused(&images, &data_url("image/gif", &gif)).await;
    assert_eq!(code, "image_too_large");
    assert!(message.contains("65535 x 65535"), "{message}");
}

#[test]
fn a_bundle_without_certificates_is_found_at_the_start() {
    let empty = tempfile::NamedTempFile::new().expect("a file");
    for path in [PathBuf::from("/nonexistent/bundle.pem"), empty.path().to_owned()] {
        let config = ImageConfig { urls: true, ca_bundle: Some(path.clone()), ..config() };
        let error = Images::new(config, &Shutdown::new()).err().expect("it can't be used");
        assert!(matches!(error, ImagesError::Bundle { .. }), "{error}");
        assert!(error.to_string().contains(path.to_str().expect("UTF-8")), "{error}");
    }
}

fn configured(flags: &[&str]) -> Result<ImageConfig, Vec<String>> {
    use http_front::config::{self, Config};
    use shared::settings::{Invocation, resolve};
    let args = ["http-front"].iter().chain(flags).map(Into::into);
    let found = resolve("http-front", config::ABOUT, &config::settings(), args, |_| None, |_| unreachable!());
    let Ok(Invocation::Run(values)) = found else { unreachable!("the flags are known") };
    let problems = |all: Vec<shared::settings::Problem>| all.into_iter().map(|p| p.setting).collect();
    Config::read(&values).map(|config| config.images).map_err(problems)
}

#[test]
fn the_settings_are_read() {
    let default = configured(&[]).expect("the defaults");
    assert!(!default.urls && default.hosts.is_empty() && default.ca_bundle.is_none());
    assert_eq!((default.max_bytes, default.max_count), (20 << 20, 50));
    assert_eq!((default.timeout, default.max_fetched), (Duration::from_secs(10), 32 << 20));
    let hosts = "images.internal:8443, [fd00::1]";
    let set =
        configured(&["--proxy-image-urls", "true", "--proxy-image-hosts", hosts]).expect("both are right");
    let want = ["images.internal:8443", "[fd00::1]:443"].map(|h| AllowedHost::parse(h).expect("an entry"));
    assert!(set.urls && set.hosts == want, "{set:?}");
    let wrong = ["--proxy-image-hosts", "https://a/b", "--proxy-image-timeout-ms", "0"];
    assert_eq!(
        configured(&wrong).expect_err("both are wrong"),
        ["PROXY_IMAGE_HOSTS", "PROXY_IMAGE_TIMEOUT_MS"]
    );
}
