"""An actor writes the entries of the audit log."""

from tests.services.in_memory import START
from tollkeeper.services.audit.actor import Actor
from tollkeeper.store.ports.audit import AuditEntry


def test_an_entry_says_who_did_what_when_and_from_where() -> None:
    entry = Actor("root", "192.0.2.7").entry(START, "user.create", "alice", {"role": "user"})
    assert entry == AuditEntry(START, "root", "user.create", "alice", '{"role":"user"}', "192.0.2.7")


def test_an_entry_without_detail_and_address() -> None:
    entry = Actor("@start").entry(START, "price.put", "*")
    assert (entry.detail, entry.address) == ("{}", None)
