"""TLS to upstreams: version 1.2 at least, with the certificate and its name always verified."""

from __future__ import annotations

import ssl

_X509_NOT_YET_VALID, _X509_EXPIRED = 9, 10
_X509_UNKNOWN_AUTHORITY = frozenset({18, 19, 20, 21})
_X509_OTHER_NAME = frozenset({62, 64})
"""Codes of `X509_verify_cert_error_string` in OpenSSL: self-signed, or an issuer that is not known; name or address."""
_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNEXPECTED_MESSAGE", "RECORD_LAYER_FAILURE"})
_OLD_TLS = frozenset({"UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION", "NO_PROTOCOLS_AVAILABLE"})


def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """The context of connections to one upstream. With `ca_file`, a PEM file, its authorities are the only ones: a
    server with a private authority is then not impersonated by any public one. It reads files, so it may block.

    Raises ValueError, which says why, for a file that cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except OSError as error:  # ssl.SSLError is one
        reason = "it holds no certificates in PEM form" if isinstance(error, ssl.SSLError) else error.strerror
        raise ValueError(f"the file of authorities {ca_file} cannot be used: {reason}") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def tls_fault(error: ssl.SSLError, host: str) -> str:
    """Why there is no TLS connection to `host`, in plain words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        code = error.verify_code
        if code == _X509_EXPIRED:
            return f"the certificate of {host} has expired"
        if code == _X509_NOT_YET_VALID:
            return f"the certificate of {host} is not valid yet"
        if code in _X509_OTHER_NAME:
            return f"the certificate is for another name than {host}"
        if code in _X509_UNKNOWN_AUTHORITY:
            return f"the certificate of {host} is signed by an authority that is not trusted here"
        return f"the certificate of {host} is not valid: {error.verify_message}"
    reason = error.reason or "it gave no reason"
    if reason in _NO_TLS:
        return f"{host} does not speak TLS at this port"
    if reason in _OLD_TLS:
        return f"{host} offers no version of TLS from 1.2 on"
    return f"TLS with {host} fails: {reason.replace('_', ' ').lower()}"
