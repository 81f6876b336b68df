//! Images that the front fetches: from where, where it never goes for one, and when it gives up.

use super::*;

#[tokio::test]
async fn an_image_is_fetched() {
    let image = picture(ImageFormat::Png, 40, 40);
    let server = Server::start(image.clone()).await;
    let want = data_url("image/png", &image);
    let (lookup, asked) = lookup();
    let images =
        Images::with_lookup(remote_config(&server), &Shutdown::new(), lookup).expect("the bundle is there");
    for (path, hops) in [("/image?signature=s%2Fc#part", 1), ("/chunked", 1), ("/hops/0", 2), ("/hops/2", 4)]
    {
        let (before, looked_up) = (server.heads().len(), asked.load(Ordering::SeqCst));
        let got = load(&images, &[&server.url(path)]).await.expect(path);
        assert_eq!(got, [Loaded { url: want.clone(), notes: vec![] }], "{path}");
        assert_eq!(server.heads().len() - before, hops, "{path}");
        // One look-up for a connection: what was checked is what was connected to.
        assert_eq!(asked.load(Ordering::SeqCst) - looked_up, hops, "{path}");
    }
    let head = &server.heads()[0];
    assert!(head.starts_with("GET /image?signature=s%2Fc HTTP/1.1\r\n"), "{head}");
    assert!(
        head.to_lowercase().contains(&format!("\r\nhost: {NAME}:{}\r\n", server.address.port())),
        "{head}"
    );
    for name in ["authorization", "cookie", "referer", "x-request-id", "accept-encoding"] {
        assert!(!head.to_lowercase().contains(&format!("\r\n{name}:")), "{head}");
    }
}

#[tokio::test]
async fn the_same_url_is_fetched_once_in_a_request() {
    let image = picture(ImageFormat::Png, 40, 40);
    let server = Server::start(image.clone()).await;
    let images = remote(remote_config(&server));
    let url = server.url("/image");
    let inline = data_url("image/png", &image);
    let got = load(&images, &[&url, &inline, &url, &url]).await.expect("all are images");
    assert_eq!(got.len(), 4);
    assert!(got.iter().all(|loaded| loaded.url == inline));
    assert_eq!(server.heads().len(), 1);
}

#[tokio::test]
async fn no_redirect_leads_inside() {
    let server = Server::start(picture(ImageFormat::Png, 4, 4)).await;
    let images = remote(remote_config(&server));
    let port = server.address.port();
    for to in [
        "https://127.0.0.1/image".to_owned(),
        "https://2130706433/image".into(),
        "https://[::1]/image".into(),
        "https://[::ffff:127.0.0.1]/image".into(),
        "https://169.254.169.254/latest/meta-data/".into(),
        "https://10.0.0.1/".into(),
        "https://localhost/image".into(),
        "https://inside.test/image".into(),
        "https://metadata.test/image".into(),
        format!("https://{NAME}/image"),
        format!("https://127.0.0.1:{port}/image"),
        format!("https://localhost:{port}/image"),
        format!("http://{NAME}:{port}/image"),
        format!("https://user:secret@{NAME}:{port}/image"),
        "file:///etc/passwd".into(),
        "data:image/png;base64,AAAA".into(),
    ] {
        let before = server.heads().len();
        let (code, param, message) = refused(&images, &server.url(&format!("/to?{to}"))).await;
        assert_eq!((code.as_str(), param.as_str()), ("invalid_image_url", PATH), "{to}: {message}");
        assert_eq!(server.heads().len() - before, 1, "{to}: nothing but the first hop");
        for secret in ["/image", "meta-data", "secret", "/to"] {
            assert!(!message.contains(secret), "{message}");
        }
    }
}

#[tokio::test]
async fn a_request_cannot_name_what_is_inside() {
    let server = Server::start(picture(ImageFormat::Png, 4, 4)).await;
    let images = remote(remote_config(&server));
    let port = server.address.port();
    for url in [
        "https://inside.test/a.png".to_owned(),
        "https://localhost/a.png".into(),
        "https://0x7f.1/a.png".into(),
        format!("https://127.0.0.1:{port}/image"),
        format!("http://{NAME}:{port}/image"),
    ] {
        assert_eq!(code(&images, &url).await, "invalid_image_url", "{url}");
    }
    assert_eq!(server.heads(), [""; 0]);
    // All URLs are checked before anything is fetched.
    let urls = [server.url("/image"), "https://10.0.0.1/".to_owned()];
    load(&images, &[&urls[0], &urls[1]]).await.expect_err("the second is inside");
    assert_eq!(server.heads(), [""; 0]);
}

