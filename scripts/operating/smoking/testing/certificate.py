"""Certificates that nobody has signed but themselves."""

import subprocess


def certificate(folder, name, *hosts):
    """Makes a certificate with this common name, for these hosts; gives its file and its key's, as `Fake` takes them."""
    made = folder / "cert.pem", folder / "key.pem"
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    words += ["-subj", f"/CN={name}", "-out", made[0], "-keyout", made[1]]
    if hosts:
        words += ["-addext", "subjectAltName=" + ",".join(f"DNS:{host}" for host in hosts)]
    subprocess.run(words, check=True, capture_output=True)
    return made
