"""What Schemathesis makes of the document: it sends what the document allows, and what it does not, and checks that the
answers are as documented. The relayed paths are the data plane's, and tested there."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, assume, given, settings
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from tests.control.desk import ADMIN_KEY, open_desk
from tollkeeper.control.admin.organization import LISTS

# The live feed has no end.
RELAYED = r"^((/v1)?/(chat/completions|completions|embeddings|models.*)|/admin/live|/me/live|/admin/users/[^/]+/live)$"
HEADERS = {"authorization": f"Bearer {ADMIN_KEY}"}
# What a schema cannot say: that `from` is not later than `to`, nor before 1970, that an end lies ahead, that a cursor
# is one of ours, that groups are there once and have one tag at most, that names have no spaces and are there once,
# that money is not finer than a trillionth of a dollar, that a payer is named in one way, that a code is the right one,
# that no text holds a control character, that a new upstream has a kind and an address, and which addresses a webhook
# may have.
REFUSE_BY_MEANING = {
    *("GET /me/keys", "POST /me/keys", "PATCH /admin/keys/{key_id}", "GET /admin/audit"),
    *("GET /v1/usage", "GET /v1/usage/summary", "GET /admin/usage", "GET /admin/usage/summary"),
    *("GET /admin/users/{user_id}/usage", "GET /admin/users/{user_id}/usage/summary"),
    *("GET /v1/usage/summary.csv", "GET /admin/usage/summary.csv"),
    *("GET /v1/usage.csv", "GET /admin/usage.csv", "GET /admin/users", "GET /v1/refusals", "GET /admin/refusals"),
    *("PUT /admin/prices", "PUT /admin/aliases", "GET /admin/prices/{model}/history"),
    *("PUT /admin/users/{user_id}/limits", "PUT /admin/limits/defaults", "POST /admin/users"),
    *("POST /auth/login", "POST /auth/second-factor", "PATCH /admin/users/{user_id}"),
    *("POST /admin/users/{user_id}/identities", "GET /v1/organization/costs"),
    *(f"GET /v1/organization/usage/{what}" for what in ("completions", "embeddings")),
    *("GET /me/credits", "GET /admin/credits", "POST /admin/credits", "GET /admin/months/{month}/payers"),
    *("GET /admin/invoices", "GET /admin/invoices.csv", "GET /admin/invoices.zip", "POST /admin/invoices/finalize"),
    *(f"POST /admin/invoices/{{invoice_id}}/{what}" for what in ("pay", "void", "credit-note")),
    *("GET /admin/teams", "POST /admin/teams", "PATCH /admin/teams/{team_id}", "PUT /admin/teams/{team_id}/limits"),
    *(f"GET /admin/teams/{{team_id}}/{path}" for path in ("members", "usage", "usage/summary")),
    *(
        "GET /admin/upstreams",
        "POST /admin/upstreams",
        "POST /admin/upstreams/probe",
        "PATCH /admin/upstreams/{upstream_id}",
        "GET /admin/jobs",
        *("GET /admin/webhooks", "POST /admin/webhooks", "PATCH /admin/webhooks/{webhook_id}"),
        *("GET /admin/alerts", "GET /me/alerts"),
        *(f"POST /admin/models/{path}" for path in ("pull", "load", "unload", "copy", "pin", "unpin", "evict")),
    ),
    *("POST /admin/users/bulk", "POST /admin/users/bulk/undo"),
    *("GET /admin/limit-templates", "POST /admin/limit-templates", "PATCH /admin/limit-templates/{template_id}"),
    *("GET /admin/users/{user_id}/end-users", "GET /me/end-users", "PUT /admin/end-users/{end_user_id}/limits"),
    *("GET /admin/users/{user_id}/keys", "POST /admin/users/{user_id}/keys", "POST /admin/adjustments"),
}


def test_it_is_a_document_of_openapi() -> None:
    desk = asyncio.run(open_desk())
    schemathesis.openapi.from_asgi("/openapi.json", desk.app).validate()


@pytest.mark.parametrize("examples", [3, pytest.param(12, marks=pytest.mark.long)])
@pytest.mark.parametrize("mode", list(GenerationMode))
def test_answers_are_as_documented(mode: GenerationMode, examples: int, subtests: pytest.Subtests) -> None:
    desk = asyncio.run(open_desk())
    schema = schemathesis.openapi.from_asgi("/openapi.json", desk.app).exclude(path_regex=RELAYED)
    rejections = schema.config.checks.negative_data_rejection
    rejections.expected_statuses = [*rejections.expected_statuses, "413"]
    operations = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
    assert len(operations) > 30
    assert {operation.label for operation in operations} >= REFUSE_BY_MEANING
    for operation in operations:
        with subtests.test(operation.label):
            check(operation, mode, examples)


def check(operation: APIOperation[Any, Any, Any, Any], mode: GenerationMode, examples: int) -> None:
    if mode is GenerationMode.NEGATIVE and not (list(operation.iter_parameters()) or operation.body):
        return  # there is nothing to send that could be wrong
    # Keys are tested elsewhere: this check would take away a key that the call then sends again.
    excluded = [ignored_auth, *([positive_data_acceptance] if operation.label in REFUSE_BY_MEANING else [])]

    @settings(
        max_examples=examples,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def run(case: Case[Any]) -> None:
        # A cursor may be any text, and a query makes text of whatever stands there: of a list of one, its item.
        # A single value is a list of one.
        query = case.query or {}
        assume(all(isinstance(query.get(name, ""), str) for name in ("after", "before")))
        assume(all(isinstance(query[name], list) for name in LISTS & query.keys()))
        case.call_and_validate(headers=HEADERS, excluded_checks=excluded)

    run()
