"""Schemas for the API's document."""

from __future__ import annotations

from tollkeeper.wire.openai.schemas import SCHEMAS as OF_CHATS
from tollkeeper.wire.tasks.request import ENDPOINTS
from tollkeeper.wire.tasks.schemas import SCHEMAS


def test_every_schema_is_of_an_endpoint_and_none_of_another_dialect():
    named = {name for endpoint in ENDPOINTS for name in (endpoint.request_schema, endpoint.response_schema) if name}
    assert named == {*SCHEMAS}
    assert not {*SCHEMAS} & {*OF_CHATS}
