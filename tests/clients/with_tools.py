"""What each SDK is asked to do with a tool: a call that is forced, an answer to its result, and a stream.

Each prints `called` with the argument, once, and then the answer twice. Written as the blocks of docs/clients.md are,
to the same address and with the same key.
"""

from __future__ import annotations

from tests.clients.document import Block

OPENAI = """
import json
from openai import OpenAI
client = OpenAI(base_url="http://localhost:8000/v1", api_key="sk-alice-123")
schema = {"type": "object", "properties": {"kind": {"enum": ["bridge", "tunnel"]}}, "required": ["kind"]}
tools = [{"type": "function", "function": {"name": "price_of", "description": "A toll", "parameters": schema}}]
to = {"model": "llama3.2", "tools": tools}
messages = [{"role": "user", "content": "What is a toll?"}]
choice = {"type": "function", "function": {"name": "price_of"}}
message = client.chat.completions.create(messages=messages, tool_choice=choice, **to).choices[0].message
(call,) = message.tool_calls
print("called", json.loads(call.function.arguments)["kind"])
messages += [message, {"role": "tool", "tool_call_id": call.id, "content": "2 coins"}]
print(client.chat.completions.create(messages=messages, **to).choices[0].message.content)
with client.chat.completions.stream(messages=messages, **to) as stream:
    print("".join(event.delta for event in stream if event.type == "content.delta"))
"""
NODE = """
import OpenAI from "openai";
const client = new OpenAI({ baseURL: "http://localhost:8000/v1", apiKey: "sk-alice-123" });
const price_of = ({ kind }) => { console.log("called", kind); return "2 coins"; };
const parameters = { type: "object", properties: { kind: { enum: ["bridge", "tunnel"] } }, required: ["kind"] };
const tools = [{ type: "function", function: { name: "price_of", description: "A toll", parameters,
  function: price_of, parse: JSON.parse } }];
const plain = tools.map(({ type, function: { name, description, parameters } }) =>
  ({ type, function: { name, description, parameters } }));
const messages = [{ role: "user", content: "What is a toll?" }];
const to = { model: "llama3.2" };
const first = await client.chat.completions.create({ ...to, messages, tools: plain, tool_choice: "required" });
const { message } = first.choices[0];
const [call] = message.tool_calls;
messages.push(message, { role: "tool", tool_call_id: call.id, content: price_of(JSON.parse(call.function.arguments)) });
console.log((await client.chat.completions.create({ ...to, messages, tools: plain })).choices[0].message.content);
const stream = client.chat.completions.stream({ ...to, messages, tools: plain });
for await (const chunk of stream) process.stdout.write(chunk.choices[0]?.delta.content ?? "");
await stream.done();
"""
LANGCHAIN = """
from typing import Literal
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
@tool
def price_of(kind: Literal["bridge", "tunnel"]) -> str:
    "A toll"
    print("called", kind)
    return "2 coins"
model = ChatOpenAI(model="llama3.2", base_url="http://localhost:8000/v1", api_key="sk-alice-123")
messages = [("user", "What is a toll?")]
called = model.bind_tools([price_of], tool_choice="price_of").invoke(messages)
(call,) = called.tool_calls
messages += [called, price_of.invoke(call)]
free = model.bind_tools([price_of])
print(free.invoke(messages).text)
print("".join(part.text for part in free.stream(messages)))
"""
CHAT_ANTHROPIC = LANGCHAIN.replace("langchain_openai", "langchain_anthropic").replace("ChatOpenAI", "ChatAnthropic")
PYDANTIC_AI = """
from typing import Literal
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
provider = OpenAIProvider(base_url="http://localhost:8000/v1", api_key="sk-alice-123")
model = OpenAIChatModel("llama3.2", provider=provider)
def price_of(kind: Literal["bridge", "tunnel"]) -> str:
    "A toll"
    print("called", kind)
    return "2 coins"
Agent(model, output_type=price_of).run_sync("What is a toll?")
agent = Agent(model, tools=[price_of])
print(agent.run_sync("What is a toll?").output)
for text in agent.run_stream_sync("What is a toll?").stream_text(delta=True):
    print(text, end="")
"""
OPENAI_AGENTS = """
import asyncio
from typing import Literal
from agents import Agent, ModelSettings, OpenAIChatCompletionsModel, Runner, function_tool, set_tracing_disabled
from openai import AsyncOpenAI
set_tracing_disabled(True)
client = AsyncOpenAI(base_url="http://localhost:8000/v1", api_key="sk-alice-123")
model = OpenAIChatCompletionsModel(model="llama3.2", openai_client=client)
@function_tool
def price_of(kind: Literal["bridge", "tunnel"]) -> str:
    "A toll"
    print("called", kind)
    return "2 coins"
settings = ModelSettings(tool_choice="required")
async def main():
    agent = Agent(name="Keeper", model=model, tools=[price_of], model_settings=settings)
    print((await Runner.run(agent, "What is a toll?")).final_output)
    result = Runner.run_streamed(Agent(name="Keeper", model=model, tools=[price_of]), "What is a toll?")
    async for event in result.stream_events():
        if event.type == "raw_response_event" and event.data.type == "response.output_text.delta":
            print(event.data.delta, end="")
asyncio.run(main())
"""
_AI_SDK = """
import { generateText, jsonSchema, stepCountIs, streamText, tool } from "ai";
import { %(make)s } from "%(package)s";
const model = %(make)s(%(options)s)("llama3.2");
const schema = { type: "object", properties: { kind: { enum: ["bridge", "tunnel"] } }, required: ["kind"] };
const price_of = tool({ description: "A toll", inputSchema: jsonSchema(schema),
  execute: ({ kind }) => { console.log("called", kind); return "2 coins"; } });
const asked = { model, prompt: "What is a toll?", tools: { price_of } };
const done = await generateText({ ...asked, stopWhen: stepCountIs(2),
  prepareStep: ({ stepNumber }) => ({ toolChoice: stepNumber ? "auto" : { type: "tool", toolName: "price_of" } }) });
console.log(done.text);
for await (const part of streamText(asked).textStream) process.stdout.write(part);
"""


