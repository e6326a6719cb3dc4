"""The options and help texts of the commands for admins.

As in `cli/commands.py`, the code behind a command is imported when it runs.
"""

# ruff: noqa: PLC0415 (see above)

from pathlib import Path
from typing import Annotated, Literal

import typer

from tollkeeper.cli.commands import importing

URL = "http://localhost:8000"

Key = Annotated[
    str,
    typer.Option(
        envvar="TOLLKEEPER_API_KEY", help="Key of an admin. Lists of processes show it; the variable they do not."
    ),
]
Url = Annotated[str, typer.Option(envvar="TOLLKEEPER_URL", help="Address of the gateway.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON: an object, or one a line for lists.")]

UpstreamId = Annotated[str, typer.Argument(metavar="ID", help="Id of the upstream.")]
BaseUrl = Annotated[str | None, typer.Option(metavar="URL", help="Its address, where its kind has no usual one.")]
SecretFile = Annotated[
    str | None, typer.Option(metavar="FILE", help="File with the secret that is sent to it; - is standard input.")
]
Models = Annotated[
    list[str] | None,
    typer.Option("--model", help="A model that it serves; may be repeated. Without: those that it lists."),
]
Priority = Annotated[int | None, typer.Option(help="Smaller is tried first.")]
Weight = Annotated[int | None, typer.Option(help="Its share among equals.")]
Slots = Annotated[int | None, typer.Option(help="Requests that run at once; 0: no bound.")]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="FIELD=JSON",
        help="Any other field; may be repeated. FIELD=@FILE reads the JSON from a file, @- from standard input.",
    ),
]
Model = Annotated[str, typer.Argument(metavar="MODEL", help="Name of the model.")]
AtUpstream = Annotated[str | None, typer.Option("--upstream", metavar="ID", help="At this upstream only.")]
JobId = Annotated[str, typer.Argument(metavar="JOB", help="Id of the job.")]
WebhookId = Annotated[str, typer.Argument(metavar="ID", help="Id of the webhook.")]
UserId = Annotated[str, typer.Argument(metavar="USER", help="Id of the user.")]
EndUserId = Annotated[str, typer.Argument(metavar="ID", help="Id of the end user (eu_…).")]
Alias = Annotated[str, typer.Argument(metavar="ALIAS", help="Name that clients ask for.")]

Invoice = Annotated[str, typer.Argument(metavar="NUMBER", help="Number or id of the invoice.")]
Month = Annotated[str, typer.Argument(metavar="MONTH", help="The month, such as 2026-10.")]
OfUser = Annotated[str | None, typer.Option("--user", metavar="ID", help="Of this user only.")]
OfTeam = Annotated[str | None, typer.Option("--team", metavar="ID", help="Of this team only.")]
Reason = Annotated[str, typer.Option(help="Why; it stands on the invoice and in the audit log.")]


def list_upstreams(key: Key, url: Url = URL, as_json: AsJson = False) -> None:
    """The upstreams, and how they are."""
    with importing():
        from tollkeeper.cli.admin import upstreams
    upstreams.list_all(url, key, as_json=as_json)


def show_upstream(upstream_id: UpstreamId, key: Key, url: Url = URL, as_json: AsJson = False) -> None:
    """Everything about an upstream, but for its secrets."""
    with importing():
        from tollkeeper.cli.admin import upstreams
    upstreams.show(url, key, upstream_id, as_json=as_json)


def add_upstream(
    upstream_id: UpstreamId,
    key: Key,
    kind: Annotated[str, typer.Option(help="Its kind, such as ollama or openai-compatible.")],
    base_url: BaseUrl = None,
    secret_file: SecretFile = None,
    models: Models = None,
    priority: Priority = None,
    weight: Weight = None,
    slots: Slots = None,
    others: Set = None,
    url: Url = URL,
    as_json: AsJson = False,
) -> None:
    """Add an upstream. It gets requests as soon as its models are known."""
    with importing():
        from tollkeeper.cli.admin import upstreams
    named = {
        "kind": kind, "base_url": base_url, "models": models, "priority": priority, "weight": weight, "slots": slots,
    }  # fmt: skip
    upstreams.add(url, key, upstream_id, named, secret_file, others or (), as_json=as_json)


