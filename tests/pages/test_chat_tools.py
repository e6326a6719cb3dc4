"""What one does with conversations: ask anew, set, find, keep as files; and how code, formulas and tables are shown."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import FilePayload, Locator, Page, expect

from tests.ollama.tiny_models import SENTENCE
from tests.pages.conftest import NewWindow, forgive, furnish
from tests.pages.test_chat import ask
from tests.pages.test_every_page import settle, too_wide, violations
from tests.pages.test_words_of_others import HOSTILE, scripted_upstream, unharmed
from tests.pages.visitor import PASSWORD, Visitor
from tests.process.served import Served, served
from tests.scripted import ScriptedUpstream, chat_chunks, sse, streamed
from tests.sdk.pictures import red

RICH = r"""Here is *code*:

```python
def merge(first: list[int], second: list[int]) -> list[int]:
    "Both in one, in order."
    return sorted(first + second)  # a comment that makes this line rather longer than a narrow window is wide
```

A formula in a line, \(e^{i\pi} + 1 = 0\), prices of $5 and $10, and one by itself:

\[
\int_0^\infty \frac{x^3}{e^x - 1}\,dx = \frac{\pi^4}{15} \qquad \begin{pmatrix} a & b \\ c & d \end{pmatrix}
\]

$$\sqrt{\fcolorbox{red}{yellow}{x}} + \pmb{y} + \textcolor{blue}{z} + \underbrace{a+b+c+d+e+f+g+h+i+j+k+l+m+n}_{s}$$

