"""Exit codes of errors."""

import pytest

from tollkeeper.cli.commands import exit_code
from tollkeeper.cli.failure import Failure
from tollkeeper.config import ConfigError
from tollkeeper.services.keyring.secrets_file import SecretsError
from tollkeeper.store.errors import StoreBusy, StoreError, StoreMissing


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("x"), 2),
        (StoreMissing("x"), 2),
        (StoreError("x"), 1),
        (StoreBusy("x"), 1),
        (Failure("x"), 1),
        (SecretsError("x"), 1),
        (OSError("x"), 1),
        (ValueError("x"), None),
    ],
)
def test_exit_codes(error, code):
    assert exit_code(error) == code
