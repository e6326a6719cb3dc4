"""The options and help text of `tollkeeper usage`, as in `commands.py`."""

# ruff: noqa: PLC0415 (the code behind a command is imported when it runs)

from typing import Annotated

import typer

from tollkeeper.cli.admin.commands import URL, AsJson, Key, Url
from tollkeeper.cli.commands import importing


def usage(
    key: Key,
    by: Annotated[
        str,
        typer.Option(
            metavar="GROUPS",
            help="Some of user, team, key, model, upstream, endpoint, day, hour, status, end_user and tag:NAME, with"
            " commas between.",
        ),
    ] = "user",
    order: Annotated[
        str | None,
        typer.Option(
            metavar="FIGURE",
            help="Such as requests, total_tokens, errors or latency_p95; with - in front, the largest first. Default:"
            " by the groups themselves where they are days or hours, else -cost_usd.",
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="The most groups to show.")] = 50,
    since: Annotated[str | None, typer.Option("--from", metavar="TIME", help="Default: this month (UTC).")] = None,
    until: Annotated[str | None, typer.Option("--to", metavar="TIME", help="Not included.")] = None,
    url: Url = URL,
    as_json: AsJson = False,
) -> None:
    """Who used what, at what cost, and how often it failed or was refused."""
    with importing():
        from tollkeeper.cli.admin import usage as figures
    figures.show(url, key, by, order, limit, (since, until), as_json=as_json)
