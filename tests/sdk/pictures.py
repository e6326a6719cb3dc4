"""Images, inlined and on a web server of this machine."""

from __future__ import annotations

import base64
import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

from PIL import Image

FORMATS = ("PNG", "JPEG", "WEBP", "GIF")


class Pictures(NamedTuple):
    """Serves `/red.png`, `/red.jpeg`, `/red.webp`, `/red.gif`; `/words` is text. `address` is `host:port`."""

    address: str

    def url(self, path: str) -> str:
        return f"http://{self.address}/{path}"


def red(image_format: str) -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (64, 48), (200, 30, 30)).save(content, image_format)
    return content.getvalue()


def inlined(image_format: str, content: bytes | None = None) -> str:
    """A data URL."""
    payload = base64.b64encode(red(image_format) if content is None else content).decode()
    return f"data:image/{image_format.lower()};base64,{payload}"


@contextmanager
def showing() -> Iterator[Pictures]:
    files = {f"/red.{name.lower()}": (f"image/{name.lower()}", red(name)) for name in FORMATS}
    files["/words"] = ("text/plain", b"no picture at all")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, content = files[self.path]
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
            """Nothing: it would stand between the tests."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield Pictures(f"127.0.0.1:{server.server_address[1]}")
        server.shutdown()
        serving.join()
