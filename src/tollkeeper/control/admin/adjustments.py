"""Adjustments: corrections and refunds, by admins."""

from __future__ import annotations

import re
from decimal import Decimal, DecimalException
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

from tollkeeper.control.context import Services
from tollkeeper.control.http.errors import errors
from tollkeeper.control.http.guards import ByAdmin, admin_router
from tollkeeper.control.http.schemas import Form
from tollkeeper.control.usage.schemas import RecordBody, record_body
from tollkeeper.rules.money import PICO_PER_USD, format_usd
from tollkeeper.store.ports.accounts import User
from tollkeeper.store.ports.records import Record

_MOST_USD = 10**6
_MAX_DIGITS = 28
"""The precision of Decimal's arithmetic."""
_PLAIN_USD = r"-?[0-9]{1,7}(\.[0-9]{1,12})?"
"""Dollars in a string. Decimal by itself would also accept 1_0, digits of other scripts and surrounding spaces."""


def _read_usd(value: object) -> int:
    """Parse dollars, a string or a number, into pico-dollars."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal) or len(str(value)) > _MAX_DIGITS:
        raise ValueError(f"must be an amount of dollars in at most {_MAX_DIGITS} characters, as a number or a string")
    if isinstance(value, str) and not re.fullmatch(_PLAIN_USD, value):
        raise ValueError("must be a plain amount of dollars, such as -1.50")
    try:
        pico = Decimal(value) * PICO_PER_USD
    except DecimalException:
        raise ValueError("must be an amount of dollars, as a number or a string") from None
    if not pico.is_finite() or not 0 < abs(pico) <= _MOST_USD * PICO_PER_USD:
        raise ValueError(f"must be an amount between -{_MOST_USD} and {_MOST_USD} dollars that is not 0")
    if pico != pico.to_integral_value():
        raise ValueError("is finer than a trillionth of a dollar")
    return int(pico)


SignedUsd = Annotated[
    int,
    BeforeValidator(_read_usd),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": -_MOST_USD, "maximum": _MOST_USD},
                {"type": "string", "pattern": f"^{_PLAIN_USD}$"},
            ],
            "description": "US dollars, exact, not 0; negative for a refund.",
            "examples": ["-1.50"],
        }
    ),
]


class AdjustmentForm(Form):
    user_id: str = Field(min_length=1, max_length=64)
    cost_usd: SignedUsd
    reason: str = Field(min_length=1, max_length=500, examples=["refund of a failed batch"])


router = admin_router("adjustments")


@router.post("/admin/adjustments", summary="Record a correction or refund", status_code=201, responses=errors(404))
async def _create(services: Services, by: ByAdmin, form: AdjustmentForm) -> RecordBody:
    """Adds a record; existing records are never changed."""

    async def adjust(user: User) -> Record:
        # The audit entry comes first: if it came last and failed, the admin would see an error and pay a second time.
        await services.accounts.note(
            by, "adjustment.create", user.user_id, {"cost_usd": format_usd(form.cost_usd), "reason": form.reason}
        )
        return await services.adjust(user.user_id, form.cost_usd, form.reason, by)

    return record_body(await services.accounts.with_user(form.user_id, adjust))
