"""The text that the demo prints when it is ready."""

from __future__ import annotations

from tollkeeper.cli.demo.samples import USERS

STAND_INS = """\
llama.cpp, embedded, with small stand-ins: no Ollama with llama3.2:1b and moondream responded.
              llama3.2:1b is actually SmolLM2-135M, fast but not clever;
              moondream is the same with a random projector: it accepts images but cannot see."""

SAMPLE_IMAGE = (
    "iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAAAGklEQVR42mM8ISfHQApgYiARjGoY1TB0NAAATx8BJMixHB8AAAAASUVORK5CYII="
)
"""A red square: a complete PNG of 16 by 16 pixels."""


def ollama(base_url: str) -> str:
    """Description of the engine if a real Ollama serves the demo."""
    return f"the Ollama at {base_url}"


def welcome(url: str, *, engine: str, admin_key: str, data: str) -> str:
    """Keys, addresses and commands to try. `engine` describes what runs the models; `data` says where the data is, and
    whether it is kept."""
    keys = "\n".join(f"              {user.user_id:<8} {user.key:<13} password {user.password}" for user in USERS)
    return f"""
Tollkeeper is up: {url}

  Engine      {engine}
  Data        {data}
  Keys
{keys}
              the bootstrap admin key: {admin_key}

  Pages       {url}/login    as alice to chat and see the cost, as admin to see everything and set limits
  Addresses   {url}/docs     every endpoint, to try in the browser
              {url}/health   {url}/ready
              {url}/metrics  {url}/openapi.json

Ask a question:

curl {url}/v1/chat/completions -H "Authorization: Bearer sk-alice-123" \\
  -H "Content-Type: application/json" \\
  -d '{{"model": "llama3.2", "messages": [{{"role": "user", "content": "What is a toll?"}}]}}'

See its cost:

curl {url}/v1/usage/summary -H "Authorization: Bearer sk-alice-123"

The same from Python (pip install openai), and an image:

from openai import OpenAI
client = OpenAI(base_url="{url}/v1", api_key="sk-alice-123")
answer = client.chat.completions.create(
    model="llama3.2", messages=[{{"role": "user", "content": "What is a toll?"}}])
print(answer.choices[0].message.content, answer.usage)
image = "data:image/png;base64,{SAMPLE_IMAGE}"
answer = client.chat.completions.create(model="moondream", messages=[{{"role": "user", "content": [
    {{"type": "text", "text": "What is this?"}}, {{"type": "image_url", "image_url": {{"url": image}}}}]}}])
print(answer.choices[0].message.content, answer.usage)

Ctrl-C stops it.
"""