def change_upstream(
    upstream_id: UpstreamId,
    key: Key,
    kind: Annotated[str | None, typer.Option(help="Its kind, such as ollama or openai-compatible.")] = None,
    base_url: BaseUrl = None,
    secret_file: SecretFile = None,
    models: Models = None,
    priority: Priority = None,
    weight: Weight = None,
    slots: Slots = None,
    others: Set = None,
    url: Url = URL,
    as_json: AsJson = False,
) -> None:
    """Change an upstream, from the next request on. What is not named stays; FIELD=null is the default."""
    with importing():
        from tollkeeper.cli.admin import upstreams
    named = {
        "kind": kind, "base_url": base_url, "models": models, "priority": priority, "weight": weight, "slots": slots,
    }  # fmt: skip
    upstreams.change(url, key, upstream_id, named, secret_file, others or (), as_json=as_json)


def drain_upstream(upstream_id: UpstreamId, key: Key, url: Url = URL, as_json: AsJson = False) -> None:
    """Give an upstream no new requests, and disable it once those under way have ended."""
    with importing():
        from tollkeeper.cli.admin import upstreams
    upstreams.set_state(url, key, upstream_id, "draining", as_json=as_json)


def disable_upstream(upstream_id: UpstreamId, key: Key, url: Url = URL, as_json: AsJson = False) -> None:
    """Give an upstream no requests, but keep it."""
    with importing():
        from tollkeeper.cli.admin import upstreams
    upstreams.set_state(url, key, upstream_id, "disabled", as_json=as_json)


def enable_upstream(upstream_id: UpstreamId, key: Key, url: Url = URL, as_json: AsJson = False) -> None:
    """Give an upstream requests again."""
    with importing():
        from tollkeeper.cli.admin import upstreams
    upstreams.set_state(url, key, upstream_id, "active", as_json=as_json)


def remove_upstream(upstream_id: UpstreamId, key: Key, url: Url = URL, as_json: AsJson = False) -> None:
    """Remove an upstream. Requests under way there go on."""
    with importing():
        from tollkeeper.cli.admin import upstreams
    upstreams.remove(url, key, upstream_id, as_json=as_json)


def check_upstream(upstream_id: UpstreamId, key: Key, url: Url = URL, as_json: AsJson = False) -> None:
    """Have the gateway list the models of an upstream now; exit code 1, with what is wrong, where it cannot."""
    with importing():
        from tollkeeper.cli.admin import upstreams
    upstreams.check(url, key, upstream_id, as_json=as_json)


def list_aliases(key: Key, url: Url = URL, as_json: AsJson = False) -> None:
    """The aliases, and the models they stand for."""
    with importing():
        from tollkeeper.cli.admin import aliases
    aliases.list_all(url, key, as_json=as_json)


def set_alias(
    alias: Alias,
    models: Annotated[
        list[str], typer.Argument(metavar="MODEL", help="Models in the order to try them; MODEL@UPSTREAM is of one.")
    ],
    key: Key,
    url: Url = URL,
    as_json: AsJson = False,
) -> None:
    """Add an alias, or change what it stands for."""
    with importing():
        from tollkeeper.cli.admin import aliases
    aliases.set_one(url, key, alias, models, as_json=as_json)


def remove_alias(alias: Alias, key: Key, url: Url = URL, as_json: AsJson = False) -> None:
    """Remove an alias."""
    with importing():
        from tollkeeper.cli.admin import aliases
    aliases.remove(url, key, alias, as_json=as_json)


def list_webhooks(key: Key, url: Url = URL, as_json: AsJson = False) -> None:
    """The webhooks, and what they get."""
    with importing():
        from tollkeeper.cli.admin import webhooks
    webhooks.list_all(url, key, as_json=as_json)


def add_webhook(
    target: Annotated[str, typer.Argument(metavar="URL", help="Address that events are sent to.")],
    key: Key,
    events: Annotated[
        list[str] | None, typer.Option("--event", help="An event that it gets; may be repeated. Without: all.")
    ] = None,
    description: Annotated[str | None, typer.Option(help="What it is for.")] = None,
    url: Url = URL,
    as_json: AsJson = False,
) -> None:
    """Add a webhook, and print its secret."""
    with importing():
        from tollkeeper.cli.admin import webhooks
    webhooks.add(url, key, target, events or (), description, as_json=as_json)