$\notacommand{x}$ and $\href{javascript:window.broken=1}{link}$ and $\includegraphics{https://evil.example/x.png}$

| Engine | Concurrency | Where the data lies | Good for |
| --- | --- | --- | --- |
| SQLite | one writer at a time | a single file beside the program | devices, tests, small sites |
| PostgreSQL | many writers at once | a server with many files | anything that grows |

The end.
"""


def log(page: Page) -> Locator:
    return page.get_by_role("log").get_by_role("article")


def conversations(page: Page) -> Locator:
    return page.get_by_role("navigation", name="Conversations")


def with_figures(answer: Locator) -> None:
    """Wait until an answer has ended, and its record was read."""
    expect(answer).to_contain_text("first token")
    expect(answer).to_contain_text("$")


def sent_by(page: Page, act: Any) -> Any:
    """What is sent to the model when `act` is done."""
    with page.expect_request("**/v1/chat/completions") as request:
        act()
    return request.value.post_data_json


def test_a_question_is_edited_and_asked_anew(visitor: Visitor) -> None:
    visitor.arrive("/chat")
    page = visitor.page
    with_figures(ask(page, "Frist"))
    with_figures(ask(page, "Second"))
    log(page).first.hover()
    log(page).first.get_by_role("button", name="Edit the question").click()
    box = page.get_by_label("Question", exact=True)
    expect(box).to_be_focused()
    box.fill("never mind")
    box.press("Escape")
    expect(log(page).first).to_have_text("Frist")
    log(page).first.get_by_role("button", name="Edit the question").click()
    box.fill("First")
    sent = sent_by(page, lambda: box.press("Enter"))
    assert [message["content"] for message in sent["messages"]] == ["First"]
    expect(log(page)).to_have_count(2)
    with_figures(log(page).last)
    expect(conversations(page).get_by_role("link")).to_have_text("First")
    # What was replaced comes back.
    visitor.notices.get_by_role("button", name="Undo").click()
    expect(log(page)).to_have_count(4)
    expect(log(page).first).to_have_text("Frist")
    visitor.records(3)


def test_an_answer_is_made_again_and_leads_to_its_call(visitor: Visitor) -> None:
    visitor.arrive("/chat")
    page = visitor.page
    with_figures(ask(page, "Hello"))
    (first,) = visitor.records(1)
    sent = sent_by(page, page.get_by_role("button", name="Answer again").click)
    assert [message["content"] for message in sent["messages"]] == ["Hello"]
    with_figures(log(page).last)
    expect(log(page)).to_have_count(2)
    again, _ = visitor.records(2)
    assert again["request_id"] != first["request_id"]
    log(page).last.get_by_role("link", name="The call of this answer").click()
    visitor.is_at(f"/calls/{again['request_id']}")
    expect(page.get_by_role("dialog", name="Call")).to_contain_text(again["request_id"])


def test_settings_of_a_conversation(visitor: Visitor) -> None:
    visitor.arrive("/chat")
    page = visitor.page
    dialog = page.get_by_role("dialog", name="Settings of this conversation")
    page.get_by_role("button", name="Settings of this conversation").click()
    dialog.get_by_label("Temperature").fill("3")
    expect(dialog).to_contain_text("From 0 to 2.")
    expect(dialog.get_by_role("button", name="Save")).to_be_disabled()
    for width in (1440, 360):
        page.set_viewport_size({"width": width, "height": 900})
        assert too_wide(page) is None
        assert violations(page) == []
    dialog.get_by_label("Temperature").fill("0.5")
    dialog.get_by_label("Max tokens").fill("3")
    dialog.get_by_label("System prompt").fill("Be brief.")
    dialog.get_by_role("button", name="Save").click()
    page.set_viewport_size({"width": 1280, "height": 900})
    sent = sent_by(page, lambda: ask(page, "Hello"))
    assert sent["messages"] == [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}]
    assert (sent["temperature"], sent["max_completion_tokens"]) == (0.5, 3)
    with_figures(log(page).last)
    expect(log(page).last).to_contain_text("at the token limit")
    assert visitor.records(1)[0]["completion_tokens"] == 3
    # They are the conversation's: another begins without, and it has them still when it is opened again.
    settings = page.get_by_role("button", name="Settings of this conversation")
    page.get_by_role("link", name="New conversation").click()
    expect(settings).to_have_accessible_name("Settings of this conversation")
    page.go_back()
    page.reload()
    expect(settings).to_have_accessible_name(
        "Settings of this conversation: a system prompt, at most 3 tokens, temperature 0.5"
    )


def test_conversations_are_found_by_what_was_said(visitor: Visitor) -> None:
    visitor.arrive("/chat")
    page = visitor.page
    with_figures(ask(page, "Where is Carthage?"))
    page.get_by_role("link", name="New conversation").click()
    with_figures(ask(page, "Where is Rome?"))
    search = conversations(page).get_by_label("Search conversations")
    search.fill("carth")
    expect(conversations(page).get_by_role("link")).to_have_text(["Where is Carthage?"])
    search.fill(f"rome {SENTENCE.split()[-2]}")
    expect(conversations(page).get_by_role("link")).to_contain_text(["Where is Rome?"])
    search.fill("Byzantium")
    expect(conversations(page)).to_contain_text("No conversation has these words.")
    page.get_by_role("button", name="Clear the search").click()
    expect(conversations(page).get_by_role("link")).to_have_count(2)


def choose(page: Page, row: str, item: str) -> None:
    """In a conversation's menu, or in that of all for ""."""
    if row == "":
        page.get_by_role("button", name="Import, export, delete").click()
    else:
        conversations(page).get_by_role("listitem").filter(has_text=row).get_by_role("button", name="Options").click()
    page.get_by_role("menuitem", name=item).click()


def exported(page: Page, row: str, item: str, folder: Path) -> Path:
    with page.expect_download() as download:
        choose(page, row, item)
    file = folder / download.value.suggested_filename
    download.value.save_as(file)
    return file


def bring(page: Page, file: Path | FilePayload) -> None:
    with page.expect_file_chooser() as chooser:
        choose(page, "", "Import from files")
    chooser.value.set_files(file)


@pytest.mark.parametrize(
    ("item", "name", "whole"),
    [("Export as JSON", "what-do-you-see.json", True), ("Export as Markdown", "what-do-you-see.md", False)],
)
def test_a_conversation_goes_into_a_file_and_comes_back(
    item: str, name: str, *, whole: bool, visitor: Visitor, tmp_path: Path
) -> None:
    visitor.arrive("/chat")
    page = visitor.page
    visitor.choose("Model", "tiny-vision:latest")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Attach an image").click()
    chooser.value.set_files({"name": "red.png", "mimeType": "image/png", "buffer": red("PNG")})
    with_figures(ask(page, "What do you see?", "tiny-vision:latest"))
    answer = log(page).last.inner_text()
    file = exported(page, "What do you see?", item, tmp_path)
    assert file.name == name
    choose(page, "", "Delete all")
    expect(conversations(page)).to_contain_text("No conversations yet")
    bring(page, file)
    expect(visitor.notices).to_contain_text("Imported «What do you see?».")
    expect(log(page)).to_have_count(2)
    expect(page.get_by_role("img", name="Sent with the question, 1 of 1")).to_be_visible()
    assert (log(page).last.inner_text() == answer) is whole
    expect(log(page).last).to_contain_text(answer.split("\n")[0])
    # It goes on from there.
    page.reload()
    sent = sent_by(page, lambda: ask(page, "And now?", "tiny-vision:latest"))
    assert [message["role"] for message in sent["messages"]] == ["user", "assistant", "user"]
    with_figures(log(page).last)


def test_all_conversations_go_into_one_file(visitor: Visitor, tmp_path: Path) -> None:
    visitor.arrive("/chat")
    page = visitor.page
    with_figures(ask(page, "One"))
    page.get_by_role("link", name="New conversation").click()
    with_figures(ask(page, "Two"))
    file = exported(page, "", "Export all as JSON", tmp_path)
    assert visitor.user_id not in file.read_text()
    choose(page, "", "Delete all")
    expect(conversations(page)).to_contain_text("No conversations yet")
    bring(page, file)
    expect(conversations(page).get_by_role("link")).to_have_text(["Two", "One"])
    visitor.notices.get_by_role("button", name="Undo").last.click()
    expect(conversations(page)).to_contain_text("No conversations yet")


def file_of(*messages: object, name: str = "theirs.json", **fields: object) -> FilePayload:
    conversation = {"title": HOSTILE, "model": HOSTILE, "messages": messages, **fields}
    content = {"format": "tollkeeper.conversations", "version": 1, "conversations": [conversation]}
    return {"name": name, "mimeType": "application/json", "buffer": json.dumps(content).encode()}


def test_a_file_of_somebody_elses_is_text_or_refused(visitor: Visitor) -> None:
    visitor.arrive("/chat")
    page = visitor.page
    image = {"role": "user", "text": "x", "images": ["https://evil.example/beacon.png"]}
    bring(page, file_of(image))
    expect(visitor.notices).to_contain_text("has more than 4 images, or one that is no PNG, JPEG, WebP or GIF.")
    bring(page, {"name": "other.json", "mimeType": "application/json", "buffer": b"<script>window.broken=1</script>"})
    expect(visitor.notices).to_contain_text("This is no JSON file.")
    bring(page, {"name": "other.md", "mimeType": "text/markdown", "buffer": b"# A list\n\n- eggs\n"})
    expect(visitor.notices).to_contain_text("This file holds no conversation")
    expect(conversations(page)).to_contain_text("No conversations yet")
    answer = {
        "role": "assistant",
        "model": HOSTILE,
        "text": f"{HOSTILE}\n\n[scripted](javascript:window.broken=1) ![remote](https://evil.example/beacon.png)",
        "thought": HOSTILE,
        "state": "cut",
        "requestId": "../../auth/logout",
        "failure": {"message": HOSTILE, "code": HOSTILE, "retryAt": 1e300},
        "figures": {"promptTokens": 1, "completionTokens": 1e300, "totalMs": 1, "costUsd": HOSTILE},
    }
    bring(
        page,
        file_of(
            {"role": "user", "text": HOSTILE},
            answer,
            changedAt=1e300,
            settings={"system": HOSTILE, "temperature": 1e300},
        ),
    )
    expect(log(page)).to_have_count(2)
    expect(log(page).first).to_contain_text(HOSTILE)
    expect(log(page).last).to_contain_text(HOSTILE)
    unharmed(page)
    (link,) = log(page).get_by_role("link").all()
    assert link.get_attribute("href") == "https://evil.example/beacon.png"
    page.reload()
    expect(log(page).last).to_contain_text(HOSTILE)
    unharmed(page)


@pytest.fixture(scope="module")
def upstream() -> Iterator[ScriptedUpstream]:
    with scripted_upstream("tiny:latest") as up:
        yield up


@pytest.fixture(scope="module")
def scripted(upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("scripted"), upstream.url) as running:
        furnish(running)
        running.admin("POST", "/admin/users", {"user_id": "alice", "password": PASSWORD})
        yield running


@pytest.fixture
def alice(scripted: Served, window: NewWindow) -> Visitor:
    return Visitor(scripted, window(at=scripted.url, reduced_motion="reduce"), "alice", "")


def test_code_formulas_and_tables(alice: Visitor, upstream: ScriptedUpstream) -> None:
    pieces = [RICH[at : at + 9] for at in range(0, len(RICH), 9)]
    upstream.answer(streamed(*sse(*chat_chunks(pieces, include_usage=True))))
    alice.arrive("/chat")
    page = alice.page
    fetched: list[str] = []
    page.on("request", lambda request: fetched.append(request.url))
    assert not page.evaluate(
        "performance.getEntriesByType('resource').some(one => /KaTeX|highlight|Formula/.test(one.name))"
    )
    answer = ask(page, "Show me everything")
    expect(answer).to_contain_text("The end.")
    # Colours, and the same text.
    code = answer.get_by_role("group", name="Code")
    expect(code.locator(".hljs-keyword").first).to_have_text("def")
    expect(code).to_contain_text("return sorted(first + second)  # a comment", use_inner_text=True)
    # Five that can be drawn and are, by KaTeX's own fonts; one that is no formula is shown as it was written.
    expect(answer.locator(".katex-html")).to_have_count(5)
    expect(answer.get_by_role("group", name="Formula")).to_have_count(2)
    expect(answer.locator("code").filter(has_text=r"\notacommand{x}")).to_be_visible()
    expect(answer).to_contain_text("prices of $5 and $10")
    assert page.evaluate(
        "document.fonts.ready.then(all => [...all].some(one => /KaTeX/.test(one.family) && one.status === 'loaded'))"
    )
    assert [url for url in fetched if "highlight" in url]
    assert answer.locator("a[href*=javascript], img").count() == 0
    unharmed(page)
    for width in (1440, 360):
        for scheme in ("light", "dark"):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme)
            expect(page.locator("html")).to_have_attribute("data-mantine-color-scheme", scheme)
            settle(page)
            assert too_wide(page) is None
            assert violations(page) == []
    # At 360 px the table is wider than its place, and is moved by itself; no word of it is broken.
    table = answer.get_by_role("group", name="Table")
    wide, room = table.evaluate("one => [one.scrollWidth, one.clientWidth]")
    assert wide > room
    table.evaluate("one => { one.scrollLeft = 50 }")
    assert table.evaluate("one => one.scrollLeft") == 50
    lines = """one => {
        const range = document.createRange();
        range.selectNodeContents(one);
        return range.getClientRects().length;
    }"""
    assert table.get_by_role("columnheader", name="Concurrency").evaluate(lines) == 1


