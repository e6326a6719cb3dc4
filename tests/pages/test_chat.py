"""The chat: answers that stream, what they cost, how they end, and where conversations are kept."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.ollama.rig import Ollama
from tests.ollama.tiny_models import ANSWER_TOKENS, IMAGE_TOKENS, SENTENCE
from tests.pages.conftest import forgive, watch
from tests.pages.visitor import Visitor
from tests.sdk.pictures import red


def ask(page: Page, text: str, model: str = "tiny:latest") -> Locator:
    """In the open conversation; gives its newest answer."""
    picker = page.get_by_role("combobox", name="Model", exact=True)
    if picker.input_value() != model:
        picker.click()
        page.get_by_role("option", name=model).click()
    page.get_by_label("Message", exact=True).fill(text)
    page.get_by_label("Message", exact=True).press("Enter")
    return page.get_by_role("log").get_by_role("article").last


def test_an_answer_with_what_it_took(visitor: Visitor) -> None:
    visitor.arrive("/chat")
    answer = ask(visitor.page, "What are you?")
    expect(answer).to_contain_text(SENTENCE)
    expect(answer).to_contain_text("first token")
    (record,) = visitor.records(1)
    assert record["completion_tokens"] == ANSWER_TOKENS
    assert record["key_id"] is None
    foot = f"tiny:latest{record['prompt_tokens']} in, {ANSWER_TOKENS} out"
    expect(answer).to_contain_text(foot)
    expect(answer).to_contain_text("$" + record["cost_usd"].rstrip("0"))
    expect(answer).to_contain_text("total")


def test_text_comes_before_the_end_and_stop_stops_the_model(
    visitor: Visitor, ollama: Ollama, faults: list[str]
) -> None:
    visitor.arrive("/chat")
    ended = ollama.ended("/v1/chat/completions")
    answer = ask(visitor.page, "Tell me everything", "tiny-loop:latest")
    stop = visitor.page.get_by_role("button", name="Stop")
    expect(answer).to_contain_text("Hello, this is a tiny model")
    seen = len(answer.inner_text())
    visitor.page.wait_for_function(
        "seen => [...document.querySelectorAll('[role=log] article')].at(-1).innerText.length > seen + 40", arg=seen
    )
    expect(stop).to_be_visible()
    stop.click()
    expect(answer).to_contain_text("stopped")
    expect(visitor.page.get_by_role("button", name="Send")).to_be_visible()
    (record,) = visitor.records(1)
    assert record["status"] == "cancelled"
    assert record["completion_tokens"] > 0
    expect(answer).to_contain_text("$" + record["cost_usd"].rstrip("0"))
    assert ollama.ended("/v1/chat/completions") == ended + 1
    # The record of what was stopped comes a moment later; the page asks until it is there.
    faults[:] = [fault for fault in faults if not ("status of 404" in fault and "/v1/usage/req_" in fault)]


def test_an_image_goes_to_the_model_that_sees(visitor: Visitor) -> None:
    visitor.arrive("/chat")
    page = visitor.page
    expect(ask(page, "Hi", "tiny-vision:latest")).to_contain_text("first token")
    (without,) = visitor.records(1)
    page.get_by_role("button", name="New conversation").or_(page.get_by_role("link", name="New conversation")).click()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Attach an image").click()
    chooser.value.set_files({"name": "red.png", "mimeType": "image/png", "buffer": red("PNG")})
    expect(page.get_by_role("img", name="Attached, 1 of 1")).to_be_visible()
    answer = ask(page, "Hi", "tiny-vision:latest")
    expect(page.get_by_role("img", name="Sent with the question, 1 of 1")).to_be_visible()
    expect(answer).to_contain_text("first token")
    with_image, _ = visitor.records(2)
    assert with_image["status"] == "completed"
    assert with_image["prompt_tokens"] >= without["prompt_tokens"] + IMAGE_TOKENS
    # A model that sees nothing is not offered one.
    page.get_by_role("combobox", name="Model", exact=True).click()
    page.get_by_role("option", name="tiny:latest").click()
    expect(page.get_by_role("note")).to_contain_text("takes no images: those above are left out.")
    expect(page.get_by_role("button", name="Attach an image")).to_be_hidden()


def test_a_limit_is_told_in_words_with_its_meter_and_when_it_resets(visitor: Visitor, faults: list[str]) -> None:
    visitor.limit(requests_per_hour=1)
    visitor.arrive("/chat")
    page = visitor.page
    expect(ask(page, "Hi")).to_contain_text("first token")
    refusal = ask(page, "And again")
    expect(refusal).to_contain_text("You have reached your limit: requests per hour")
    expect(refusal).to_contain_text(re.compile(r"You can ask again in \d+ min\.|in 1 hr\., on \d"))
    expect(refusal).to_contain_text("Requests per hour")
    expect(refusal).to_contain_text("1 of 1")
    expect(refusal).to_contain_text("0 left")
    expect(refusal).to_contain_text(re.compile("resets in .*(min|hr)"))
    # Once it is lifted, the same question is asked again in a click.
    visitor.limit(requests_per_hour=None)
    refusal.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("log").get_by_role("article").last).to_contain_text(SENTENCE)
    visitor.records(2)
    forgive(faults, "status of 429")


def test_conversations_are_in_this_browser_alone_and_each_user_has_their_own(
    visitor: Visitor, newcomer: Callable[..., Visitor]
) -> None:
    page = visitor.page
    visitor.arrive("/chat")
    expect(ask(page, "My secret question of 1848")).to_contain_text("first token")
    conversation = page.url
    page.reload()
    expect(page.get_by_role("log")).to_contain_text(SENTENCE)
    conversations = page.get_by_role("navigation", name="Conversations")
    expect(conversations).to_contain_text("My secret question of 1848")
    # The gateway keeps nothing of it.
    for file in visitor.gateway.database.parent.glob("tollkeeper.db*"):
        assert b"My secret question of 1848" not in file.read_bytes(), file
    # Somebody else signs in at the same machine.
    other = newcomer(page)
    other.arrive("/chat")
    expect(conversations).to_contain_text("No conversations yet")
    page.goto(conversation)
    expect(page.get_by_role("heading", name="What do you want to know?")).to_be_visible()
    expect(page.get_by_text("My secret question of 1848")).to_have_count(0)
    visitor.arrive("/chat")
    expect(conversations).to_contain_text("My secret question of 1848")


def test_a_conversation_goes_on_with_what_was_said(visitor: Visitor) -> None:
    visitor.arrive("/chat")
    with visitor.page.expect_request("**/v1/chat/completions"):
        expect(ask(visitor.page, "First")).to_contain_text("first token")
    with visitor.page.expect_request("**/v1/chat/completions") as second:
        expect(ask(visitor.page, "Second")).to_contain_text("first token")
    sent: Any = second.value.post_data_json
    said = [(message["role"], message["content"]) for message in sent["messages"]]
    assert said == [("user", "First"), ("assistant", SENTENCE), ("user", "Second")]


def test_a_reload_in_mid_answer_keeps_what_came_and_tells_what_it_cost(visitor: Visitor, faults: list[str]) -> None:
    visitor.arrive("/chat")
    page = visitor.page
    answer = ask(page, "Tell me everything", "tiny-loop:latest")
    page.wait_for_function("() => [...document.querySelectorAll('[role=log] article')].at(-1)?.innerText.length > 200")
    seen = answer.inner_text().splitlines()[0]
    page.reload()
    expect(answer).to_contain_text(seen[:200])
    expect(answer).to_contain_text("The page was closed before the answer ended.")
    (record,) = visitor.records(1)
    assert record["status"] == "cancelled"
    expect(answer).to_contain_text("$" + record["cost_usd"].rstrip("0"))
    expect(answer).to_contain_text(f"{record['prompt_tokens']} in, ")
    kept = answer.inner_text().splitlines()[0]
    assert kept.startswith(seen)
    page.reload()
    expect(answer).to_contain_text("$" + record["cost_usd"].rstrip("0"))
    assert answer.inner_text().splitlines()[0] == kept
    faults[:] = [fault for fault in faults if not ("status of 404" in fault and "/v1/usage/req_" in fault)]


def test_an_answer_that_runs_in_another_tab_is_seen_to_run(visitor: Visitor, faults: list[str]) -> None:
    visitor.arrive("/chat")
    page = visitor.page
    ask(page, "Tell me everything", "tiny-loop:latest")
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    other = page.context.new_page()
    watch(other, visitor.gateway.url, faults)
    other.goto(page.url)
    answer = other.get_by_role("log").get_by_role("article").last
    expect(answer).to_contain_text("Hello, this is a tiny model")
    expect(other.get_by_role("note")).to_contain_text("Another tab of this browser has an answer running")
    expect(other.get_by_role("button", name="Stop")).to_have_count(0)
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("log").get_by_role("article").last).to_contain_text("stopped")
    expect(answer).to_contain_text("stopped")
    expect(other.get_by_role("note")).to_have_count(0)
    visitor.records(1)
    expect(answer).to_contain_text("$")
    other.close()
    faults[:] = [fault for fault in faults if not ("status of 404" in fault and "/v1/usage/req_" in fault)]


def test_an_admin_has_no_chat(admin: Visitor) -> None:
    admin.arrive("/admin")
    expect(admin.rail.get_by_role("link", name="Chat")).to_have_count(0)
    admin.open("/chat")
    admin.is_at("/admin")
