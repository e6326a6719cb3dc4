"""Which records: the parameters that queries have in common, and the filter that they make."""

from __future__ import annotations

from urllib.parse import unquote

from pydantic import Field

from tollkeeper.control.context import ControlServices
from tollkeeper.control.http.schemas import Query, TimeIn
from tollkeeper.rules.errors import NotFound, Unprocessable
from tollkeeper.rules.ids import beginning_of
from tollkeeper.rules.times import month_bounds
from tollkeeper.store.ports.records import RecordStatus
from tollkeeper.store.ports.reports import Filter


class Span(Query):
    """A period."""

    from_: TimeIn | None = Field(None, alias="from", description="Start of the period, included.")
    to: TimeIn | None = Field(None, description="End of the period, not included.")


class OwnRecords(Span):
    model: str | None = Field(None, description="A canonical name, as in records.")
    upstream: str | None = Field(None, max_length=64, description="The id of the upstream that served them.")
    endpoint: str | None = Field(None, max_length=100, description="A path, as in records.")
    status: RecordStatus | None = None
    key_id: str | None = Field(None, description="The id of a key; empty: what was used without one.")
    end_user: str | None = Field(
        None, max_length=100, description="Id of the end user whom a request was for; empty: those that were for none."
    )
    tag: str | None = Field(
        None,
        max_length=2000,
        description="A name in the metadata of requests, and its value: `NAME:VALUE`; no value: those without that"
        " name. `:`, `,` and `%` in the name are percent-encoded.",
        json_schema_extra={"pattern": "^[^:]+:", "examples": ["project:blue"]},
    )


class ByRequest(Query):
    """A query of records themselves: no sums are by request."""

    request_id: str | None = Field(
        None, max_length=100, description="The id of a request, or its beginning; the id of an answer will do."
    )


class RecordsOfTeam(OwnRecords):
    user_id: str | None = Field(
        None, description="In upper or lower case; empty: what is nobody's, as refusals of unknown keys are."
    )


class RecordsOfAll(RecordsOfTeam):
    team: str | None = Field(
        None,
        max_length=64,
        description="The id of the team that the user was in, in upper or lower case; empty: those in none.",
    )


def filter_of(services: ControlServices, user_id: str | None, query: OwnRecords, team_id: str | None = None) -> Filter:
    """The filter of a query, for the records of one user, of one team, or everyone's. Raises Unprocessable."""
    _check_span(query.from_, query.to)
    if isinstance(query, RecordsOfAll) and query.team is not None:
        team_id = services.accounts.teams.spelled(query.team)
    if user_id is None and isinstance(query, RecordsOfTeam) and query.user_id is not None:
        user_id = spelled(services, query.user_id)
    elif user_id is None and query.key_id:
        user_id = _owner(services, query.key_id)
    return Filter(
        user_id=user_id,
        key_id=query.key_id,
        model=query.model,
        status=query.status,
        since=query.from_,
        until=query.to,
        team_id=team_id,
        end_user_id=query.end_user,
        upstream=query.upstream,
        endpoint=query.endpoint,
        tag=None if query.tag is None else _read_tag(query.tag),
        request_id=beginning_of(query.request_id) if isinstance(query, ByRequest) and query.request_id else None,
    )


def period_of(services: ControlServices, query: Span) -> tuple[int, int]:
    """The period of a query, this month by default. Raises Unprocessable."""
    month, next_month = month_bounds(services.now())
    since = month if query.from_ is None else query.from_
    until = max(next_month, since) if query.to is None else query.to
    _check_span(since, until)
    return since, until


def spelled(services: ControlServices, user_id: str) -> str:
    """A user's id as it is spelt; one that nobody has stays as it is, and has no records."""
    try:
        return services.accounts.user(user_id).user_id
    except NotFound:
        return user_id


def _owner(services: ControlServices, key_id: str) -> str | None:
    """Whose a key is: its records are that user's, and those are found much faster. None where nobody has it, as one of
    a person who was forgotten, whose records stay."""
    try:
        return services.accounts.key(key_id).user_id
    except NotFound:
        return None


def _read_tag(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not (name and colon):
        raise Unprocessable("'tag' must be NAME:VALUE; without a VALUE, it finds what has no such name.", param="tag")
    return unquote(name), value


def _check_span(since: int | None, until: int | None) -> None:
    if since is not None and until is not None and since > until:
        raise Unprocessable("'from' must not be later than 'to'.", param="from")
