"""The demo, as somebody new tries it: from its start to a streamed answer, and what an admin can do about it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.cli.demo.test_command import running
from tests.pages.conftest import NewWindow, forgive
from tests.pages.test_chat import ask
from tests.pages.test_overview import tile, today
from tests.pages.visitor import Visitor
from tests.process.served import Served
from tollkeeper.cli.demo.samples import CHAT_MODEL, USERS


class Demonstrated(Visitor):
    """A sample user of the demo."""

    def __init__(self, url: str, window: NewWindow, user_id: str) -> None:
        (sample,) = [user for user in USERS if user.user_id == user_id]
        # Asked by its URL alone; the process is the demo's own.
        gateway = Served.__new__(Served)
        gateway.url = url
        super().__init__(gateway, window(at=url), user_id, sample.key, sample.password)


def test_from_the_demo_to_an_answer_and_an_admin_who_steps_in(
    window: NewWindow, faults: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    with running(tmp_path_factory.mktemp("demo")) as demo:
        alice = Demonstrated(demo.url, window, "alice")
        admin = Demonstrated(demo.url, window, "admin")
        for name, lands in (("bob", "/home"), ("charlie", "/home")):
            other = Demonstrated(demo.url, window, name)
            other.sign_in()
            other.is_at(lands)
            other.page.close()

        admin.sign_in()
        admin.is_at("/admin")
        admin.page.evaluate("window.same = true")
        before = today(admin.page)

        alice.sign_in()
        alice.is_at("/home")
        alice.rail.get_by_role("link", name="Chat").click()
        answer = ask(alice.page, "What is a toll?", CHAT_MODEL)
        expect(answer).to_contain_text("first token", timeout=120_000)
        expect(answer).to_contain_text(re.compile(r"\d in, \d+ out.*\$0\.0"), timeout=240_000)

        # The numbers moved, and nothing was loaded anew.
        expect(tile(admin.page, "Requests per second")).to_contain_text(f"{before + 1} today")
        expect(tile(admin.page, "Spend today").locator("dd")).to_contain_text(re.compile(r"<\$0\.01|\$0\.0*[1-9]"))
        expect(admin.page.get_by_role("table", name="Top users")).to_contain_text("alice")
        assert admin.page.evaluate("window.same") is True

        # The admin lowers the limit; the next message is refused in words.
        admin.rail.get_by_role("link", name="Users").click()
        row = admin.page.get_by_role("row").filter(has=admin.page.get_by_role("link", name=re.compile("^alice")))
        row.hover()
        row.get_by_role("button", name=re.compile("^(Edit the limit|Set limits) of alice")).click()
        admin.page.get_by_role("button", name="All limits").click()
        editor = admin.page.get_by_role("dialog", name="Limits of alice")
        editor.get_by_label("Tokens per day", exact=True).fill("10")
        editor.get_by_role("button", name="Save limits").click()
        expect(admin.notices).to_contain_text("alice, tokens per day: 10. In force at the next request.")
        refusal = ask(alice.page, "And who pays it?", CHAT_MODEL)
        expect(refusal).to_contain_text("This does not fit into your limit: tokens per day")
        expect(refusal).to_contain_text(
            re.compile(r"It may use up to [\d,]+ tokens, and the limit is 10\. Ask something shorter")
        )
        expect(refusal).to_contain_text("of 10")

        # It is taken back, and the answer is under way when the admin suspends.
        admin.notices.get_by_role("button", name="Undo").click()
        expect(admin.notices).to_contain_text("Limits of alice are as before.")
        row.hover()
        alice.page.get_by_role("link", name="New conversation").click()
        cut = ask(alice.page, "Write a very long story about a bridge and its keeper.", CHAT_MODEL)
        expect(cut.locator("p").first).to_have_text(re.compile(r"\w+ \w+"), timeout=120_000)
        expect(alice.page.get_by_role("button", name="Stop")).to_be_visible()
        row.get_by_role("button", name="Suspend alice").click()
        expect(cut).to_contain_text("Your access was ended")
        expect(row).to_contain_text("suspended")
        admin.rail.get_by_role("link", name="Overview").click()
        expect(tile(admin.page, "Requests per second")).to_contain_text(f"{before + 2} today")
        assert admin.page.evaluate("window.same") is True
        admin.page.close()
        alice.page.close()
    forgive(faults, "status of 400")
    # Who is suspended is refused whatever else the page asks for; the feed ends with the demo.
    faults[:] = [fault for fault in faults if not re.search(r"status of 40[134]|ERR_", fault)]
