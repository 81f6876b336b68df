use super::*;

fn failed(text: &str) -> OTelSdkResult {
    Err(OTelSdkError::InternalFailure(text.to_owned()))
}

#[test]
fn a_status_is_known_by_its_name_and_by_nothing_else() {
    for (text, failure) in [
        (
            "TonicTracesClient export failed with gRPC code: Unauthenticated",
            Failure::Grpc(Code::Unauthenticated),
        ),
        ("… gRPC code: DeadlineExceeded", Failure::Grpc(Code::DeadlineExceeded)),
        ("… gRPC code: Unavailable: transport error: tcp connect error", Failure::Unreachable),
        ("… gRPC code: secret-of-the-collector", Failure::Other),
        ("secret-of-the-collector", Failure::Other),
    ] {
        assert_eq!(Heard::default().result(failed(text)), Err(failure), "{text}");
        assert!(!failure.to_string().contains("secret"));
    }
}

#[test]
fn what_the_transport_knows_wins_until_the_next_attempt() {
    let heard = Heard::default();
    heard.failed(Failure::Status(503));
    assert_eq!(heard.result(failed("HTTP export failed: network error")), Err(Failure::Status(503)));
    heard.forget();
    assert_eq!(heard.result(failed("HTTP export failed: network error")), Err(Failure::Other));
}
