"""LiteLLM's proxy (Python), as its guide for production has it, without a database."""

from __future__ import annotations

from collections.abc import Sequence

from bench.contenders.contender import KEYS, Command, Contender, Place
from bench.contenders.installed import folder, python_package, python_version
from bench.mock import MODEL

_NAME = "litellm"
_CONFIGURATION = """\
model_list:
  - model_name: {model}
    litellm_params:
      model: openai/{model}
      api_base: http://127.0.0.1:{upstream}/v1
      api_key: sk-none
general_settings:
  master_key: {key}
litellm_settings:
  num_retries: 0
  telemetry: false
"""
_ENVIRONMENT = {
    "LITELLM_MODE": "PRODUCTION",
    "LITELLM_LOG": "ERROR",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else it asks the network for prices at every start
}


class LiteLLM(Contender):
    name = _NAME
    keys = True
    lacks = "without a database one key for everybody: no users, limits or records (costs are computed and dropped)"
    ready = "/health/liveliness"

    def install(self) -> None:
        python_package(_NAME)

    def version(self) -> str:
        return python_version(_NAME)

    def known(self) -> Sequence[str]:
        return KEYS[:1]

    def command(self, place: Place) -> Command:
        file = place.folder / "litellm.yaml"
        file.write_text(_CONFIGURATION.format(model=MODEL, upstream=place.upstream, key=self.known()[0]))
        program = str(folder(_NAME) / "bin/litellm")
        flags = ["--config", str(file), "--host", "127.0.0.1", "--port", str(place.port), "--num_workers", "1"]
        return Command([program, *flags, "--telemetry", "False"], _ENVIRONMENT)