#[tokio::test]
async fn what_is_no_image_in_time_is_refused() {
    let server = Server::start(picture(ImageFormat::Png, 40, 40)).await;
    let images = remote(remote_config(&server));
    for (path, want) in [
        ("/missing", "failed_to_download_image"),
        ("/partial", "failed_to_download_image"),
        ("/rubbish", "failed_to_download_image"),
        ("/endless-head", "failed_to_download_image"),
        ("/cut", "failed_to_download_image"),
        ("/nowhere", "failed_to_download_image"),
        ("/hops/3", "failed_to_download_image"),
        ("/html", "invalid_image_format"),
        ("/empty", "empty_image_file"),
        ("/declared", "image_file_too_large"),
        ("/endless", "image_file_too_large"),
    ] {
        let (code, param, message) = refused(&images, &server.url(path)).await;
        assert_eq!((code.as_str(), param.as_str()), (want, PATH), "{path}: {message}");
        assert!(!message.contains(path), "{message}");
    }
    assert_eq!(code(&images, "https://nowhere.test/a.png").await, "failed_to_download_image");
    let (.., message) = refused(&images, &server.url("/missing?token=abc")).await;
    assert!(message.contains(NAME) && message.contains("404") && !message.contains("abc"), "{message}");
}

#[tokio::test]
async fn slowness_has_an_end_and_leaves_no_connection() {
    let server = Server::start(picture(ImageFormat::Png, 4, 4)).await;
    let images = remote(ImageConfig { timeout: Duration::from_secs(3), ..remote_config(&server) });
    let urls = [server.url("/slow"), server.url("/silent"), server.url("/slow?2")];
    // Together, because the bound is the request's.
    let error = load(&images, &[&urls[0], &urls[1], &urls[2]]).await.expect_err("none comes");
    assert_eq!(error.code(), Some("failed_to_download_image"));
    assert!(error.to_string().contains("in time"), "{error}");
    let ended = tokio::time::timeout(Duration::from_secs(20), server.ended(3));
    ended.await.expect("the connections are closed");
}

#[tokio::test]
async fn fetched_images_are_bounded_together() {
    let image = picture(ImageFormat::Png, 40, 40);
    let length = data_url("image/png", &image).len();
    let server = Server::start(image).await;
    let images = remote(ImageConfig { max_fetched: 3 * length, ..remote_config(&server) });
    let urls: Vec<String> = (0..4).map(|i| server.url(&format!("/image?{i}"))).collect();
    let of = |n: usize| -> Vec<&str> { urls.iter().take(n).map(String::as_str).collect() };
    assert_eq!(load(&images, &of(3)).await.map(|l| l.len()).expect("they fit"), 3);
    let error = load(&images, &of(4)).await.expect_err("one too many");
    assert_eq!(error.code(), Some("image_file_too_large"));
    // One that is used four times takes its place four times.
    let error = load(&images, &[urls[0].as_str(); 4]).await.expect_err("one too many");
    assert_eq!(error.code(), Some("image_file_too_large"));
}

#[tokio::test]
async fn only_a_trusted_certificate_for_the_name_will_do() {
    let server = Server::start(picture(ImageFormat::Png, 4, 4)).await;
    let another = Server::start(Vec::new()).await;
    let images = remote(remote_config(&server));
    let wrong_name = format!("https://other.test:{}/image", server.address.port());
    assert_eq!(code(&images, &wrong_name).await, "failed_to_download_image");
    let bundle = Some(another.bundle.path().to_owned());
    let images = remote(ImageConfig { ca_bundle: bundle, ..remote_config(&server) });
    assert_eq!(code(&images, &server.url("/image")).await, "failed_to_download_image");
    assert_eq!(server.heads(), [""; 0]);
}
