"""Tests mirror `src/`: who looks for the tests of `gateway/relay.py` finds `tests/gateway/test_relay.py`."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

TESTS = Path(__file__).parent
SOURCES = TESTS.parent / "src/tollkeeper"

ENGINES = frozenset({"store/memory", "store/postgres", "store/sql", "store/valkey"})
"""Their modules implement the port of their name, whose tests (`tests/store/ports/`) run on every engine."""
MIGRATIONS = "store/sql/migrations"
"""Tested as what they are, steps of one upgrade, by `tests/store/sqlite/test_upgrade.py`."""

WITHOUT: dict[str, str] = {
    # Nothing is decided
    "cli/demo/engine/model": "a record",
    "cli/failure": "an exception",
    "cli/load/plan": "a record",
    "control/context": "a record",
    "gateway/context": "records",
    "gateway/http/channel": "a protocol",
    "rules/outcomes": "names",
    "services/models/offers": "a record",
    "services/open_id/config": "a record",
    "services/open_id/ports": "protocols and records",
    "services/open_id/client": "every sign-in goes through it: tests/services/open_id/test_open_id.py",
    "services/open_id/pending": "sign-ins that are begun and ended: tests/services/open_id/test_open_id.py",
    "services/open_id/tokens": "tokens that must not count: tests/services/open_id/test_open_id.py",
    "services/queue/ports": "protocols",
    "services/queue/ticket": "a request of the line: tests/services/queue/test_line.py",
    "services/upstreams/http/bounds": "records",
    "services/upstreams/ports": "protocols",
    "store/engines": "two calls",
    "store/errors": "exceptions",
    "store/ports/maintenance": "a protocol, and records",
    "store/valkey/errors": "an exception",
    "store/ports/store": "a protocol",
    "store/ports/shipments": "a protocol, and records: tests/store/postgres/test_shipments.py",
    "store/postgres/schema": "what a new database has: tests/store/postgres/test_revision.py",
    "store/postgres/store": "one engine of tests/store/ports/",
    "store/sql/column_types": "what engines make of them: tests/store/postgres/test_connections.py",
    "store/sql/runner": "a protocol",
    "store/sql/words": "a protocol",
    "store/sqlite/words": "in the statements of all sums: tests/store/sqlite/test_verify.py",
    "wire/translate/conversation": "records",
    "wire/translate/losses": "a table, which each translation fills: tests/wire/translate/test_adapter.py",
    "wire/translate/output": "records",
    "services/accounts/changes/keys": "tests/services/accounts/test_keys.py, and test_rotation.py",
    "services/accounts/changes/saving": "under every change: tests/services/accounts/test_accounts.py",
    # Its parts are tested; it is them, joined
    "app/sign_in": "signing in, at a whole gateway: tests/open_id/test_certified_provider.py",
    "cli/admin/commands": "a table of commands: tests/cli/admin/test_upstreams.py",
    "cli/demo/backends": "which of two upstreams: tests/cli/demo/test_ollama.py, tests/cli/demo/engine/test_process.py",
    "cli/serve": "the settings, handed on: tests/process/test_start.py",
    "services/lifecycle/inventory": "what is shown of models: tests/control/admin/test_models.py",
    "services/lifecycle/lifecycle": "what admins do with models: tests/control/admin/test_models.py",
    "control/http/event_stream": "streams of events: tests/control/admin/test_jobs.py, tests/gateway/test_live.py",
    "control/usage/schemas": "bodies: tests/control/usage/test_records.py, tests/store/ports/test_record_fields.py",
    "control/usage/filters": "what they find: tests/control/test_calls.py, tests/control/usage/test_summary.py",
    "control/usage/groups": "what they answer: tests/control/usage/test_summary.py",
    "control/app": "every test of tests/control/ goes through it",
    "gateway/handle": "the life of a request: every test of tests/gateway/ that sends one",
    "store/memory/store": "one engine of tests/store/ports/",
    "store/memory/tables": "one engine of tests/store/ports/",
    "store/sqlite/maintenance": "the operator's commands: tests/cli/test_database.py, tests/cli/test_ledger.py",
    "wire/dialect": "a record of functions: tests/wire/openai/test_dialect.py, tests/gateway/test_dialect.py",
    "wire/images/png": "as every format: tests/wire/images/test_surveys.py, tests/services/images/test_check.py",
    # It runs only with what is around it
    "cli/admin/user_commands": "a table of commands: tests/cli/admin/test_users.py",
    "store/sqlite/erasure": "one engine of tests/store/ports/test_erasure.py",
    "cli/admin/usage_commands": "a table of options: tests/cli/admin/test_usage.py",
    "cli/admin/team_commands": "a table of commands: tests/cli/admin/test_teams.py",
    "cli/admin/fields": "options of commands: tests/cli/admin/test_upstreams.py",
    "cli/admin/output": "what commands print: tests/cli/admin/test_upstreams.py",
    "control/admin/organization_results": "what its paths answer: tests/control/admin/test_organization.py",
    "store/sql/sums": "parts of statements: tests/store/ports/test_reports.py, tests/store/ports/test_buckets.py",
    "services/watching/pool": "what is seen of it: tests/control/admin/test_upstreams.py, tests/gateway/test_live.py",
    "wire/openai/fields": "what is done with them: tests/wire/openai/test_unbounded.py, test_stored.py",
    "cli/demo/engine/chat_template": "a template: tests/cli/demo/engine/test_process.py",
    "cli/demo/engine/child": "a process: tests/cli/demo/engine/test_process.py",
    "cli/load/client": "under its generator: tests/cli/load/test_generator.py",
    "control/admin/live": "a stream, on a real connection: tests/gateway/test_live.py",
    "control/user_live": "a stream, on a real connection: tests/gateway/test_user_live.py",
    "services/upstreams/http/tunnel": "a way to an upstream: tests/services/upstreams/http/test_connector.py",
    "gateway/dispatch": "what follows each attempt: tests/gateway/test_failover.py",
    "services/queue/selection": "the pool behind the whole gateway: tests/gateway/test_routing.py",
    "gateway/http/server": "sockets of a process: tests/process/test_start.py, tests/process/test_stop.py",
    "store/sql/chain": "made of the table of fields: tests/store/ports/test_record_fields.py",
    "store/sql/credits": "as part of invoices: tests/store/ports/test_invoices.py",
    "store/sql/invoice_rows": "as part of invoices: tests/store/ports/test_invoices.py",
    "store/sql/open_records": "as part of invoices: tests/store/ports/test_invoices.py",
    "store/sql/written_off": "as part of invoices: tests/store/ports/test_invoices.py",
    "store/sql/limits": "two conversions: tests/store/ports/test_accounts.py",
    "store/sql/prune": "on a chain of records: tests/store/sqlite/test_verify.py",
    "store/sql/labels": "what reports show: tests/store/ports/test_reports.py, tests/store/ports/test_explorer.py",
    "store/sql/rollups": "what every commit adds: tests/store/sqlite/test_verify.py",
    "store/sql/sum_tables": "what migrations make: tests/store/sqlite/test_upgrade.py",
    "store/sql/tags": "tags of an engine: tests/store/ports/test_explorer.py",
    "store/sqlite/sum_check": "sums that were changed: tests/store/sqlite/test_verify.py",
    "store/sql/rows": "made of the table of fields: tests/store/ports/test_record_fields.py",
    "store/sql/schema": "what migrations make: tests/store/sqlite/test_upgrade.py",
    "store/sqlite/commit": "the ledger's groups: tests/store/sqlite/test_ledger.py",
    "store/sqlite/connections": "of the writer and the readers: tests/store/sqlite/test_writer.py, and test_readers.py",
    "store/valkey/prepared": "what calls send: tests/store/valkey/test_same_as_rules.py",
    "store/valkey/protocol": "bytes of a connection: tests/store/valkey/test_link.py",
    "store/sqlite/export": "what it yields, written: tests/cli/test_ledger.py",
}
"""Modules without a test file of their name, and why: what they are, or where their tests are instead."""


def modules() -> list[PurePosixPath]:
    """Every module that is no map of its package, without its ending."""
    found = (PurePosixPath(file.relative_to(SOURCES).with_suffix("").as_posix()) for file in SOURCES.rglob("*.py"))
    return sorted(module for module in found if not module.name.startswith("__"))


def is_mirrored(module: PurePosixPath) -> bool:
    """Whether a reader finds its tests by its name."""
    if str(module).startswith(MIGRATIONS):
        return True
    port = [PurePosixPath("store/ports")] if str(module.parent) in ENGINES else []
    return any((TESTS / place / f"test_{module.name}.py").exists() for place in [module.parent, *port])


def test_every_module_has_a_test_file_of_its_name() -> None:
    assert [str(module) for module in modules() if not is_mirrored(module) and str(module) not in WITHOUT] == []


def test_an_exception_is_a_module_without_one() -> None:
    named = {str(module): module for module in modules()}
    assert [name for name in WITHOUT if name not in named or is_mirrored(named[name])] == []


def test_the_tests_that_a_reason_names_are_there() -> None:
    named = [place for reason in WITHOUT.values() for place in re.findall(r"tests/[\w/]+(?:\.py)?", reason)]
    assert [place for place in named if not (TESTS.parent / place).exists()] == []
