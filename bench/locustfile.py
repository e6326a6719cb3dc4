"""Users of a gateway for locust: each asks, thinks for a moment, and asks again; one in two answers is a stream.

    TOLLKEEPER_API_KEY=sk-alice-123,sk-bob-456 TOLLKEEPER_MODEL=llama3.2:1b \
        locust -f bench/locustfile.py --host http://localhost:8000

Users take turns with the keys. A stream counts once with the time until its `[DONE]`, and once more, as "stream, first
token", with the time until its first content.
"""

from __future__ import annotations

import json
import os
from itertools import cycle
from time import perf_counter
from typing import Any

from locust import HttpUser, constant_throughput, events, task

PATH = "/v1/chat/completions"
KEYS = cycle(os.environ.get("TOLLKEEPER_API_KEY", "").split(","))
MODEL = os.environ.get("TOLLKEEPER_MODEL", "llama3.2:1b")
PROMPT = "Say in two or three sentences what a toll is."


class Person(HttpUser):
    """At most two requests a second; fewer where the answers take longer."""

    wait_time = constant_throughput(2)

    def on_start(self) -> None:
        self._headers = {"authorization": f"Bearer {next(KEYS).strip()}"}

    @task
    def whole(self) -> None:
        with self.client.post(PATH, json=_ask(), headers=self._headers, name="whole", catch_response=True) as answer:
            if answer.status_code == 200 and not answer.json().get("choices"):
                answer.failure("an answer without choices")

    @task
    def stream(self) -> None:
        began, first = perf_counter(), None
        with self.client.post(
            PATH, json=_ask(stream=True), headers=self._headers, name="stream", stream=True, catch_response=True
        ) as answer:
            if answer.status_code != 200:
                return
            done = False
            for line in answer.iter_lines(chunk_size=None):
                if line == b"data: [DONE]":
                    done = True
                elif line.startswith(b"data: "):
                    event = json.loads(line.removeprefix(b"data: "))
                    if "error" in event:
                        answer.failure("an error in the stream")
                        return
                    if first is None and _has_content(event):
                        first = perf_counter() - began
            # Locust's own time ends with the head.
            answer.request_meta["response_time"] = (perf_counter() - began) * 1000
            if not done:
                answer.failure("a stream ended without [DONE]")
            elif first is not None:
                _measured("stream, first token", first)


def _ask(**more: object) -> dict[str, object]:
    return {"model": MODEL, "messages": [{"role": "user", "content": PROMPT}], **more}


def _has_content(event: dict[str, Any]) -> bool:
    return any(choice["delta"].get("content") for choice in event["choices"])


def _measured(name: str, seconds: float) -> None:
    events.request.fire(  # type: ignore[no-untyped-call]
        request_type="POST", name=name, response_time=seconds * 1000, response_length=0, exception=None, context={}
    )
