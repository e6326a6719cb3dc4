"""Usage and costs by the admin calls of the stock SDK, and as a dashboard asks for them: they are the records'."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

import pytest
from openai import OpenAI, PermissionDeniedError, UnprocessableEntityError

from tests.process.served import ADMIN, Served
from tests.sdk.person import Person, Sdk

DAY = 86_400
RECORDED = (
    "/v1/organization/usage/completions?start_time={start}&bucket_width=1d&end_time={end}"
    "&group_by=model&group_by=user_id{page}"
)
"""What openai-admin-usage-mcp-server 0.6.1 asked a gateway for, with the days of a report in place; it follows
`next_page` and adds the results of all pages up."""
PANEL = (
    "/v1/organization/usage/completions?bucket_width=1h&end_time={end}&group_by%5B%5D=model&group_by%5B%5D=user_id"
    "&limit=168&start_time={start}"
)
"""What the panel of a dashboard that reads JSON, such as those of Grafana's Infinity data source, can ask for."""


@pytest.fixture
def organization(gateway: Served) -> Any:
    client: Sdk = OpenAI(base_url=gateway.url + "/v1", api_key="none", admin_api_key=ADMIN, max_retries=0)
    return client.admin.organization.usage


def today() -> int:
    return int(time.time()) // DAY * DAY


def test_usage_is_that_of_the_records(organization: Any, client: Sdk, person: Person) -> None:
    client.chat.completions.create(model="tiny", messages=[{"role": "user", "content": "Hello"}])
    client.chat.completions.create(model="tiny", messages=[{"role": "user", "content": "Hello again"}], max_tokens=3)
    client.embeddings.create(model="tiny", input="Hello")
    embedding, *texts = person.records(3)
    asked = {"start_time": today() - DAY, "user_ids": [person.user_id], "group_by": ["user_id", "model", "api_key_id"]}
    page = organization.completions(**asked, bucket_width="1d")
    [result] = [result for bucket in page.data for result in bucket.results]
    assert result.object == "organization.usage.completions.result"
    assert (result.user_id, result.model, result.api_key_id) == (
        person.user_id,
        texts[0]["model"],
        texts[0]["key_id"],
    )
    assert result.num_model_requests == 2
    assert result.input_tokens == sum(record["prompt_tokens"] for record in texts)
    assert result.output_tokens == sum(record["completion_tokens"] for record in texts)
    for width in ("1m", "1h"):
        now = int(time.time())
        page = organization.completions(**{**asked, "start_time": now - 1800}, bucket_width=width)
        assert sum(each.num_model_requests for bucket in page.data for each in bucket.results) == 2
    page = organization.embeddings(**asked)
    [result] = [result for bucket in page.data for result in bucket.results]
    assert (result.object, result.model) == ("organization.usage.embeddings.result", embedding["model"])
    assert (result.num_model_requests, result.input_tokens) == (1, embedding["prompt_tokens"])


def test_costs_are_those_of_the_ledger(organization: Any, person: Person) -> None:
    for cost in ("0.25", "-0.125"):
        form = {"user_id": person.user_id, "cost_usd": cost, "reason": "a test"}
        person.gateway.admin("POST", "/admin/adjustments", form)
    page = organization.costs(start_time=today() - DAY, group_by=["user_id", "line_item"], limit=180)
    [result] = [each for bucket in page.data for each in bucket.results if each.user_id == person.user_id]
    assert (result.object, result.line_item) == ("organization.costs.result", "adjustments")
    assert (Decimal(str(result.amount.value)), result.amount.currency) == (Decimal("0.125"), "usd")


def test_pages_are_followed_to_the_end(organization: Any) -> None:
    start, seen, page = today() - 9 * DAY, [], None
    while page is None or page.has_more:
        more: dict[str, str] = {} if page is None else {"page": page.next_page}
        page = organization.completions(start_time=start, limit=4, **more)
        seen += [bucket.start_time for bucket in page.data]
    assert seen == [start + day * DAY for day in range(10)]


def test_what_a_report_asks_for_page_by_page(client: Sdk, person: Person) -> None:
    client.chat.completions.create(model="tiny", messages=[{"role": "user", "content": "Hello"}])
    record = person.record()
    rows, pages, page = [], 0, ""
    while pages == 0 or page:
        asked = RECORDED.format(start=today() - 40 * DAY, end=today() + DAY, page=page)
        found, pages = person.gateway.admin("GET", asked), pages + 1
        rows += [row for bucket in found["data"] for row in bucket["results"] if row["user_id"] == person.user_id]
        page = f"&page={found['next_page']}" if found["has_more"] else ""
    assert pages == 6, "a page has seven days, and the report 41"
    assert [(row["model"], row["input_tokens"], row["num_model_requests"]) for row in rows] == [
        (record["model"], record["prompt_tokens"], 1)
    ]


def test_what_the_panel_of_a_dashboard_asks(client: Sdk, person: Person) -> None:
    client.chat.completions.create(model="tiny", messages=[{"role": "user", "content": "Hello"}])
    record = person.record()
    now = int(time.time())
    page = person.gateway.admin("GET", PANEL.format(start=now - 6 * 3600, end=now + 1))
    rows = [row for bucket in page["data"] for row in bucket["results"] if row["user_id"] == person.user_id]
    assert [(row["model"], row["input_tokens"], row["output_tokens"]) for row in rows] == [
        (record["model"], record["prompt_tokens"], record["completion_tokens"])
    ]


def test_errors_are_those_that_the_sdk_knows(organization: Any, gateway: Served, person: Person) -> None:
    with pytest.raises(UnprocessableEntityError) as failed:
        organization.completions(start_time=today(), limit=32)
    assert failed.value.param == "limit"
    others: Sdk = OpenAI(base_url=gateway.url + "/v1", api_key="none", admin_api_key=person.key, max_retries=0)
    with pytest.raises(PermissionDeniedError):
        others.admin.organization.usage.costs(start_time=today())
