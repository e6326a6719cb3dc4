"""A model request in no dialect's words."""

import pytest

from tollkeeper.wire.request import Endpoint, Image, ModelRequest, spellings


@pytest.mark.parametrize(
    ("path", "both"),
    [("/v1/models", ("/v1/models", "/models")), ("/api/v1", ("/api/v1", "/api/v1")), ("/v10", ("/v10", "0"))],
)
def test_a_path_is_known_without_the_v1_that_begins_it(path, both):
    assert spellings(path) == both


@pytest.mark.parametrize("generates", [True, False])
def test_whether_there_is_output_is_a_matter_of_the_path(generates):
    endpoint = Endpoint("/v1/x", generates=generates)
    request = ModelRequest(endpoint=endpoint, body=b"{}", model="m", stream=False, output_cap=None, text_bytes=2)
    assert request.generates is generates


def test_it_asks_for_one_choice_without_images_unless_it_says_so():
    request = ModelRequest(endpoint=Endpoint("/x"), body=b"", model="m", stream=False, output_cap=None, text_bytes=0)
    assert (request.choices, request.images, request.metadata) == (1, (), None)
    assert Image("data:,", "messages[0]").where == "messages[0]"