def try_webhook(webhook_id: WebhookId, key: Key, url: Url = URL, as_json: AsJson = False) -> None:
    """Send a test to a webhook."""
    with importing():
        from tollkeeper.cli.admin import webhooks
    webhooks.test(url, key, webhook_id, as_json=as_json)


def rotate_webhook(
    webhook_id: WebhookId,
    key: Key,
    grace: Annotated[int, typer.Option(min=0, help="Seconds for which the present secret signs as well.")] = 86_400,
    url: Url = URL,
    as_json: AsJson = False,
) -> None:
    """Give a webhook a new secret, and print it."""
    with importing():
        from tollkeeper.cli.admin import webhooks
    webhooks.rotate(url, key, webhook_id, grace, as_json=as_json)


def remove_webhook(webhook_id: WebhookId, key: Key, url: Url = URL, as_json: AsJson = False) -> None:
    """Remove a webhook, with what is on its way to it."""
    with importing():
        from tollkeeper.cli.admin import webhooks
    webhooks.remove(url, key, webhook_id, as_json=as_json)


def list_models(key: Key, url: Url = URL, as_json: AsJson = False) -> None:
    """The models of all upstreams, and all that is known of them."""
    with importing():
        from tollkeeper.cli.admin import models
    models.list_all(url, key, as_json=as_json)


def pull_model(
    model: Model,
    key: Key,
    upstream: AtUpstream = None,
    insecure: Annotated[bool, typer.Option("--insecure", help="The registry may speak plain http.")] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Begin it, and do not wait for its end.")] = False,
    url: Url = URL,
    as_json: AsJson = False,
) -> None:
    """Pull a model to every Ollama, or to one. It goes on after Ctrl-C."""
    with importing():
        from tollkeeper.cli.admin import models
    models.pull(url, key, model, upstream, insecure=insecure, detach=detach, as_json=as_json)


def list_jobs(key: Key, url: Url = URL, as_json: AsJson = False) -> None:
    """Pulls, the newest first."""
    with importing():
        from tollkeeper.cli.admin import models
    models.list_jobs(url, key, as_json=as_json)


def follow_job(job: JobId, key: Key, url: Url = URL, as_json: AsJson = False) -> None:
    """Show a pull until it has ended. It goes on after Ctrl-C."""
    with importing():
        from tollkeeper.cli.admin import models
    models.follow(url, key, job, as_json=as_json)


def cancel_job(job: JobId, key: Key, url: Url = URL, as_json: AsJson = False) -> None:
    """Cancel a pull. What has arrived stays at the upstream, for a next one."""
    with importing():
        from tollkeeper.cli.admin import models
    models.cancel(url, key, job, as_json=as_json)


def load_model(
    model: Model,
    key: Key,
    upstream: AtUpstream = None,
    keep_alive: Annotated[
        int | None, typer.Option(min=1, help="Seconds that it stays after its last use. Default: 300.")
    ] = None,
    url: Url = URL,
    as_json: AsJson = False,
) -> None:
    """Load a model into memory."""
    with importing():
        from tollkeeper.cli.admin import models
    models.load(url, key, model, upstream, keep_alive, as_json=as_json)


def unload_model(model: Model, key: Key, upstream: AtUpstream = None, url: Url = URL, as_json: AsJson = False) -> None:
    """Take a model out of memory, once its requests have ended."""
    with importing():
        from tollkeeper.cli.admin import models
    models.unload(url, key, model, upstream, as_json=as_json)


def pin_model(
    model: Model,
    key: Key,
    digest: Annotated[
        str | None,
        typer.Option(help="Have the name serve this digest only; `current`: the one that it has now."),
    ] = None,
    loaded: Annotated[
        bool | None, typer.Option("--loaded/--not-loaded", help="Keep it in memory. Default without --digest.")
    ] = None,
    url: Url = URL,
    as_json: AsJson = False,
) -> None:
    """Keep a model in memory, or its name to one digest."""
    with importing():
        from tollkeeper.cli.admin import models
    models.pin(url, key, model, digest, loaded=loaded, as_json=as_json)


def unpin_model(model: Model, key: Key, url: Url = URL, as_json: AsJson = False) -> None:
    """Remove the pin of a model."""
    with importing():
        from tollkeeper.cli.admin import models
    models.unpin(url, key, model, as_json=as_json)


