"""docs/api.md has every path and every error, and says of each path who may use it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from http import HTTPStatus

import httpx2 as httpx

from tests.browser import Browser
from tests.docs.tables import ROOT, code, rows, section, text
from tests.gateway.conftest import TEST, Gateway
from tollkeeper.gateway.cors import EXPOSED
from tollkeeper.rules import errors
from tollkeeper.rules.errors import GatewayError
from tollkeeper.rules.reasons import WORDS
from tollkeeper.services.accounts.accounts import UserChange
from tollkeeper.wire.openai.errors import error_type

PATHS = {(method, code(path)[0]): who for method, path, who, _ in rows(text("docs/api.md"), first="method")}
ERRORS = rows(section("docs/api.md", "Errors"), first="code")
NOT_IN_THE_DOCUMENT = {("GET", "/docs"), ("GET", "/openapi.json")}
NOT_SENT_YET = {"x-queued-ms"}
"""Headers that wait for what they tell of: there is no queue yet."""
METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}
SOURCE = ROOT / "src/tollkeeper"


async def test_every_path_is_there_and_no_other(gateway: Gateway) -> None:
    document = (await gateway.client.get("/openapi.json")).json()
    told = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    assert set(PATHS) == told | NOT_IN_THE_DOCUMENT


async def test_every_relayed_path_is_there(gateway: Gateway) -> None:
    table = gateway.server.handler.table  # type: ignore[attr-defined]
    relayed = {(row.method, path) for path, row in table.items()}
    relayed |= {("GET", "/v1/models/{id}"), ("GET", "/models/{id}")}
    listed = rows(section("docs/api.md", "Relayed paths"), first="method")
    assert {(method, code(path)[0]) for method, path, *_ in listed} == relayed


async def test_who_may_use_each_path(gateway: Gateway) -> None:
    await gateway.context.accounts.update_user("alice", TEST, UserChange(password="wonderland"))
    found = {place: await who_may(gateway, *place) for place in PATHS}
    assert found == PATHS


async def who_may(gateway: Gateway, method: str, path: str) -> str:
    """As the gateway itself has it."""
    url = re.sub(r"{\w+}", "no-such-thing", path)

    async def by_cookie() -> bool:
        """Whether a session opens it."""
        # A password is slow to check, and the longer the busier the machine is.
        async with httpx.AsyncClient(base_url=gateway.url, timeout=gateway.client.timeout, verify=False) as client:
            browser = Browser(client)
            await browser.sign_in("alice", "wonderland")
            return (await browser.send(method, url)).status_code not in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)

    async def refused(key: str | None) -> bool:
        headers = {"authorization": f"Bearer {key}"} if key else {}
        request = gateway.client.build_request(method, url, headers=headers)
        if key is None:
            del request.headers["authorization"]
        answer = await gateway.client.send(request, stream=True)  # the body of some has no end
        await answer.aclose()
        return answer.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)

    if not await refused(None):
        return "anyone"
    if not await refused(gateway.secrets["alice"]):
        assert await refused(gateway.secrets["admin"]), "the bootstrap key opens admins' paths only"
        return "user"
    if await refused(gateway.secrets["admin"]):
        assert await by_cookie()
        return "session"
    return "admin"


def test_every_error_code_is_there_and_no_other() -> None:
    listed = {code(cell)[0] for cell, *_ in ERRORS if cell != "null"}
    raised = {kind.code for kind in used_errors() if kind.code}
    given = {found for path in SOURCE.rglob("*.py") for found in re.findall(r'\bcode="(\w+)"', path.read_text())}
    assert listed == raised | given


def test_every_reason_of_a_record_is_there_and_no_other() -> None:
    listed = rows(section("docs/api.md", "Why a request was not completed"), first="reason")
    assert [code(cell)[0] for cell, *_ in listed] == [*WORDS]


def test_the_status_and_type_of_every_error() -> None:
    listed = {(code(cell)[0], code(kind)[0]): re.findall(r"\d+", status) for cell, status, kind, _ in ERRORS[1:] if
              cell != "null"}  # fmt: skip
    for kind in used_errors():
        if kind.code:
            assert str(kind.status) in listed[kind.code, error_type(kind)], kind


def test_cors_exposes_every_header_that_is_told_of() -> None:
    listed = {name for cell, *_ in rows(section("docs/api.md", "Headers"), first="header of the answer") for name in
              code(cell) if not name.startswith("access-control-")}  # fmt: skip
    assert len(EXPOSED) == len(set(EXPOSED))
    assert set(EXPOSED) == listed | NOT_SENT_YET


def used_errors() -> Iterator[type[GatewayError]]:
    """Every error of the tree that is named anywhere else."""
    source = "".join(path.read_text() for path in SOURCE.rglob("*.py") if path != SOURCE / "rules/errors.py")
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, GatewayError)]
    assert kinds
    for kind in kinds:
        if re.search(rf"\b{kind.__name__}\b", source):
            yield kind
