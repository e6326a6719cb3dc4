"""`tollkeeper upstreams …`, as an admin runs it."""

from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.cli.admin.conftest import Ask
from tests.gateway.conftest import ADMIN, Gateway
from tests.scripted import Gate, ScriptedUpstream, chat_answer, json_response
from tollkeeper.services.upstreams.config import UpstreamConfig

SECRET = "sk-provider-1234567890"
AZURE = "https://azure.example/openai/v1"
ADD = ("upstreams", "add", "azure", "--kind", "openai-compatible", "--base-url", AZURE, "--model", "gpt-4o")


async def api(gateway: Gateway, path: str = "/azure") -> Any:
    answer = await gateway.client.get(f"/admin/upstreams{path}", headers={"authorization": f"Bearer {ADMIN}"})
    assert answer.is_success, answer.text
    return answer.json()


def configured(gateway: Gateway) -> UpstreamConfig:
    return gateway.upstreams.get("azure").config


async def test_add(admin: Ask, gateway: Gateway) -> None:
    ended = await admin(
        *ADD, "--model", "o3", "--priority", 2, "--weight", 3, "--slots", 4, "--set", "open=true",
        "--set", 'budget={"cost_usd_per_day": "12.50"}', "--set", 'cost_source="upstream"',
    )  # fmt: skip
    assert ended == (0, "Added azure.\n", "")
    shown = await api(gateway)
    expected = {
        "kind": "openai-compatible",
        "base_url": AZURE,
        "models": ["gpt-4o", "o3"],
        "priority": 2,
        "weight": 3,
        "slots": 4,
        "open": True,
        "budget": {"cost_usd_per_day": "12.5", "cost_usd_per_month": None},
        "cost_source": "upstream",
        "has_secret": False,
    }
    assert {name: shown[name] for name in expected} == expected


async def test_a_secret_from_standard_input(admin: Ask, gateway: Gateway) -> None:
    ended = await admin(*ADD, "--secret-file", "-", stdin=SECRET + "\n")
    assert ended == (0, "Added azure.\n", "")
    secret = configured(gateway).secret
    assert secret is not None
    assert secret.reveal() == SECRET


async def test_a_secret_from_a_file(admin: Ask, gateway: Gateway, tmp_path: Path) -> None:
    await admin(*ADD)
    file = tmp_path / "secret"
    file.write_text(SECRET + "\r\n")
    ended = await admin("upstreams", "change", "azure", "--secret-file", file)
    assert ended == (0, "Changed azure.\n", "")
    secret = configured(gateway).secret
    assert secret is not None
    assert secret.reveal() == SECRET
    assert (await admin("upstreams", "change", "azure", "--set", "secret=null")).code == 0
    assert configured(gateway).secret is None


async def test_headers_from_a_file(admin: Ask, gateway: Gateway, tmp_path: Path) -> None:
    file = tmp_path / "headers.json"
    file.write_text(json.dumps({"api-key": SECRET}))
    assert (await admin(*ADD, "--set", f"headers=@{file}")).code == 0
    assert [(name, value.reveal()) for name, value in configured(gateway).headers] == [("api-key", SECRET)]
    shown = await admin("upstreams", "show", "azure")
    assert ["headers", "api-key"] in [line.split() for line in shown.lines]
    assert SECRET not in shown.out


@pytest.mark.parametrize("field", ["secret", "headers"])
async def test_no_secret_is_taken_from_the_command_line(admin: Ask, gateway: Gateway, field: str) -> None:
    ended = await admin(*ADD, "--set", f"{field}={json.dumps(SECRET)}")
    assert (ended.code, ended.out) == (2, "")
    assert f"'{field}' is secret" in ended.err
    assert SECRET not in ended.err
    assert ended.err.count("\n") == 1
    assert [upstream["id"] for upstream in (await api(gateway, ""))["data"]] == ["default"]