def test_code_is_copied(alice: Visitor, upstream: ScriptedUpstream) -> None:
    upstream.answer(streamed(*sse(*chat_chunks(["```sh\nls -l\n", "pwd\n```"], include_usage=True))))
    alice.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    alice.arrive("/chat")
    answer = ask(alice.page, "How?")
    expect(answer).to_contain_text("first token")
    answer.get_by_role("button", name="Copy the code").click()
    expect(answer.get_by_role("button", name="Copied")).to_be_visible()
    assert alice.page.evaluate("navigator.clipboard.readText()") == "ls -l\npwd"


def test_without_a_model_the_box_says_so_and_enter_explains(
    upstream: ScriptedUpstream, tmp_path: Path, window: NewWindow, faults: list[str]
) -> None:
    with served(tmp_path, "http://127.0.0.1:9") as gateway:
        gateway.admin("POST", "/admin/users", {"user_id": "alice", "password": PASSWORD})
        alice = Visitor(gateway, window(at=gateway.url), "alice", "")
        alice.arrive("/chat")
        page = alice.page
        reason = page.get_by_text("No model can be used right now")
        expect(reason).to_be_visible()
        expect(page.locator(".mantine-Skeleton-root")).to_have_count(0)
        box = page.get_by_label("Message", exact=True)
        box.fill("Anybody there?")
        box.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("Not sent. No model can be used right now")
        expect(box).to_have_value("Anybody there?")
        for width in (1440, 360):
            page.set_viewport_size({"width": width, "height": 900})
            assert too_wide(page) is None
            assert violations(page) == []
        # One that comes back is found, by hand or by itself.
        gateway.admin("POST", "/admin/upstreams", {"id": "other", "kind": "ollama", "base_url": upstream.url})
        expect(reason).to_have_count(0)
        upstream.answer(streamed(*sse(*chat_chunks(["Here."], include_usage=True))))
        box.press("Enter")
        expect(log(page).last).to_contain_text("Here.")
        alice.leave()


