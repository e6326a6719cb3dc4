"""What keeps others out of a signed-in browser: the page's policy, the CSRF header, and the gateway's own origin."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from playwright.sync_api import expect

from tests.pages.conftest import NewWindow, forgive
from tests.pages.visitor import Visitor


@contextmanager
def stranger(pages: dict[str, str]) -> Iterator[tuple[str, list[str]]]:
    """A site of somebody else's on this machine: to browsers it is the same site, only its port is another. Its URL,
    and the paths that were asked of it."""
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.path)
            content = pages.get(self.path, "").encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
            """Nothing: it would stand between the tests."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", seen
        server.shutdown()
        serving.join()


SEND = """([method, path, headers, body]) => fetch(path, {method, headers, body})
    .then(async answer => [answer.status, await answer.text()])"""
ASK = '{"model": "tiny", "messages": [{"role": "user", "content": "Hi"}]}'
CHANGES: list[tuple[str, str, str | None]] = [
    ("POST", "/me/keys", "{}"),
    ("POST", "/auth/logout", None),
    ("POST", "/auth/password", "{}"),
    ("POST", "/v1/chat/completions", ASK),
    ("POST", "/chat/completions", ASK),
]


def test_nothing_is_changed_without_the_header_that_only_our_pages_know(visitor: Visitor, faults: list[str]) -> None:
    visitor.arrive("/home")
    plain = {"content-type": "application/json"}
    token = visitor.page.evaluate("fetch('/auth/session').then(answer => answer.json())")["csrf_token"]
    for method, path, body in CHANGES:
        for headers in (plain, {**plain, "x-csrf-token": "A" * len(token)}):
            status, text = visitor.page.evaluate(SEND, [method, path, headers, body])
            assert status == 403, path
            assert "x-csrf-token" in text, path
    status, _ = visitor.page.evaluate(SEND, ["POST", "/me/keys", {**plain, "x-csrf-token": token}, "{}"])
    assert status == 201
    assert len(visitor.gateway.ask(visitor.key, "GET", "/me/keys")["data"]) == 2
    visitor.records(0)
    forgive(faults, "status of 403")


def attack(gateway: str) -> str:
    """A page that tries what browsers let pages try, by everything that sends cookies along."""
    return f"""<!doctype html><title>A stranger's page</title>
    <iframe id="framed" src="{gateway}/ui/home"></iframe>
    <iframe name="sink" id="sink"></iframe>
    <form id="form" method="post" action="{gateway}/me/keys" target="sink" enctype="text/plain">
      <input name='{{"name":"' value='stolen"}}'></form>
    <form id="logout" method="post" action="{gateway}/auth/logout" target="sink"></form>
    <script>
      const tries = [
        ["GET", "/me"], ["GET", "/v1/usage"], ["GET", "/auth/session"], ["GET", "/v1/models"],
        ["POST", "/me/keys", "{{}}"], ["POST", "/auth/logout"], ["POST", "/auth/logout-all"],
        ["POST", "/v1/chat/completions", {ASK!r}], ["DELETE", "/me/keys/x"],
      ];
      const read = [];
      const one = ([method, path, body]) => Promise.all(["cors", "no-cors"].map(mode =>
        fetch("{gateway}" + path, {{method, body, mode, credentials: "include"}})
          .then(answer => answer.text()).then(text => text && read.push(path + text), () => {{}})));
      const feed = new EventSource("{gateway}/admin/live", {{withCredentials: true}});
      feed.onmessage = event => read.push(event.data);
      Promise.all(tries.map(one)).then(() => {{
        document.getElementById("form").submit();
        document.getElementById("sink").onload = () => {{
          document.getElementById("logout").submit();
          document.getElementById("sink").onload = () => {{ window.read = read; document.title = "done"; }};
        }};
      }});
    </script>"""


