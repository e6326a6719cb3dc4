"""An authority of the tests' own, and certificates signed by it."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


class Authority:
    """Its PEM file is `ca_file`. All of its files are in `folder`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self._key = folder / "ca.key"
        self.ca_file = str(folder / "ca.pem")
        subject = ("-subj", f"/CN={folder.name}", "-days", "2")
        _openssl("req", "-x509", *_NEW_KEY, *subject, "-keyout", self._key, "-out", self.ca_file)

    def server(self, names: str, *, days: int = 2) -> ssl.SSLContext:
        """The context of a server with a certificate for `names` ("DNS:a.example"); -1 day: it has expired."""
        key, request, cert = (
            self._folder / f"{names}{days}.{ending}".replace(":", "_") for ending in ("key", "csr", "pem")
        )
        _openssl(
            "req", *_NEW_KEY, "-subj", "/CN=test", "-addext", f"subjectAltName={names}", "-keyout", key, "-out", request
        )
        signer = ("-CA", self.ca_file, "-CAkey", self._key, "-CAcreateserial")
        _openssl("x509", "-req", "-in", request, *signer, "-days", days, "-copy_extensions", "copy", "-out", cert)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        return context


def _openssl(*arguments: object) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