async def test_list(admin: Ask, gateway: Gateway) -> None:
    await admin(*ADD, "--set", 'state="disabled"', "--slots", 0)
    assert (await gateway.chat()).status_code == 200  # its models are known
    listed = await admin("upstreams", "list")
    assert (listed.code, listed.err) == (0, "")
    default = await api(gateway, "/default")
    assert [line.split() for line in listed.lines] == [
        ["id", "kind", "state", "models", "running", "base_url"],
        ["default", "ollama", "up", "2", "0", "of", "8", default["base_url"]],
        ["azure", "openai-compatible", "disabled", "0", "0", AZURE],
    ]
    as_json = await admin("upstreams", "list", "--json")
    assert [settings(json.loads(line)) for line in as_json.lines] == [
        settings(upstream) for upstream in (await api(gateway, ""))["data"]
    ]


async def test_one_that_is_down_is_listed_as_down(admin: Ask) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    await admin("upstreams", "add", "gone", "--kind", "ollama", "--base-url", f"http://127.0.0.1:{port}")
    checked = await admin("upstreams", "check", "gone")
    assert (checked.code, checked.out) == (1, "")
    assert checked.err.startswith("tollkeeper: gone: No connection to the upstream can be made")
    assert checked.err.count("\n") == 1
    as_json = await admin("upstreams", "check", "gone", "--json")
    assert as_json.code == 1
    found = json.loads(as_json.out)
    assert found["models"] is None
    assert as_json.err == f"tollkeeper: gone: {found['error']}\n"
    while "down" not in (await admin("upstreams", "list")).lines[-1]:
        await asyncio.sleep(0)


async def test_check(admin: Ask) -> None:
    ended = await admin("upstreams", "check", "default")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("default lists 2 models in ")
    assert json.loads((await admin("upstreams", "check", "default", "--json")).out)["models"] == 2


async def test_show(admin: Ask, gateway: Gateway) -> None:
    await admin(*ADD, "--model", "o3", "--set", 'timeouts={"connect": 2.5}')
    shown = await admin("upstreams", "show", "azure")
    assert (shown.code, shown.err) == (0, "")
    facts = [line.split(maxsplit=1) for line in shown.lines]
    for name, value in (
        ("id", "azure"),
        ("models", "gpt-4o, o3"),
        ("timeouts.connect", "2.5"),
        ("timeouts.event", "-"),
        ("model_timeouts", "-"),
        ("paid", "-"),
        ("open", "no"),
        ("health.in_flight", "0"),
    ):
        assert [name, value] in [[first, second.rstrip()] for first, second in facts]
    as_json = await admin("upstreams", "show", "azure", "--json")
    assert settings(json.loads(as_json.out)) == settings(await api(gateway))
    assert len(as_json.lines) == 1


async def test_change(admin: Ask, gateway: Gateway) -> None:
    await admin(*ADD, "--weight", 3, "--slots", 4)
    ended = await admin("upstreams", "change", "azure", "--weight", 5, "--set", "slots=null", "--json")
    assert (ended.code, ended.err) == (0, "")
    assert settings(json.loads(ended.out)) == settings(await api(gateway))
    shown = await api(gateway)
    assert (shown["weight"], shown["slots"], shown["models"]) == (5, 0, ["gpt-4o"])


async def test_drain(admin: Ask, gateway: Gateway, up: ScriptedUpstream) -> None:
    gate = Gate([json_response(chat_answer())])
    up.always(gate)
    asking = asyncio.create_task(gateway.chat())
    while not up.calls("POST /v1/chat/completions"):
        await asyncio.sleep(0)
    assert await admin("upstreams", "drain", "default") == (0, "default is draining.\n", "")
    listed = await admin("upstreams", "list")
    assert listed.lines[1].split()[2:7] == ["draining", "2", "1", "of", "8"]
    assert (await gateway.chat()).status_code != 200
    gate.open()
    assert (await asking).status_code == 200
    await gateway.records()
    await gateway.upstreams.finish_drains()
    assert (await admin("upstreams", "list")).lines[1].split()[2] == "disabled"


async def test_disable_and_enable(admin: Ask, gateway: Gateway) -> None:
    assert await admin("upstreams", "disable", "default") == (0, "default is disabled.\n", "")
    assert (await api(gateway, "/default"))["state"] == "disabled"
    assert (await gateway.chat()).status_code != 200
    assert await admin("upstreams", "enable", "default") == (0, "default is active.\n", "")
    assert (await gateway.chat()).status_code == 200
    ended = await admin("upstreams", "disable", "default", "--json")
    assert json.loads(ended.out)["state"] == "disabled"