def copy_model(
    model: Model,
    to: Annotated[str, typer.Argument(metavar="NAME", help="Its second name.")],
    key: Key,
    upstream: AtUpstream = None,
    url: Url = URL,
    as_json: AsJson = False,
) -> None:
    """Give a model a second name, under which it stays as it is."""
    with importing():
        from tollkeeper.cli.admin import models
    models.copy(url, key, model, to, upstream, as_json=as_json)


def remove_model(
    model: Model,
    key: Key,
    upstream: AtUpstream = None,
    force: Annotated[
        bool, typer.Option("--force", help="Even if it is pinned, or requests run on it, which then fail.")
    ] = False,
    url: Url = URL,
    as_json: AsJson = False,
) -> None:
    """Delete a model from every Ollama, or from one."""
    with importing():
        from tollkeeper.cli.admin import models
    models.remove(url, key, model, upstream, force=force, as_json=as_json)


def evict_models(
    key: Key,
    after: Annotated[
        int | None, typer.Option(min=0, help="Seconds for which nobody has used it. Default: the setting evict_after.")
    ] = None,
    how: Annotated[
        Literal["unload", "delete"] | None, typer.Option(help="Default: the setting evict_by, else unload.")
    ] = None,
    upstream: AtUpstream = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell which models would go.")] = False,
    url: Url = URL,
    as_json: AsJson = False,
) -> None:
    """Unload or delete the models that nobody uses. What is pinned stays."""
    with importing():
        from tollkeeper.cli.admin import models
    models.evict(url, key, after, how, upstream, dry_run=dry_run, as_json=as_json)


def list_invoices(
    key: Key,
    month: Annotated[str | None, typer.Option(help="Of this month, such as 2026-10, with its drafts.")] = None,
    status: Annotated[
        Literal["draft", "finalized", "paid", "void"] | None, typer.Option(help="Of this status only.")
    ] = None,
    user: OfUser = None,
    team: OfTeam = None,
    url: Url = URL,
    as_json: AsJson = False,
) -> None:
    """Invoices, the newest first."""
    with importing():
        from tollkeeper.cli.admin import invoices
    invoices.list_all(url, key, month, status, user, team, as_json=as_json)


def show_invoice(invoice: Invoice, key: Key, url: Url = URL, as_json: AsJson = False) -> None:
    """Everything on an invoice."""
    with importing():
        from tollkeeper.cli.admin import invoices
    invoices.show(url, key, invoice, as_json=as_json)


def finalize_month(
    month: Month, key: Key, user: OfUser = None, team: OfTeam = None, url: Url = URL, as_json: AsJson = False
) -> None:
    """Issue the invoices of a month that has ended. Those that are there stay as they are."""
    with importing():
        from tollkeeper.cli.admin import invoices
    invoices.finalize(url, key, month, user, team, as_json=as_json)


def verify_invoices(
    key: Key,
    invoice: Annotated[str | None, typer.Argument(metavar="[NUMBER]", help="Number or id of one invoice.")] = None,
    url: Url = URL,
    as_json: AsJson = False,
) -> None:
    """Compute invoices anew from the ledger, and compare them byte by byte; exit code 1 where one differs."""
    with importing():
        from tollkeeper.cli.admin import invoices
    invoices.verify(url, key, invoice, as_json=as_json)


def pay_invoice(
    invoice: Invoice,
    key: Key,
    reference: Annotated[str | None, typer.Option(help="What names the payment, such as that of a bank.")] = None,
    paid_at: Annotated[str | None, typer.Option(metavar="TIME", help="When it was paid. Default: now.")] = None,
    url: Url = URL,
    as_json: AsJson = False,
) -> None:
    """Note that an invoice was paid."""
    with importing():
        from tollkeeper.cli.admin import invoices
    invoices.pay(url, key, invoice, reference, paid_at, as_json=as_json)


def void_invoice(invoice: Invoice, reason: Reason, key: Key, url: Url = URL, as_json: AsJson = False) -> None:
    """Void an unpaid invoice. It stays, and its records are open again."""
    with importing():
        from tollkeeper.cli.admin import invoices
    invoices.void(url, key, invoice, reason, as_json=as_json)


