//! Whom we trust to be the collector: the certificates of a file, else the system's.

use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};
use shared::settings::{Problem, read_text};
use std::{path::Path, sync::Arc};
use tonic::transport::{Certificate, ClientTlsConfig};

/// What is wrong with a file of certificates. Reads it.
pub(crate) fn problem(file: &Path) -> Option<Problem> {
    read(file).err()
}

/// What tonic needs.
pub(super) fn of_tonic(file: Option<&Path>) -> Result<ClientTlsConfig, Problem> {
    let tls = ClientTlsConfig::new();
    Ok(match file {
        Some(path) => tls.ca_certificate(Certificate::from_pem(read(path)?.0)),
        None => tls.with_native_roots(),
    })
}

/// What HTTP needs; trusts nobody where nothing is `secure`.
pub(super) fn client(file: Option<&Path>, secure: bool) -> Result<ClientConfig, Problem> {
    let mut roots = RootCertStore::empty();
    let (setting, found) = match file {
        _ if !secure => ("OTEL_EXPORTER_OTLP_ENDPOINT", Vec::new()),
        Some(path) => ("OTEL_EXPORTER_OTLP_CERTIFICATE", read(path)?.1),
        None => ("OTEL_EXPORTER_OTLP_ENDPOINT", rustls_native_certs::load_native_certs().certs),
    };
    roots.add_parsable_certificates(found);
    let wrong = |message: &str| Problem { setting: setting.to_owned(), message: message.to_owned() };
    if secure && roots.is_empty() {
        return Err(wrong(
            "is https, and there are no certificates to trust; install the system's, or set OTEL_EXPORTER_OTLP_CERTIFICATE",
        ));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|_| wrong("is https, and there is no version of TLS to speak"))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// The text of the file and the certificates in it.
fn read(path: &Path) -> Result<(String, Vec<CertificateDer<'static>>), Problem> {
    let wrong = |what: String| Problem {
        setting: "OTEL_EXPORTER_OTLP_CERTIFICATE".to_owned(),
        message: format!("{} {what}", path.display()),
    };
    let text = read_text(path).map_err(|error| wrong(format!("can't be read: {error}")))?;
    let found = CertificateDer::pem_slice_iter(text.as_bytes()).collect::<Result<Vec<_>, _>>();
    match found {
        Ok(found) if !found.is_empty() => Ok((text, found)),
        Ok(_) => Err(wrong("has no certificate: it must be a PEM file".to_owned())),
        Err(_) => Err(wrong("is no PEM file of certificates".to_owned())),
    }
}
