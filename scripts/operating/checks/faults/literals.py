"""Faults of secrets in the file."""

from .making import KEY, Fault, add, at, drop, swap

FAULTS = {
    "a key": Fault(swap("${PROXY_API_KEY:-}", KEY), at("      PROXY_API_KEY:"), "PROXY_API_KEY is written into the file"),
    "a short key": Fault(swap("${PROXY_API_KEY:-}", "hunter2"), at("      PROXY_API_KEY:"), "PROXY_API_KEY is written"),
    "a key as a default": Fault(
        swap("${PROXY_API_KEY:-}", f"${{PROXY_API_KEY:-{KEY}}}"), at("      PROXY_API_KEY:"), "PROXY_API_KEY is written"
    ),
    "a key in a comment": Fault(add("    depends_on:", f"    # {KEY}"), at(f"    # {KEY}"), "looks like a key"),
    "a token of the collector's": Fault(
        swap("${OTEL_EXPORTER_OTLP_HEADERS:-}", "authorization=Basic%20abcdefgh"),
        at("  OTEL_EXPORTER_OTLP_HEADERS"),
        "is written",
    ),
    "a password in a URL": Fault(
        swap("${OTEL_EXPORTER_OTLP_ENDPOINT:-}", "http://gateway:hunter2@collector:4318"),
        at("  OTEL_EXPORTER_OTLP_ENDPOINT"),
        "looks like a key or a password",
    ),
    "no key at all": Fault(
        drop("      PROXY_API_KEY"), at("    environment:\n      <<: *both\n      PROXY_PROFILE"), "neither PROXY_API_KEY"
    ),
}
