"""Every test of each suite passes, but for those that the suite itself keeps for other models."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.document import ADDRESS, KEY, Block, adapted
from tests.clients.engine import before_the_engine
from tests.clients.installed import Ran, run
from tests.ollama.rig import TALKING_MODEL
from tests.ollama.tiny_models import SMOLLM2_WIDTH
from tests.process.served import Served
from tests.sdk.conftest import numbers, person
from tests.sdk.person import Person
from tollkeeper.cli.demo.engine.model import EngineModel
from tollkeeper.cli.demo.projector import write_projector

__all__ = ["numbers", "person"]

pytestmark = pytest.mark.process

MODEL = "talking"
SEED = 1
"""With another one, a model this small may talk on until its context is full."""
SKIPPED = {
    "openai-chat": {"chat-reasoning-summary"},  # of models that reason, by their names
    "open-responses": {"reasoning-summary"},
    "anthropic": {"anth-thinking-display"},
}
"""By the format that llm-comply checks, what it skips."""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("engine")
    projector = folder / "projector.gguf"
    write_projector(projector, SMOLLM2_WIDTH)
    model = EngineModel(MODEL, str(TALKING_MODEL), str(projector), SEED)
    with before_the_engine(folder, model) as running:
        yield running


def suite(command: str, runtime: str, person: Person, folder: Path) -> tuple[Ran, Any]:
    """How it ended, and its report."""
    ran = run([Block("sh", "", adapted(command, person.gateway.url, person.key))], runtime, folder)
    assert ran.stdout.startswith("{"), ran
    return ran, json.loads(ran.stdout)


@pytest.mark.parametrize("form", SKIPPED)
def test_llm_comply(form: str, person: Person, tmp_path: Path) -> None:
    command = f"llm-comply --json --timeout 300 --format {form} -u {ADDRESS}/v1 -k {KEY} -m {MODEL}"
    ran, report = suite(command, "python", person, tmp_path)
    assert ran.status == 0, ran
    statuses = {result["id"]: result["status"] for result in report["results"]}
    assert {each for each in statuses if statuses[each] != "passed"} == SKIPPED[form]
    assert {statuses[each] for each in SKIPPED[form]} <= {"skipped"}


def test_compatcanary(person: Person, tmp_path: Path) -> None:
    command = (
        f"OPENAI_API_KEY={KEY} compatcanary scan --base-url {ADDRESS}/v1 --model {MODEL} --profile modern"
        " --format json --timeout 300000"
    )
    ran, report = suite(command, "node", person, tmp_path)
    assert ran.status == 0, ran
    assert (report["score"], report["compatible"]) == (100, True), ran
    assert {result["status"] for result in report["results"]} == {"pass"}