def make_credit_note(invoice: Invoice, reason: Reason, key: Key, url: Url = URL, as_json: AsJson = False) -> None:
    """Take back a paid invoice by a credit note, an invoice of its own number."""
    with importing():
        from tollkeeper.cli.admin import invoices
    invoices.credit_note(url, key, invoice, reason, as_json=as_json)


def export_invoices(
    month: Month,
    key: Key,
    form: Annotated[
        Literal["csv", "zip"], typer.Option("--format", help="All lines as CSV, or each invoice as JSON, CSV and HTML.")
    ] = "csv",
    output: Annotated[Path | None, typer.Option(help="File to create. Default: standard output.")] = None,
    url: Url = URL,
) -> None:
    """Export the invoices of a month."""
    with importing():
        from tollkeeper.cli.admin import invoices
    invoices.export(url, key, month, form, output)


def export_invoiced_requests(
    invoice: Invoice,
    key: Key,
    output: Annotated[Path | None, typer.Option(help="File to create. Default: standard output.")] = None,
    url: Url = URL,
) -> None:
    """Export the requests behind an invoice as CSV, a row each."""
    with importing():
        from tollkeeper.cli.admin import invoices
    invoices.export_requests(url, key, invoice, output)


def list_identities(user_id: UserId, key: Key, url: Url = URL, as_json: AsJson = False) -> None:
    """Who a user is at OpenID providers."""
    with importing():
        from tollkeeper.cli.admin import identities
    identities.list_all(url, key, user_id, as_json=as_json)


def link_identity(
    user_id: UserId,
    provider: Annotated[str, typer.Argument(metavar="PROVIDER", help="Id of a provider in the settings.")],
    subject: Annotated[str, typer.Argument(metavar="SUBJECT", help="Their `sub` at that provider.")],
    key: Key,
    url: Url = URL,
    as_json: AsJson = False,
) -> None:
    """Let somebody at an OpenID provider sign in as a user."""
    with importing():
        from tollkeeper.cli.admin import identities
    identities.link(url, key, user_id, provider, subject, as_json=as_json)


def unlink_identity(
    user_id: UserId,
    identity_id: Annotated[str, typer.Argument(metavar="ID", help="Id of the identity.")],
    key: Key,
    url: Url = URL,
    as_json: AsJson = False,
) -> None:
    """Remove that again, and end the sessions that began by it."""
    with importing():
        from tollkeeper.cli.admin import identities
    identities.unlink(url, key, user_id, identity_id, as_json=as_json)


def list_end_users(
    user_id: UserId,
    key: Key,
    search: Annotated[str | None, typer.Option(metavar="PART", help="Only those whose name contains it.")] = None,
    url: Url = URL,
    as_json: AsJson = False,
) -> None:
    """The people whom a user's keys act for, oldest first."""
    with importing():
        from tollkeeper.cli.admin import end_users
    end_users.list_of_user(url, key, user_id, search, as_json=as_json)


def limit_end_user(
    end_user_id: EndUserId, key: Key, changes: Set = None, url: Url = URL, as_json: AsJson = False
) -> None:
    """The limits of an end user, and what remains of them. --set changes a limit; null clears it."""
    with importing():
        from tollkeeper.cli.admin import end_users
    end_users.limits(url, key, end_user_id, changes or (), as_json=as_json)


def block_end_user(end_user_id: EndUserId, key: Key, url: Url = URL, as_json: AsJson = False) -> None:
    """Refuse an end user from now on, and end what runs for it."""
    with importing():
        from tollkeeper.cli.admin import end_users
    end_users.block(url, key, end_user_id, blocked=True, as_json=as_json)


def unblock_end_user(end_user_id: EndUserId, key: Key, url: Url = URL, as_json: AsJson = False) -> None:
    """Let a blocked end user in again."""
    with importing():
        from tollkeeper.cli.admin import end_users
    end_users.block(url, key, end_user_id, blocked=False, as_json=as_json)


def erase_end_user(end_user_id: EndUserId, key: Key, url: Url = URL, as_json: AsJson = False) -> None:
    """Erase who an end user is, for good. Its id and records stay."""
    with importing():
        from tollkeeper.cli.admin import end_users
    end_users.erase(url, key, end_user_id, as_json=as_json)
