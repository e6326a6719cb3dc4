"""The document of the API says what is sent: the invoice itself."""

from __future__ import annotations

import pytest
from msgspec.structs import fields

from tollkeeper.control.invoices import schemas
from tollkeeper.rules import invoices


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (schemas.InvoiceBody, invoices.Invoice),
        (schemas.LineBody, invoices.Line),
        (schemas.LateLineBody, invoices.LateLine),
        (schemas.AdjustmentItemBody, invoices.AdjustmentItem),
        (schemas.TaxBody, invoices.TaxItem),
        (schemas.ChainPositionBody, invoices.ChainPosition),
        (schemas.PayerBody, invoices.Payer),
        (schemas.PartyBody, invoices.Seller),
    ],
)
def test_a_body_has_the_fields_of_its_value(body, value):
    documented = set(body.model_json_schema()["properties"])
    assert documented == {field.encode_name for field in fields(value)}


def test_the_status_is_one_of_the_states():
    assert set(invoices.STATES) == set(schemas.InvoiceBody.model_json_schema()["properties"]["status"]["enum"])
