"""Corrections and refunds, by admins."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

from tollkeeper.control.context import Services
from tollkeeper.control.errors import errors
from tollkeeper.control.forms import Form
from tollkeeper.control.routes import ByAdmin, admin_router
from tollkeeper.control.usage import RecordBody, record_body
from tollkeeper.rules.money import PICO_PER_USD, format_usd

_MOST_USD = 10**6
_MAX_DIGITS = 28
"""As many as Decimal's arithmetic keeps."""
_PLAIN = r"-?[0-9]{1,7}(\.[0-9]{1,12})?"
"""Dollars in a string. Decimal alone would also read 1_0, digits of other scripts and spaces around."""


def _read_usd(value: object) -> int:
    """Dollars, a string or a number → pico-dollars."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal) or len(str(value)) > _MAX_DIGITS:
        raise ValueError(f"must be a number of dollars of at most {_MAX_DIGITS} characters, or a string with one")
    if isinstance(value, str) and not re.fullmatch(_PLAIN, value):
        raise ValueError("must be a plain number of dollars, such as -1.50")
    try:
        pico = Decimal(value) * PICO_PER_USD
    except InvalidOperation:
        raise ValueError("must be a number of dollars, or a string with one") from None
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
                {"type": "string", "pattern": f"^{_PLAIN}$"},
            ],
            "description": "US dollars, exact, not 0: less than 0 gives back.",
            "examples": ["-1.50"],
        }
    ),
]


class AdjustmentForm(Form):
    user_id: str = Field(min_length=1, max_length=64)
    cost_usd: SignedUsd
    reason: str = Field(min_length=1, max_length=500, examples=["refund of a failed batch"])


router = admin_router("adjustments")


@router.post("/admin/adjustments", summary="A correction or refund", status_code=201, responses=errors(404))
async def _create(services: Services, by: ByAdmin, form: AdjustmentForm) -> RecordBody:
    """A record of its own: none that is there is changed."""
    user = services.accounts.user(form.user_id)
    # Its entry comes first: were it last and failed, the admin would be told so and give the money a second time.
    await services.accounts.note(
        by, "adjustment.create", user.user_id, {"cost_usd": format_usd(form.cost_usd), "reason": form.reason}
    )
    return record_body(await services.adjust(user.user_id, form.cost_usd, form.reason, by))
