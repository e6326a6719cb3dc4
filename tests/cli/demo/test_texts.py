import ast
from base64 import b64decode
from io import BytesIO

from PIL import Image

from tollkeeper.cli.demo import texts
from tollkeeper.cli.demo.samples import USERS

URL = "http://127.0.0.1:8123"


def welcome(engine: str = "an engine") -> str:
    return texts.welcome(URL, engine=engine, admin_key="the-admin-key", data="in /here, kept")


def test_the_welcome_has_keys_addresses_and_commands() -> None:
    text = welcome()
    for user in USERS:
        assert user.key in text
        assert user.password in text
    for part in ("an engine", "the-admin-key", "in /here, kept", "Ctrl-C", f"{URL}/docs", f"{URL}/health", "curl "):
        assert part in text


def test_the_python_example_is_valid() -> None:
    text = welcome()
    snippet = text[text.index("from openai") : text.index("Ctrl-C")]
    ast.parse(snippet)
    assert f'base_url="{URL}/v1"' in snippet


def test_stand_ins_are_described_as_such() -> None:
    text = welcome(texts.STAND_INS)
    for honest in ("stand-ins", "SmolLM2-135M", "random projector", "cannot see"):
        assert honest in text


def test_the_sample_image_is_a_complete_png() -> None:
    with Image.open(BytesIO(b64decode(texts.SAMPLE_IMAGE))) as image:
        image.load()
        assert image.format == "PNG"
        assert image.size == (16, 16)
