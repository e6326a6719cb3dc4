"""Conversion in a separate process, for decoders of Pillow that hold the interpreter's lock: that for WebP blocks all
other threads, for a second at 25 megapixels. Slow: for worker threads, never the loop."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).with_name("pixels.py")
MEMORY = 1_500_000_000
"""Bytes of address space for the process; the largest picture takes half."""
TIMEOUT = 20.0
"""Seconds after which the process is killed. No picture that passed the survey takes that long on a working machine."""


def convert(data: bytes, name: str, orientation: int, to: str) -> bytes:
    """Convert as `pixels.convert` does. Raises OSError, CalledProcessError, TimeoutExpired."""
    # Here for the same reason as in check.py.
    from tollkeeper.services.images.pixels import new_file  # noqa: PLC0415

    with new_file() as source, new_file() as made:
        source.write(data)
        source.seek(0)
        command = [sys.executable, "-I", str(SCRIPT), str(MEMORY), name, str(orientation), to]
        subprocess.run(  # noqa: S603 (nothing of a client's is in the command)
            command, stdin=source, stdout=made, stderr=subprocess.DEVNULL, timeout=TIMEOUT, check=True
        )
        made.seek(0)
        return made.read()