async def test_remove(admin: Ask, gateway: Gateway) -> None:
    await admin(*ADD)
    assert await admin("upstreams", "remove", "azure") == (0, "Removed azure.\n", "")
    assert [upstream["id"] for upstream in (await api(gateway, ""))["data"]] == ["default"]
    ended = await admin("upstreams", "remove", "default", "--json")
    assert json.loads(ended.out)["id"] == "default"
    assert (await api(gateway, ""))["data"] == []


@pytest.mark.parametrize(
    "words",
    [["show"], ["change", "--weight", 2], ["drain"], ["disable"], ["enable"], ["remove"], ["check"]],
    ids=lambda words: words[0],
)
async def test_an_unknown_id(admin: Ask, words: list[object]) -> None:
    ended = await admin("upstreams", words[0], "nowhere", *words[1:])
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("tollkeeper: There is no upstream 'nowhere'.")
    assert ended.err.count("\n") == 1


@pytest.mark.parametrize("command", ["show", "drain", "remove", "check"])
async def test_an_empty_id_is_wrong_use(admin: Ask, command: str) -> None:
    ended = await admin("upstreams", command, "")
    assert (ended.code, ended.out) == (2, "")
    assert "Invalid value for ID: must not be empty" in ended.err


@pytest.mark.parametrize(
    ("words", "field"),
    [
        (["--weight", 2000], "weight"),
        (["--kind", "mainframe"], "kind"),
        (["--base-url", "azure"], "base_url"),
        (["--set", 'timeouts={"connect": "soon"}'], "timeouts.connect"),
        (["--set", "wieght=2"], "wieght"),
    ],
)
async def test_what_the_gateway_refuses_is_told_with_the_name_of_the_field(
    admin: Ask, words: list[object], field: str
) -> None:
    await admin(*ADD)
    ended = await admin("upstreams", "change", "azure", *words)
    assert (ended.code, ended.out) == (1, "")
    assert field in ended.err
    assert ended.err.startswith("tollkeeper: ")
    assert ended.err.count("\n") == 1


async def test_an_id_that_is_taken(admin: Ask) -> None:
    ended = await admin("upstreams", "add", "default", "--kind", "ollama")
    assert ended == (1, "", "tollkeeper: There is an upstream 'default' already. Choose another id.\n")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ([], "nothing to change is given"),
        (["--set", "weight"], "must be FIELD=JSON or FIELD=@FILE"),
        (["--set", "=2"], "must be FIELD=JSON or FIELD=@FILE"),
        (["--set", "cost_source=price"], "the value of 'cost_source' must be JSON, with text in double quotes"),
        (["--weight", "much"], "Invalid value for '--weight': "),
    ],
)
async def test_wrong_use(admin: Ask, words: list[str], why: str) -> None:
    ended = await admin("upstreams", "change", "default", *words)
    assert (ended.code, ended.out) == (2, "")
    assert why in ended.err
    assert ended.err.endswith("; see `tollkeeper upstreams change --help`\n")
    assert ended.err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "stdin", "why"),
    [
        (["--secret-file", "absent"], b"", "absent cannot be read: No such file or directory"),
        (["--secret-file", "-"], b"\n", "standard input holds no secret: it is empty"),
        (["--secret-file", "-"], b"\xff", "standard input cannot be read: it is not UTF-8"),
        (["--set", "headers=@-"], b"sk-1", "standard input, for 'headers', is not JSON"),
        (["--set", "headers=@absent"], b"", "absent cannot be read: No such file or directory"),
    ],
)
async def test_a_file_that_cannot_be_used(admin: Ask, words: list[str], stdin: bytes, why: str) -> None:
    assert await admin("upstreams", "change", "default", *words, stdin=stdin) == (1, "", f"tollkeeper: {why}\n")


async def test_a_kind_must_be_given(admin: Ask) -> None:
    ended = await admin("upstreams", "add", "azure")
    assert ended.code == 2
    assert ended.err.startswith("tollkeeper: Missing option '--kind'")


def settings(upstream: dict[str, Any]) -> dict[str, Any]:
    """Without its health, which is another a moment later."""
    return {name: value for name, value in upstream.items() if name != "health"}