def test_a_page_of_another_origin_gets_and_changes_nothing(visitor: Visitor, faults: list[str]) -> None:
    visitor.arrive("/home")
    page, gateway = visitor.page, visitor.gateway
    before = page.context.cookies()
    statuses: list[tuple[str, str, int]] = []
    page.on(
        "response",
        lambda answer: statuses.append((answer.request.method, answer.url.removeprefix(gateway.url), answer.status)),
    )
    with stranger({"/": attack(gateway.url)}) as (site, _):
        page.goto(site)
        expect(page).to_have_title("done")
        assert page.evaluate("window.read") == []
        # The policy does not let a stranger show our pages in a frame of theirs.
        assert page.frames[1].url != f"{gateway.url}/ui/home"
    reached = [(method, path, status) for method, path, status in statuses if path.startswith("/")]
    # What is only read may be answered, but not to be looked into: `read` is empty.
    assert [one for one in reached if one[0] != "GET" and one[2] != 403] == []
    assert {"/v1/models", "/me/keys", "/auth/logout", "/v1/chat/completions"} <= {path for _, path, _ in reached}
    assert page.context.cookies() == before
    assert len(gateway.ask(visitor.key, "GET", "/me/keys")["data"]) == 1
    visitor.records(0)
    page.goto("about:blank")  # of what that page still waits for nothing is told later
    faults.clear()
    visitor.open("/home")


def test_the_policy_lets_in_nothing_unsafe(visitor: Visitor) -> None:
    for path in ("/ui/login", "/ui/home", "/ui/admin/users", "/ui/no/such/page"):
        answer = visitor.page.request.get(visitor.gateway.url + path)
        policy = answer.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        assert "*" not in policy
        assert "http" not in policy


INJECT = """url => {
    const add = (tag, set) => {
        const element = document.createElement(tag);
        set(element);
        document.body.append(element);
    };
    add("script", script => { script.textContent = "window.broken = 'inline script'"; });
    add("script", script => { script.src = url + "/evil.js"; });
    add("script", script => { script.src = "data:text/javascript,window.broken='data'"; });
    add("style", style => { style.textContent = "body { opacity: 0.5 !important }"; });
    add("link", link => { link.rel = "stylesheet"; link.href = url + "/evil.css"; });
    add("div", div => { div.innerHTML = "<img src='/none.png' onerror='window.broken = 1' alt=''>"; });
    add("div", div => { div.innerHTML = "<b onclick='window.broken = 2'>x</b>"; div.firstChild.click(); });
    add("img", img => { img.src = url + "/beacon.png"; });
    add("iframe", frame => { frame.src = url + "/frame"; });
    add("iframe", frame => { frame.src = "javascript:window.parent.broken = 3"; });
    add("form", form => { form.action = url + "/form"; form.method = "get"; form.submit(); });
    document.body.setAttribute("style", "opacity: 0.4");
    const late = new Promise(done => setTimeout(done, 0));
    return Promise.all([
        late,
        fetch(url + "/fetch").then(() => { window.broken = 4; }, () => {}),
        navigator.sendBeacon(url + "/beacon"),
    ]);
}"""


def test_what_is_injected_into_a_page_does_not_run_and_reaches_nobody(visitor: Visitor, faults: list[str]) -> None:
    visitor.arrive("/home")
    with stranger({"/evil.js": "window.broken = 'from afar'"}) as (site, seen):
        # The image of our own origin is asked for, and not there: the last that the browser tells about.
        with visitor.page.expect_console_message(lambda message: "none.png" in message.location.get("url", "")):
            visitor.page.evaluate(INJECT, site)
        expect(visitor.page.locator("img[src='/none.png']")).to_have_count(1)
        assert visitor.page.evaluate("window.broken") is None
        assert visitor.page.evaluate("getComputedStyle(document.body).opacity") == "1"
        assert visitor.page.url == f"{visitor.gateway.url}/ui/home"
        assert seen == []
    visitor.page.goto("about:blank")  # of what the page still waits for nothing is told later
    forgive(faults, "Content Security Policy")
    faults.clear()


def test_pages_are_not_shown_in_frames_and_tell_nobody_where_they_are(visitor: Visitor, window: NewWindow) -> None:
    headers = window().request.get(f"{visitor.gateway.url}/ui/login").headers
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["referrer-policy"] in ("no-referrer", "same-origin")
    assert headers["x-content-type-options"] == "nosniff"