def _ai_sdk(make: str, package: str, options: str) -> Block:
    return Block("js", "", _AI_SDK % {"make": make, "package": package, "options": options})


RESPONSES = """
import json
from openai import OpenAI
client = OpenAI(base_url="http://localhost:8000/v1", api_key="sk-alice-123")
schema = {"type": "object", "properties": {"kind": {"enum": ["bridge", "tunnel"]}}, "required": ["kind"]}
tools = [{"type": "function", "name": "price_of", "description": "A toll", "parameters": schema, "strict": False}]
to = {"model": "llama3.2", "tools": tools, "store": False}
items = [{"role": "user", "content": "What is a toll?"}]
first = client.responses.create(input=items, tool_choice={"type": "function", "name": "price_of"}, **to)
(call,) = first.output
print("called", json.loads(call.arguments)["kind"])
items += [*first.output, {"type": "function_call_output", "call_id": call.call_id, "output": "2 coins"}]
print(client.responses.create(input=items, **to).output_text)
with client.responses.stream(input=items, **to) as stream:
    print("".join(event.delta for event in stream if event.type == "response.output_text.delta"))
"""
INSTRUCTOR = """
from typing import Literal
import instructor
from anthropic import Anthropic
from instructor import Mode
from openai import OpenAI
from pydantic import BaseModel
class Review(BaseModel):
    mood: Literal["happy", "sad"]
openai = OpenAI(base_url="http://localhost:8000/v1", api_key="sk-alice-123")
anthropic = Anthropic(base_url="http://localhost:8000", api_key="sk-alice-123")
asked = {"model": "llama3.2", "messages": [{"role": "user", "content": "I love it"}], "response_model": Review}
print(instructor.from_openai(openai, mode=Mode.TOOLS).create(**asked))
print(instructor.from_anthropic(anthropic, mode=Mode.ANTHROPIC_TOOLS).create(max_tokens=500, **asked))
"""
"""It knows calls of tools as values of a type; it prints two of them."""
SCRIPTS = {
    "openai for Python": Block("python", "", OPENAI),
    "openai for Node": Block("js", "", NODE),
    "LangChain": Block("python", "", LANGCHAIN),
    "LangChain, Responses": Block(
        "python", "", LANGCHAIN.replace("ChatOpenAI(", "ChatOpenAI(use_responses_api=True, ")
    ),
    "LangChain's ChatAnthropic": Block("python", "", CHAT_ANTHROPIC.replace("8000/v1", "8000")),
    "openai for Python, Responses": Block("python", "", RESPONSES),
    "pydantic-ai, Responses": Block("python", "", PYDANTIC_AI.replace("OpenAIChatModel", "OpenAIResponsesModel")),
    "pydantic-ai, Messages": Block(
        "python", "", PYDANTIC_AI.replace("OpenAIChatModel", "AnthropicModel").replace("OpenAI", "Anthropic")
        .replace("openai", "anthropic").replace("8000/v1", "8000"),
    ),
    "openai-agents, Responses": Block(
        "python", "", OPENAI_AGENTS.replace("OpenAIChatCompletionsModel", "OpenAIResponsesModel")
    ),
    "pydantic-ai": Block("python", "", PYDANTIC_AI),
    "openai-agents": Block("python", "", OPENAI_AGENTS),
    "Vercel AI SDK": _ai_sdk(
        "createOpenAICompatible", "@ai-sdk/openai-compatible",
        '{ name: "tollkeeper", baseURL: "http://localhost:8000/v1", apiKey: "sk-alice-123", includeUsage: true }',
    ),
    "Vercel AI SDK, Responses": _ai_sdk(
        "createOpenAI", "@ai-sdk/openai", '{ baseURL: "http://localhost:8000/v1", apiKey: "sk-alice-123" }'
    ),
    "Vercel AI SDK, Messages": _ai_sdk(
        "createAnthropic", "@ai-sdk/anthropic", '{ baseURL: "http://localhost:8000/v1", apiKey: "sk-alice-123" }'
    ),
}  # fmt: skip
