"""E-mails to an SMTP server, one at a time and each in a connection of its own."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from email import policy
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from typing import Any, Literal

import aiosmtplib
import msgspec
from msgspec import Struct

from tollkeeper.rules.events import BUDGET_EVENTS, MAILED
from tollkeeper.rules.mail import is_mail_address
from tollkeeper.rules.owners import END_USER
from tollkeeper.services.events.letters import letter
from tollkeeper.services.events.post import Outcome
from tollkeeper.store.ports.events import Event

TIMEOUT = 30.0
"""Seconds for a whole e-mail; a server that falls silent is given up after `SILENCE`."""
SILENCE = 10.0
Tls = Literal["starttls", "tls", "none"]
OwnAddresses = Callable[[str | None, str | None], Collection[str]]
"""From the id of a user and of a team (None: there is none) to the addresses that they have given."""


class SmtpServer(Struct, frozen=True):
    """The server that takes the mail. Its password is never printed."""

    host: str
    port: int
    sender: str
    tls: Tls = "starttls"
    user: str | None = None
    password: str | None = None

    def __repr__(self) -> str:
        return f"SmtpServer({self.host}:{self.port}, {self.tls}, user={self.user!r})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("host", self.host), ("port", self.port), ("tls", self.tls), ("user", self.user)]


class _Budget(Struct):
    owner: str = ""


class Mailer:
    """Sends events as e-mails: to the `operators`, and what is about budgets to `own_addresses` of those who may see it
    as their own."""

    def __init__(
        self,
        server: SmtpServer,
        operators: Sequence[str],
        own_addresses: OwnAddresses = lambda _user, _team: (),
        *,
        ssl_context: ssl.SSLContext | None = None,
        silence: float = SILENCE,
    ) -> None:
        self._server = server
        self._operators = tuple(operators)
        self._own_addresses = own_addresses
        self._ssl = ssl_context
        self._silence = silence

    def __repr__(self) -> str:
        return f"Mailer({self._server!r}, {len(self._operators)} operators)"

    def recipients(self, event: Event) -> Collection[str]:
        """The addresses that an event is mailed to, each once. Budgets of end users are for their user to know: an app
        may have thousands of them."""
        is_budget = event.type in BUDGET_EVENTS
        of_end_user = is_budget and msgspec.json.decode(event.data, type=_Budget).owner == END_USER.name
        found = list(self._operators) if event.type in MAILED and not of_end_user else []
        if is_budget:
            found += filter(is_mail_address, self._own_addresses(event.user_id, event.team_id))
        return dict.fromkeys(found)

    async def send(self, address: str, event: Event) -> Outcome:
        """Send an event to an address, once. The outcome's status is that of the server's refusal."""
        server = self._server
        try:
            message = self._message(address, event)
            context = self._ssl
            if context is None and server.tls != "none":
                context = self._ssl = await asyncio.to_thread(ssl.create_default_context)  # slow: it reads certificates
            async with asyncio.timeout(TIMEOUT):
                await aiosmtplib.send(
                    message,
                    sender=server.sender,
                    recipients=[address],
                    hostname=server.host,
                    port=server.port,
                    username=server.user,
                    password=server.password,
                    use_tls=server.tls == "tls",
                    start_tls=server.tls == "starttls",
                    tls_context=context if server.tls != "none" else None,
                    local_hostname=server.sender.rpartition("@")[2],
                    timeout=self._silence,
                )
        except aiosmtplib.SMTPResponseException as error:
            return Outcome(error.code, f"the SMTP server answered {error.code} {_plain(error.message)}")
        except aiosmtplib.SMTPRecipientsRefused as error:
            first = error.recipients[0]
            return Outcome(first.code, f"the SMTP server answered {first.code} {_plain(first.message)}")
        except TimeoutError:
            return Outcome(error="the SMTP server did not answer in time")
        except (aiosmtplib.SMTPException, OSError) as error:
            return Outcome(error=f"the SMTP server cannot be used: {_plain(str(error)) or type(error).__name__}")
        except (ValueError, MessageError) as error:
            return Outcome(error=f"the e-mail cannot be written: {_plain(str(error))}")
        return Outcome(250)

    def _message(self, address: str, event: Event) -> EmailMessage:
        """Raises ValueError for what is no address. The policy refuses line ends in headers."""
        if not is_mail_address(address):
            raise ValueError("its address is none")
        written = letter(event)
        sender = self._server.sender
        message = EmailMessage(policy=policy.SMTP)
        message["From"] = Address("Tollkeeper", addr_spec=sender)
        message["To"] = Address(addr_spec=address)
        message["Subject"] = written.subject
        message["Date"] = datetime.fromtimestamp(event.at / 1000, UTC)
        message["Message-ID"] = f"<{event.id}@{sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(written.text)
        message.add_alternative(written.html, subtype="html")
        return message


def _plain(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)[:200]
