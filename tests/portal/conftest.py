import gzip

import brotli
import httpx2 as httpx
import pytest

from tollkeeper.portal.app import Portal

INDEX = '<!doctype html><meta property="csp-nonce" nonce="__NONCE__"><script src="/ui/a.js" nonce="__NONCE__"></script>'


SCRIPT = "console.log(1);" * 200


@pytest.fixture
def root(tmp_path):
    (tmp_path / "pages/assets").mkdir(parents=True)
    (tmp_path / "secret.txt").write_text("not a page")
    (tmp_path / "pages/index.html").write_text(INDEX)
    (tmp_path / "pages/favicon.svg").write_text("<svg/>")
    (tmp_path / "pages/assets/a-1.js").write_text(SCRIPT)
    (tmp_path / "pages/assets/a-1.js.br").write_bytes(brotli.compress(SCRIPT.encode()))
    (tmp_path / "pages/assets/a-1.js.gz").write_bytes(gzip.compress(SCRIPT.encode()))
    (tmp_path / "pages/assets/inter-1.woff2").write_bytes(bytes(5000))
    return tmp_path / "pages"


@pytest.fixture
async def browser(root):
    async with httpx.AsyncClient(transport=httpx.ASGITransport(Portal(root)), base_url="http://localhost") as client:
        yield client


async def nothing():
    raise AssertionError("a page has no body to read")
