"""Every page and what opens over it with the longest names there are, as narrow as a telephone and as wide as a desk:
nothing lies over anything else, nothing is cut without a way to read the whole, and no page moves sideways."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.pages.conftest import NewWindow
from tests.pages.layout import faults_of
from tests.pages.long_names import MEMBERS, MODEL, NAME, TEAM, UPSTREAM, USER, LongNamed, long_named
from tests.pages.test_every_page import WIDTHS, settle, too_wide, violations
from tests.pages.visitor import ADMIN, ADMIN_PASSWORD, PASSWORD, Visitor

ONE_MODEL = quote(MODEL, safe="")
Arrive = Callable[[str, int], Visitor]

# The page, then what is clicked on one after the other: buttons and options by their names.
OPENED = [
    ("/admin", "Custom"),
    ("/admin/users", "New user"),
    ("/admin/users", "Limits of new users"),
    (f"/admin/users/{USER}", f"More to do with {USER}"),
    (f"/admin/users/{USER}", "Edit limits"),
    (f"/admin/users/{USER}", "Add credit"),
    (f"/admin/users/{USER}", "New key"),
    (f"/admin/users/{USER}", f"Account of {NAME}"),
    (f"/admin/teams/{TEAM}", f"More to do with {TEAM}"),
    ("/admin/teams", "New team"),
    ("/admin/calls", "Custom"),
    ("/admin/models", "Pull a model"),
    ("/admin/models", "Add an alias"),
    ("/admin/upstreams", "Add upstream"),
    ("/admin/billing", "Add a price"),
    ("/admin/webhooks", "New webhook"),
]


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LongNamed]:
    with long_named(tmp_path_factory.mktemp("named")) as gateway:
        yield gateway


@pytest.fixture
def arrive(named: LongNamed, window: NewWindow) -> Arrive:
    """`arrive("/home", 360)` is the user at a page, or the admin at one of theirs, in a window so wide."""

    def at(path: str, width: int) -> Visitor:
        page = window(at=named.gateway.url, reduced_motion="reduce", viewport={"width": width, "height": 900})
        admin = path.startswith("/admin")
        who, password = (ADMIN, ADMIN_PASSWORD) if admin else (USER, PASSWORD)
        visitor = Visitor(named.gateway, page, who, "", password)
        visitor.arrive(path)
        return visitor

    return at


def look(page: Page, name: str, wrong: list[str]) -> None:
    """Note what is wrong with what is open, at every width; it is opened once."""
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        settle(page)
        if (told := too_wide(page)) is not None:
            wrong.append(f"{name} at {width} px is wider than its window: {told}")
        wrong += [f"{name} at {width} px: {fault}" for fault in dict.fromkeys(faults_of(page))]


def test_pages_of_an_admin(named: LongNamed, arrive: Arrive) -> None:
    wrong: list[str] = []
    admin = arrive("/admin", WIDTHS[0])
    for path in [
        "/admin",
        "/admin/users",
        f"/admin/users/{USER}",
        "/admin/teams",
        f"/admin/teams/{TEAM}",
        "/admin/calls",
        f"/admin/calls?user={USER}&model={ONE_MODEL}&team={TEAM}",
        "/admin/usage",
        f"/admin/usage?group_by=key,model&user={USER}&team={TEAM}",
        f"/admin/usage?group_by=user,upstream&model={ONE_MODEL}",
        f"/admin/calls/{named.call}",
        "/admin/models",
        f"/admin/models/{ONE_MODEL}",
        "/admin/upstreams",
        f"/admin/upstreams/{UPSTREAM}",
        "/admin/billing",
        f"/admin/billing/{ONE_MODEL}",
        f"/admin/billing/months/{named.month}",
        "/admin/billing/invoices",
        f"/admin/billing/invoices/{named.invoice}",
        "/admin/alerts",
        "/admin/webhooks",
        "/admin/audit",
        "/admin/no-such-page",
    ]:
        admin.open(path)
        look(admin.page, path, wrong)
    assert wrong == [], "\n".join(wrong)


def test_pages_of_a_user(named: LongNamed, arrive: Arrive) -> None:
    wrong: list[str] = []
    user = arrive("/home", WIDTHS[0])
    for path in [
        "/home",
        "/usage",
        "/usage?group_by=key,model",
        "/calls",
        f"/calls/{named.call}",
        "/keys",
        "/invoices",
        f"/invoices/{named.invoice}",
        "/team",
        "/chat",
    ]:
        user.open(path)
        look(user.page, path, wrong)
    assert wrong == [], "\n".join(wrong)


def test_what_opens_over_a_page(arrive: Arrive) -> None:
    wrong: list[str] = []
    admin = arrive("/admin", WIDTHS[0])
    page = admin.page
    opened = page.get_by_role("dialog").or_(page.get_by_role("menu"))
    for path, *names in OPENED:
        # Opened where there is least room for it.
        page.set_viewport_size({"width": min(WIDTHS), "height": 900})
        admin.open(path)
        settle(page)
        for name in names:
            button = page.get_by_role("button", name=name, exact=True)
            button.or_(page.get_by_role("radiogroup").get_by_text(name, exact=True)).first.click()
        expect(opened).to_be_visible()
        look(page, f"{path}, {names}", wrong)
        expect(opened).to_be_visible()
    assert wrong == [], "\n".join(wrong)


@pytest.mark.parametrize("width", WIDTHS)
def test_suspending_is_within_reach(arrive: Arrive, width: int) -> None:
    page = arrive("/admin/users", width).page
    # Tried as a click is: scrolled to, in sight, and under nothing else.
    for number in (0, MEMBERS - 2):
        page.get_by_role("button", name=f"Suspend {number:02}.{USER}"[:72]).click(trial=True)
    page.goto(page.url + f"/{USER}")
    page.get_by_role("button", name="Suspend", exact=True).click(trial=True)


def test_a_name_that_is_cut_is_told_whole_on_hover_and_on_focus(arrive: Arrive) -> None:
    page = arrive("/admin/users", 820).page
    tip = page.get_by_role("tooltip")
    row = page.get_by_role("row").filter(has_text="03.").get_by_role("link")
    member = f"03.{USER}"[:64]
    row.hover()
    expect(tip).to_have_text(f"{member}, {NAME}")
    page.mouse.move(0, 0)
    expect(tip).to_have_count(0)
    # By keys, the link tells it.
    page.get_by_role("row").filter(has_text="04.").get_by_role("link").focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    expect(tip).to_have_text(re.compile(re.escape(NAME)))
    # A name that is no link is reached by itself.
    page.goto(page.url.replace("/users", "/models"))
    alias = page.get_by_role("table", name="Aliases").locator("[data-cut=true]").first
    alias.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    expect(alias).to_be_focused()
    expect(tip).to_have_text(re.compile("^alias.0.of.registry.example.com/.*with-many$"))


def test_a_name_that_fits_takes_no_stop_of_the_keyboard(arrive: Arrive) -> None:
    page = arrive("/admin/upstreams", 1440).page
    fitting = page.get_by_role("row").filter(has_text="default").locator("[data-cut]").first
    expect(fitting).to_have_attribute("data-cut", "false")
    fitting.hover()
    expect(page.get_by_role("tooltip")).to_have_count(0)
    expect(page.locator("[data-cut=false][tabindex]")).to_have_count(0)


def test_webhooks_are_marked_in_the_rail(arrive: Arrive) -> None:
    for width in (1440, 360):
        admin = arrive("/admin/webhooks", width)
        entry = admin.rail.get_by_role("link", name="Alerts")
        expect(entry).to_have_attribute("aria-current", "true")
        expect(entry).to_be_in_viewport()
        admin.open("/admin/users")
        expect(entry).not_to_have_attribute("aria-current", re.compile("."))


@pytest.mark.parametrize("width", [1440, 820, 360])
def test_the_api_is_one_click_or_two_away(arrive: Arrive, width: int) -> None:
    user = arrive("/home", width)
    page = user.page
    if width < 900:
        expect(user.rail.get_by_role("link", name="API")).to_be_hidden()
        page.get_by_role("button", name=re.compile("^Account of")).click()
        page.get_by_role("menuitem", name="API").click()
    else:
        user.rail.get_by_role("link", name="API").click()
    expect(page).to_have_url(re.compile("/docs$"))


@pytest.mark.parametrize("width", WIDTHS)
def test_an_invoice_to_print_has_room_on_a_screen(named: LongNamed, arrive: Arrive, width: int) -> None:
    page = arrive("/invoices", width).page
    page.goto(f"{named.gateway.url}/me/invoices/{named.invoice}.html")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert faults_of(page) == []


def test_nothing_is_complained_of_before_anybody_is_signed_in(named: LongNamed, window: NewWindow) -> None:
    page = window(at=named.gateway.url)
    said: list[str] = []
    page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
    for path in ("/ui/login", "/ui/", "/ui/home", "/ui/admin/users"):
        page.goto(path)
        expect(page.get_by_role("button", name="Sign in")).to_be_visible()
        page.wait_for_load_state("networkidle")
    assert said == []


def test_a_price_is_added_without_anything_in_the_way(named: LongNamed, arrive: Arrive) -> None:
    page = arrive("/admin/billing", 360).page
    page.get_by_role("button", name="Add a price").click()
    dialog = page.get_by_role("dialog", name="Add a price")
    model = dialog.get_by_role("combobox", name="Model or pattern")
    expect(model).to_be_focused()
    # Nothing is suggested before anything is typed.
    expect(page.get_by_role("listbox")).to_have_count(0)
    model.press_sequentially("registry")
    suggested = page.get_by_role("listbox")
    expect(suggested).to_be_visible()
    assert violations(page) == []
    page.keyboard.press("Tab")
    expect(suggested).to_be_hidden()
    expect(dialog.get_by_label("Input", exact=True)).to_be_focused()
    model.press_sequentially("/")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


ROOM = """row => {
    const { top, bottom } = row.getBoundingClientRect();
    const words = [...row.querySelectorAll("*")].filter(one => one.childElementCount === 0 && one.textContent !== "");
    const boxes = words.filter(one => one.checkVisibility()).map(one => one.getBoundingClientRect());
    return Math.min(...boxes.flatMap(box => [box.top - top, bottom - box.bottom]));
}"""


@pytest.mark.parametrize("width", WIDTHS)
def test_what_is_wrong_with_an_upstream_has_room_above_and_below(arrive: Arrive, width: int) -> None:
    admin = arrive("/admin", width)
    main = admin.page.get_by_role("main")
    for path, rows in (("/admin", main.get_by_role("listitem")), ("/admin/upstreams", main.get_by_role("row"))):
        admin.open(path)
        down = rows.filter(has_text="attic").filter(has_text="down")
        expect(down).to_be_visible()
        settle(admin.page)
        assert down.evaluate(ROOM) >= 6, path


@pytest.mark.parametrize("width", WIDTHS)
def test_a_limit_that_blocks_keeps_clear_of_its_name(arrive: Arrive, width: int) -> None:
    page = arrive(f"/admin/users?q={quote(f'00.{USER}'[:64])}", width).page
    blocked = page.get_by_role("table", name="Users").get_by_text("blocked", exact=True)
    expect(blocked).to_be_visible()
    gap: float = blocked.evaluate(
        """one => {
            const range = new Range();
            range.selectNodeContents(one);
            const after = [...one.parentElement.children].slice([...one.parentElement.children].indexOf(one) + 1);
            const next = after.find(other => other.checkVisibility());
            return next.getBoundingClientRect().left - range.getBoundingClientRect().right;
        }"""
    )
    assert gap >= 4


def test_heads_that_sort_stand_on_lines_of_one_height_on_a_telephone(arrive: Arrive) -> None:
    page = arrive("/admin/users", 360).page
    heads = page.get_by_role("table", name="Users").locator('th[data-sorts="true"] button')
    expect(heads.first).to_be_visible()
    lines: list[list[float]] = heads.evaluate_all(
        "all => all.map(one => one.getBoundingClientRect()).map(({ top, height }) => [top, height])"
    )
    assert len(lines) > 3
    assert len({height for _, height in lines}) == 1
    # No head is between two lines.
    tops = sorted({top for top, _ in lines})
    assert all(after - before >= lines[0][1] for before, after in itertools.pairwise(tops))


def test_no_figure_is_told_twice_on_a_users_page(arrive: Arrive) -> None:
    page = arrive(f"/admin/users/{USER}", 1440).page
    settle(page)
    named = page.locator("main dl > div > dt").all_inner_texts()
    assert len(named) > 3
    assert len(named) == len(set(named)), named


@pytest.mark.parametrize("width", [360, 480, 820])
def test_the_head_of_a_narrow_window_is_one_line_and_hides_nothing(arrive: Arrive, width: int) -> None:
    user = arrive("/chat", width)
    page = user.page
    head = page.locator("header").filter(has=user.rail)
    assert len(set(tops(head.get_by_text("Tollkeeper").or_(head.get_by_role("button"))))) == 1
    # What is written in stands above the bar at the bottom.
    send = page.get_by_role("button", name="Send").bounding_box()
    bar = user.rail.bounding_box()
    assert send is not None
    assert bar is not None
    assert send["y"] + send["height"] <= bar["y"]


def tops(parts: Locator) -> list[int]:
    """Where the middles of these are, from the top, to ten pixels or so."""
    middles: list[float] = parts.evaluate_all(
        "all => all.map(one => one.getBoundingClientRect()).map(({ top, height }) => top + height / 2)"
    )
    return [round(middle / 16) for middle in middles]


def test_what_is_chosen_and_what_is_done_stand_beside_the_name(arrive: Arrive) -> None:
    page = arrive("/admin/users", 360).page
    row = page.get_by_role("table", name="Users").get_by_role("row").filter(has_text="03.")
    gap: float = row.evaluate(
        """row => {
            const [box, name] = row.querySelectorAll("td");
            return name.getBoundingClientRect().left - box.querySelector("input").getBoundingClientRect().right;
        }"""
    )
    assert 0 <= gap <= 24


@pytest.mark.parametrize("path", ["/team", f"/admin/teams/{TEAM}"])
def test_what_limits_members_is_within_reach_and_told_in_figures(arrive: Arrive, path: str) -> None:
    page = arrive(path, 820).page
    members = page.get_by_role("table", name="Members")
    row = members.get_by_role("row").filter(has_text="00.")
    expect(row).to_contain_text("blocked")
    button = row.get_by_role("button", name="Edit the limits of")
    right = button.evaluate("one => one.getBoundingClientRect().right")
    assert right <= members.locator("..").evaluate("one => one.getBoundingClientRect().right")


def test_bars_of_limits_side_by_side_are_in_line(arrive: Arrive) -> None:
    page = arrive(f"/admin/users/{USER}", 1440).page
    settle(page)
    bars = page.get_by_role("region", name="Limits", exact=True).get_by_role("meter")
    lines: list[float] = bars.evaluate_all("all => all.map(one => one.getBoundingClientRect().top)")
    assert len(lines) > 4
    # Four to a line, of which one has a name of two lines.
    assert len(set(lines)) == -(-len(lines) // 4)


def test_the_button_that_copies_a_command_lies_over_no_text(named: LongNamed, arrive: Arrive) -> None:
    page = arrive(f"/admin/calls/{named.call}", 360).page
    command = page.get_by_label("A request like this one")
    expect(command).to_be_visible()
    settle(page)
    gap: float = command.evaluate(
        """code => {
            const range = new Range();
            range.selectNodeContents(code);
            const button = code.parentElement.querySelector("button");
            return range.getBoundingClientRect().top - button.getBoundingClientRect().bottom;
        }"""
    )
    assert gap >= 0
