"""Reading the documents: their tables, and their blocks of code."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
_CODE = re.compile(r"`([^`]+)`")


def text(name: str) -> str:
    return (ROOT / name).read_text()


def section(name: str, title: str) -> str:
    """What stands under a heading, up to the next of its rank or a higher one."""
    lines = text(name).splitlines()
    place = next(i for i, line in enumerate(lines) if re.fullmatch(rf"#+ {re.escape(title)}", line))
    rank = lines[place].index(" ")
    below = lines[place + 1 :]
    end = next((i for i, line in enumerate(below) if re.match(rf"#{{1,{rank}}} ", line)), len(below))
    return "\n".join(below[:end])


def rows(part: str, *, first: str) -> list[list[str]]:
    """The cells of every table whose first column is headed `first`."""
    found: list[list[str]] = []
    inside = False
    for line in part.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if not cells:
            inside = False
        elif cells[0] == first:
            inside = True
        elif inside and set(cells[0]) != {"-"}:
            found.append(cells)
    return found


def code(cell: str) -> list[str]:
    """What stands between backticks."""
    return _CODE.findall(cell)


def blocks(name: str, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text(name), re.DOTALL | re.MULTILINE)