def test_menus_and_the_editor_are_usable_by_everyone(visitor: Visitor) -> None:
    visitor.arrive("/chat")
    page = visitor.page
    page.emulate_media(reduced_motion="reduce")
    with_figures(ask(page, "What is the longest word of the English language, and who was it that used it first?"))
    for width in (1440, 360):
        page.set_viewport_size({"width": width, "height": 900})
        if width == 360:
            page.get_by_role("button", name="Conversations").click()
        for menu in ("Import, export, delete", "Options"):
            page.get_by_role("button", name=menu).last.click()
            expect(page.get_by_role("menu")).to_be_visible()
            assert violations(page) == [], (width, menu)
            assert too_wide(page) is None, (width, menu)
            page.keyboard.press("Escape")
            expect(page.get_by_role("menu")).to_be_hidden()
        if width == 360:
            page.keyboard.press("Escape")
            expect(page.get_by_role("dialog")).to_be_hidden()
        log(page).first.hover()
        page.get_by_role("button", name="Edit the question").click()
        expect(page.get_by_label("Question", exact=True)).to_be_focused()
        assert violations(page) == [], width
        assert too_wide(page) is None, width
        page.keyboard.press("Escape")
        expect(page.get_by_role("button", name="Edit the question")).to_be_focused()


def test_a_refusal_with_something_left_says_how_much(visitor: Visitor, faults: list[str]) -> None:
    visitor.call()
    (record,) = visitor.records(1)
    used = record["prompt_tokens"] + record["completion_tokens"]
    visitor.limit(tokens_per_day=1)
    visitor.arrive("/chat")
    page = visitor.page
    refusal = ask(page, "Hello")
    expect(refusal).to_contain_text("This does not fit into your limit: tokens per day")
    needed = int(re.search(r"may use up to (\d+) tokens, and the limit is 1\.", refusal.inner_text())[1])  # type: ignore[index]
    # With as much as it needs, and what was used before in the way of that.
    visitor.limit(tokens_per_day=needed + 10)
    left = needed + 10 - used
    assert 0 < left < needed
    refusal.get_by_role("button", name="Try again").click()
    expect(refusal).to_contain_text("Too little is left of your limit: tokens per day")
    expect(refusal).to_contain_text(f"It may use up to {needed} tokens, and {left} of {needed + 10} are left.")
    expect(refusal).to_contain_text(f"{left} left")  # as the meter says
    expect(refusal).not_to_contain_text("used up")
    visitor.limit(tokens_per_day=needed + used)
    refusal.get_by_role("button", name="Try again").click()
    expect(refusal).to_contain_text("at the token limit")  # which the budget lowered
    forgive(faults, "status of 429")
    faults[:] = [fault for fault in faults if "status of 400" not in fault]
