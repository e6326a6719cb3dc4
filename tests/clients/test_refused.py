"""What docs/clients.md says no client can do is refused, with words that say why, and what to do instead."""

from __future__ import annotations

from pathlib import Path

from tests.clients.document import Block, adapted
from tests.clients.installed import run
from tests.sdk.person import Person

# Written as the blocks of the document are, to the same address and with the same key.
OPENAI = """
from openai import APIStatusError, AzureOpenAI, OpenAI
azure = AzureOpenAI(azure_endpoint="http://localhost:8000", api_key="sk-alice-123", api_version="2025-01-01")
client = OpenAI(base_url="http://localhost:8000/v1", api_key="sk-alice-123")
to = {"model": "llama3.2", "input": "Say"}
for ask in [
    lambda: azure.chat.completions.create(model="llama3.2", messages=[{"role": "user", "content": "Say"}]),
    lambda: client.responses.create(previous_response_id="resp_1", **to),
    lambda: client.responses.create(store=True, **to),
    lambda: client.responses.create(tools=[{"type": "web_search"}], **to),
    lambda: client.responses.retrieve("resp_1"),
    lambda: client.files.list(),
    lambda: client.images.generate(model="llama3.2", prompt="A toll"),
]:
    try:
        ask()
    except APIStatusError as error:
        print(error.status_code, error.body["message"])
"""
TOLD = """
404 There are no deployments here. Use POST /v1/chat/completions, with the model's name in the body.
400 'previous_response_id' needs stored responses or prompts, which nothing here keeps. Send all of the conversation as
400 'store' needs stored responses or prompts, which nothing here keeps. Set it to false, and send all of the
400 'tools[0].type' is 'web_search', which this model cannot be given. Send tools of the types 'function', 'custom' and
404 There is no GET /v1/responses/resp_1. GET /docs lists every path.
404 There is no GET /v1/files. GET /docs lists every path.
404 No upstream that has 'llama3.2' serves /v1/images/generations. Use another path, or another model
"""


def test_says_why(person: Person, tmp_path: Path) -> None:
    ran = run([Block("python", "", adapted(OPENAI, person.gateway.url, person.key))], "python", tmp_path)
    assert ran.status == 0, ran
    for said, told in zip(ran.stdout.splitlines(), TOLD.strip().splitlines(), strict=True):
        assert said.startswith(told), ran
    assert person.records(0) == []
