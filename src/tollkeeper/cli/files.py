"""Files that commands write."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from tollkeeper.cli.failure import Failure


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """Create a file that only its owner can read. It appears when it is complete, or not at all. Raises Failure."""
    if path.exists():
        raise Failure(f"{path} exists already")
    partial = path.with_name(path.name + ".partial")
    try:
        partial.unlink(missing_ok=True)
        file = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(file, "wb") as out:  # noqa: PTH123 (a descriptor, not a path)
            yield out
        partial.replace(path)
    except OSError as error:
        raise Failure(f"{path} cannot be written: {error.strerror}") from None
    finally:
        partial.unlink(missing_ok=True)
