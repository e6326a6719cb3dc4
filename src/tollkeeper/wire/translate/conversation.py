"""A conversation with a model, independent of dialects: what a request says in whatever API it came.

A reader for each dialect of clients makes one of a request, a writer for each format of upstreams makes a body of it.
Texts, calls and results keep their order. Numbers and JSON stay as they were written (`Raw`).
"""

from __future__ import annotations

from typing import Literal

from msgspec import Raw, Struct

Role = Literal["system", "user", "assistant"]
"""Who speaks. "system" stands also for OpenAI's `developer`; results of tools are parts of a user's turn."""


class Text(Struct, frozen=True, tag=True):
    """A piece of text. `cache`: the value of Anthropic's `cache_control` on it, as JSON; None: it has none. `refusal`:
    with it the model refused to answer."""

    text: str
    cache: Raw | None = None
    refusal: bool = False


class ImagePart(Struct, frozen=True, tag=True):
    """An image, as a `data:` URL."""

    url: str
    cache: Raw | None = None


class FilePart(Struct, frozen=True, tag=True):
    """A document, as a `data:` URL, with the name of its file; "": it has none."""

    url: str
    name: str = ""
    cache: Raw | None = None


class Thinking(Struct, frozen=True, tag=True):
    """What the model thought. `signature` is its maker's proof that it did; `redacted` the maker's own form of a
    thought that it does not show, whose text is empty."""

    text: str
    signature: str | None = None
    redacted: str | None = None


class ToolCall(Struct, frozen=True, tag=True):
    """A call of a tool by the model. `arguments` are JSON as text, exactly as the model wrote them. `namespace`: the
    group that the tool belongs to in Responses."""

    id: str
    name: str
    arguments: str
    namespace: str | None = None
    cache: Raw | None = None


class ToolResult(Struct, frozen=True, tag=True):
    """The result of a call of a tool."""

    call_id: str
    content: tuple[Text | ImagePart | FilePart, ...]
    is_error: bool = False
    cache: Raw | None = None


Part = Text | ImagePart | FilePart | Thinking | ToolCall | ToolResult


class Turn(Struct, frozen=True):
    """One message. `name`: the participant's, where the API has one."""

    role: Role
    parts: tuple[Part, ...]
    name: str | None = None


class Tool(Struct, frozen=True):
    """A function that the model may call. `schema` is the JSON Schema of its arguments; None: it takes none.
    `strict`: whether its arguments must follow the schema exactly; None: the API's default."""

    name: str
    description: str | None = None
    schema: Raw | None = None
    strict: bool | None = None
    namespace: str | None = None
    cache: Raw | None = None

    @property
    def flat_name(self) -> str:
        """Its name in APIs without namespaces."""
        return flat_name(self.namespace, self.name)


class ToolChoice(Struct, frozen=True):
    """Which tools the model should call: as it likes, none, at least one, or the one with a name."""

    mode: Literal["auto", "none", "required", "tool"]
    name: str = ""
    namespace: str | None = None


class OutputFormat(Struct, frozen=True):
    """The requested form of the output: any JSON object, or, with a `schema`, JSON that follows it."""

    schema: Raw | None = None
    name: str = "output"
    description: str | None = None
    strict: bool | None = None


class Reasoning(Struct, frozen=True):
    """How much the model should think. `effort` as OpenAI names it (`none`, `minimal`, `low`, `medium`, `high`,
    `xhigh`); `budget` in tokens; both None: as the model likes. `shown`: whether its thoughts, or a summary of them,
    are wanted in the output."""

    effort: str | None = None
    budget: int | None = None
    shown: bool = True


class Conversation(Struct, frozen=True, kw_only=True):
    """A request to go on with a conversation.

    `turns` are in order, system texts wherever they stand. `output_cap`: tokens; None: the API's default. `parallel`:
    whether the model may call several tools at once; None: the API's default. `temperature`, `top_p`, the penalties:
    JSON numbers as they were written. `output`: None: any text. `reasoning` None: the model's default. `names_user`:
    the client named its user, in place of which the upstream gets an opaque name.
    """

    turns: tuple[Turn, ...]
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel: bool | None = None
    stream: bool = False
    output_cap: int | None = None
    stop: tuple[str, ...] = ()
    temperature: Raw | None = None
    top_p: Raw | None = None
    top_k: Raw | None = None
    seed: Raw | None = None
    frequency_penalty: Raw | None = None
    presence_penalty: Raw | None = None
    output: OutputFormat | None = None
    reasoning: Reasoning | None = None
    names_user: bool = False

    def tool_names(self) -> dict[str, tuple[str | None, str]]:
        """The namespace and name of each tool, by its name in APIs without namespaces."""
        return {tool.flat_name: (tool.namespace, tool.name) for tool in self.tools}


def flat_name(namespace: str | None, name: str) -> str:
    """The name of a tool in APIs without namespaces."""
    return name if namespace is None else f"{namespace}__{name}"
