"""E-mails, taken by a real SMTP server."""

from __future__ import annotations

import asyncio
import email
import email.policy
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from msgspec.structs import replace

from tests.services.events.rig import Clock, Receiver, sending
from tests.services.images.rig import CERTIFICATE
from tollkeeper.services.events.mail import Mailer, SmtpServer
from tollkeeper.services.events.post import Outcome
from tollkeeper.store.ports.events import Event

TO = "ops@example.com"
EVENT = Event("evt_1", 1_795_176_000_123, "upstream.down", '{"upstream":"gpu","reason":"it fails its probe"}')
BUDGET = Event("evt_2", 1, "budget.threshold", "{}", "ann", "team_1")


class Mailbox:
    """Takes mail, unless `refusal` says otherwise; `stalls` never answers, and `dies` ends the connection after the
    message."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        self.encrypted: list[bool] = []
        self.hello: list[str] = []
        self.refusal: dict[str, str] = {}
        self.stalls = self.dies = False
        self.port = 0

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if "RCPT" in self.refusal:
            return self.refusal["RCPT"]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.stalls:
            await asyncio.Event().wait()
        if self.dies:
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        if "DATA" in self.refusal:
            return self.refusal["DATA"]
        content = envelope.content
        assert isinstance(content, bytes)
        self.mails.append(email.message_from_bytes(content, policy=email.policy.default))
        self.recipients.append(list(envelope.rcpt_tos))
        self.encrypted.append(session.ssl is not None)
        self.hello.append(str(session.host_name))
        return "250 taken"


@asynccontextmanager
async def smtp(**options: Any) -> AsyncIterator[Mailbox]:
    mailbox = Mailbox()
    wrapped = options.pop("wrapped", None)
    loop = asyncio.get_running_loop()
    listener = await loop.create_server(
        lambda: SMTP(mailbox, hostname="mail.test", loop=loop, **options), "127.0.0.1", 0, ssl=wrapped
    )
    mailbox.port = listener.sockets[0].getsockname()[1]
    try:
        yield mailbox
    finally:
        listener.close()


def certified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


def trusting(*, names: bool = False) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=CERTIFICATE)
    context.check_hostname = names  # the certificate is for a name, and the server is at an address
    return context


def mailer(mailbox: Mailbox, context: ssl.SSLContext | None = None, **fields: Any) -> Mailer:
    server = SmtpServer("127.0.0.1", mailbox.port, "gate@tolls.example", **{"tls": "none", **fields})
    return Mailer(server, [TO], ssl_context=context, silence=0.5)


async def test_a_mail_has_text_and_html_and_says_that_a_machine_wrote_it() -> None:
    async with smtp() as mailbox:
        assert await mailer(mailbox).send(TO, EVENT) == Outcome(250)
    [mail] = mailbox.mails
    assert mailbox.recipients == [[TO]]
    assert (mail["to"], mail["subject"]) == (TO, "Upstream down: gpu")
    assert mail["from"].addresses[0].addr_spec == "gate@tolls.example"
    assert (mail["auto-submitted"], mail["message-id"]) == ("auto-generated", "<evt_1@tolls.example>")
    text, html = mail.get_body(["plain"]), mail.get_body(["html"])
    assert text is not None
    assert html is not None
    assert "The upstream gpu serves no requests: it fails its probe." in text.get_content()
    assert "<p>The upstream gpu serves no requests: it fails its probe.</p>" in html.get_content()
    assert mailbox.hello == ["tolls.example"]


async def test_starttls_encrypts_and_then_signs_in() -> None:
    seen: list[tuple[bytes, bytes]] = []

    def authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: Any) -> AuthResult:
        assert isinstance(given, LoginPassword)
        assert session.ssl is not None
        seen.append((given.login, given.password))
        return AuthResult(success=given.password == b"secret", handled=False)

    async with smtp(tls_context=certified(), require_starttls=True, authenticator=authenticate) as mailbox:
        sent = mailer(mailbox, trusting(), tls="starttls", user="gate", password="secret")
        assert await sent.send(TO, EVENT) == Outcome(250)
        assert mailbox.encrypted == [True]
        assert seen == [(b"gate", b"secret")]
        wrong = await mailer(mailbox, trusting(), tls="starttls", user="gate", password="guess").send(TO, EVENT)
        assert wrong.status == 535
        assert "guess" not in str(wrong)


async def test_a_server_without_starttls_gets_nothing() -> None:
    async with smtp() as mailbox:
        outcome = await mailer(mailbox, trusting(), tls="starttls", user="gate", password="secret").send(TO, EVENT)
    assert not outcome.delivered
    assert mailbox.mails == []


async def test_tls_from_the_first_byte() -> None:
    async with smtp(wrapped=certified()) as mailbox:
        assert await mailer(mailbox, trusting(), tls="tls").send(TO, EVENT) == Outcome(250)
        assert len(mailbox.mails) == 1


@pytest.mark.parametrize("tls", ["starttls", "tls"])
async def test_a_certificate_of_another_name_gets_nothing(tls: str) -> None:
    options = {"wrapped": certified()} if tls == "tls" else {"tls_context": certified()}
    async with smtp(**options) as mailbox:
        outcome = await mailer(mailbox, trusting(names=True), tls=tls).send(TO, EVENT)
    assert not outcome.delivered
    assert mailbox.mails == []


@pytest.mark.parametrize(
    ("step", "refusal", "status"),
    [("RCPT", "550 no such user", 550), ("RCPT", "451 later", 451), ("DATA", "554 no spam", 554)],
)
async def test_a_refusal_is_a_failure_with_the_words_of_the_server(step: str, refusal: str, status: int) -> None:
    async with smtp() as mailbox:
        mailbox.refusal[step] = refusal
        outcome = await mailer(mailbox).send(TO, EVENT)
    assert outcome == Outcome(status, f"the SMTP server answered {refusal}")


async def test_a_server_that_falls_silent_is_given_up() -> None:
    async with smtp() as mailbox:
        mailbox.stalls = True
        outcome = await mailer(mailbox).send(TO, EVENT)
    assert outcome == Outcome(error="the SMTP server did not answer in time")


async def test_a_server_that_dies_is_a_failure() -> None:
    async with smtp() as mailbox:
        mailbox.dies = True
        outcome = await mailer(mailbox).send(TO, EVENT)
    assert outcome.status is None
    assert (outcome.error or "").startswith("the SMTP server cannot be used")


async def test_nobody_listens() -> None:
    async with smtp() as mailbox:
        pass
    outcome = await mailer(mailbox).send(TO, EVENT)
    assert (outcome.error or "").startswith("the SMTP server cannot be used")


@pytest.mark.parametrize(
    "address", ["a@b.example\r\nBcc: c@d.example", "a b@c.example", "a@b@c", "", "@b", "a@", '"a"@b', "a" * 300 + "@b"]
)
async def test_what_is_no_address_gets_nothing(address: str) -> None:
    async with smtp() as mailbox:
        assert not (await mailer(mailbox).send(address, EVENT)).delivered
    assert mailbox.mails == []


async def test_names_of_others_add_no_header() -> None:
    wicked = Event("evt_1", 1, "upstream.down", '{"upstream":"x\\r\\nBcc: c@d.example","reason":"y"}')
    async with smtp() as mailbox:
        assert (await mailer(mailbox).send(TO, wicked)).delivered
    [mail] = mailbox.mails
    assert mail["bcc"] is None
    assert mail["subject"] == "Upstream down: x Bcc: c@d.example"


def test_operators_get_what_needs_them_and_owners_what_is_about_their_budgets() -> None:
    asked: list[tuple[str | None, str | None]] = []

    def own(user_id: str | None, team_id: str | None) -> list[str]:
        asked.append((user_id, team_id))
        return ["ann@example.com", TO, "no address"]

    found = Mailer(SmtpServer("mail", 25, "gate@tolls.example"), [TO], own)
    assert list(found.recipients(BUDGET)) == [TO, "ann@example.com"]
    assert asked == [("ann", "team_1")]
    assert list(found.recipients(EVENT)) == [TO]
    assert list(found.recipients(Event("evt_3", 1, "key.created", "{}", "ann"))) == []


def test_operators_get_nothing_about_the_budgets_of_end_users() -> None:
    found = Mailer(SmtpServer("mail", 25, "gate@tolls.example"), [TO], lambda _user, _team: ["ann@example.com"])
    assert list(found.recipients(replace(BUDGET, data='{"owner":"end_user"}'))) == ["ann@example.com"]
    assert list(found.recipients(replace(BUDGET, data='{"owner":"key"}'))) == [TO, "ann@example.com"]


async def test_a_mail_is_tried_again_like_a_webhook(clock: Clock, receiver: Receiver) -> None:
    async with smtp() as mailbox:
        sender = await sending(clock, receiver.address, mail=mailer(mailbox))
        mailbox.refusal["RCPT"] = "451 later"
        await sender.happen("upstream.down", upstream="gpu", reason="it fails its probe")
        await sender.deliver()
        assert mailbox.mails == []
        mailbox.refusal = {}
        clock.ms += 5_000
        await sender.deliver()
    assert [mail["subject"] for mail in mailbox.mails] == ["Upstream down: gpu"]
    [(delivery, _)] = await sender.store.events.deliveries(target=TO, limit=9)
    assert (delivery.channel, delivery.status, delivery.count) == ("email", "delivered", 2)


def test_the_password_is_never_printed() -> None:
    assert "secret" not in repr(SmtpServer("mail", 25, "gate@tolls.example", user="gate", password="secret"))
