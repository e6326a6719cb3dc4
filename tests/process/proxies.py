"""The proxies of docs/operating.md, run with the very texts that stand there.

What must differ on this machine is replaced: ports, and where the certificate is. Nothing is installed as a service.
"""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.docs.tables import blocks
from tests.process.served import PATIENCE

NGINX = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/proxy.log;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {text}
}}
"""
CADDY = "{{\n    admin off\n    auto_https disable_redirects\n}}\n{text}"


class Proxy(NamedTuple):
    """`around` is what the text of the documents stands in; `replaced` what is another here, with `{port}`, `{folder}`
    and so on; `command` starts it, with the file of both last."""

    program: str
    around: str
    replaced: Mapping[str, str]
    command: tuple[str, ...]


_FILES = {"/etc/ssl/": "{folder}/"}
PROXIES = {
    "nginx": Proxy(
        "nginx", NGINX, {"listen 443 ssl": "listen 127.0.0.1:{port} ssl", **_FILES}, ("-p", "{folder}", "-c")
    ),
    "haproxy": Proxy("haproxy", "{text}", {"bind :443": "bind 127.0.0.1:{port}", **_FILES}, ("-db", "-f")),
    "caddy": Proxy(
        "caddy",
        CADDY,
        {"gateway.example {{": "https://localhost:{port} {{\n    bind 127.0.0.1", **_FILES},
        ("run", "--adapter", "caddyfile", "--config"),
    ),
}


@contextmanager
def proxied(name: str, folder: Path, gateway: int) -> Iterator[str]:
    """The URL of this proxy in front of the gateway on this port."""
    proxy = PROXIES[name]
    program = shutil.which(proxy.program, path="/usr/sbin:/usr/bin:/usr/local/bin:/usr/local/sbin")
    assert program, f"{name} is not installed; scripts/test installs it"
    make_certificate(folder)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    def fill(text: str) -> str:
        return text.format(port=port, folder=folder)

    (text,) = blocks("docs/operating.md", name)
    for found, other in {"127.0.0.1:8000": f"127.0.0.1:{gateway}", **proxy.replaced}.items():
        assert fill(found) in text, found
        text = text.replace(fill(found), fill(other))
    file = folder / f"{name}.conf"
    file.write_text(proxy.around.format(folder=folder, text=text))
    with (folder / "proxy.out").open("wb") as out:
        process = subprocess.Popen(
            [program, *map(fill, proxy.command), file], cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            env={"HOME": str(folder), "PATH": "/usr/sbin:/usr/bin"},
        )  # fmt: skip
    try:
        _wait_for(port, process, folder / "proxy.out")
        yield f"https://localhost:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)


def make_certificate(folder: Path) -> None:
    names = ["-subj", "/CN=gateway.example", "-addext", "subjectAltName=DNS:localhost"]
    key, certificate = folder / "gateway.key", folder / "gateway.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-keyout", key, "-out", certificate, *names],
        check=True, capture_output=True,
    )  # fmt: skip
    (folder / "gateway-and-key.pem").write_bytes(certificate.read_bytes() + key.read_bytes())


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError(f"the proxy does not start:\n{log.read_text()}")
