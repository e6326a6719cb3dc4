"""Sign-ins that wait for their browser to come back from the provider.

Each is found by its `state` once, within ten minutes, by the browser that began it: that has a secret in a cookie,
which no other browser can have. So nobody can be made to finish a sign-in that somebody else began.
"""

from __future__ import annotations

import hmac
import secrets
from collections import Counter, OrderedDict
from collections.abc import Callable

from msgspec import Struct

from tollkeeper.services.open_id.ports import SignInRefused

LASTS_MS = 600_000
MOST = 10_000
"""The most sign-ins that wait; the oldest give way."""
MOST_OF_AN_ADDRESS = 100
_RANDOM_BYTES = 32


class PendingSignIn(Struct, frozen=True):
    """A sign-in under way. `next_page` is the page that it leads to; `place` is the client's network."""

    provider_id: str
    redirect_uri: str
    next_page: str | None
    place: str
    nonce: str
    verifier: str
    browser: str
    began_at: int

    def __repr__(self) -> str:
        return f"PendingSignIn({self.provider_id!r}, {self.place!r})"


class PendingSignIns:
    """All sign-ins under way, by state, the oldest first. `now` is milliseconds since the epoch."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._waiting: OrderedDict[str, PendingSignIn] = OrderedDict()
        self._of_place: Counter[str] = Counter()

    def __repr__(self) -> str:
        return f"PendingSignIns({len(self._waiting)} of {len(self._of_place)} addresses)"

    def begin(
        self, provider_id: str, *, redirect_uri: str, next_page: str | None, place: str
    ) -> tuple[str, PendingSignIn]:
        """Begin a sign-in, and return its state. Raises SignInRefused."""
        self._drop_expired()
        if self._of_place[place] >= MOST_OF_AN_ADDRESS:
            raise SignInRefused("too_many", f"{MOST_OF_AN_ADDRESS} sign-ins of {place or 'one address'} are under way")
        if len(self._waiting) >= MOST:
            self._drop(next(iter(self._waiting)))
        nonce, verifier, browser, state = (secrets.token_urlsafe(_RANDOM_BYTES) for _ in range(4))
        begun = PendingSignIn(provider_id, redirect_uri, next_page, place, nonce, verifier, browser, self._now())
        self._waiting[state] = begun
        self._of_place[place] += 1
        return state, begun

    def take(self, state: str, browser: str | None) -> PendingSignIn:
        """Take out the sign-in with this state, which nobody finds again. Raises SignInRefused for one that is unknown,
        over, or another browser's."""
        self._drop_expired()
        found = self._waiting.get(state)
        if found is None:
            raise SignInRefused("expired", "there is no sign-in of this state, or no longer")
        self._drop(state)
        if browser is None or not hmac.compare_digest(found.browser.encode(), browser.encode()):
            raise SignInRefused("expired", "another browser began this sign-in")
        return found

    def _drop_expired(self) -> None:
        oldest = self._now() - LASTS_MS
        while self._waiting:
            state, waiting = next(iter(self._waiting.items()))
            if waiting.began_at > oldest:
                break
            self._drop(state)

    def _drop(self, state: str) -> None:
        place = self._waiting.pop(state).place
        self._of_place[place] -= 1
        if not self._of_place[place]:
            del self._of_place[place]
