"""Values as people read them: rates with a unit by size, tables for notebooks."""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import IO


def rate_text(pps: float) -> str:
    """Return a rate as `870 pps`, `14.20 kpps` or `42.04 Mpps`."""
    for factor, unit in ((1e6, "Mpps"), (1e3, "kpps")):
        if pps >= factor:
            return f"{pps / factor:.2f} {unit}"
    return f"{pps:.0f} pps"


def show_lines(lines: Iterable[str], file: IO[str] | None) -> None:
    """Print lines where a user's call asks for it, to `sys.stdout` by default."""
    if file is not None and not callable(getattr(file, "write", None)):
        raise TypeError(f"file must be a text file, or None (got {file!r})")
    print("\n".join(lines), file=file)


def html_table(title: str, names: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Return a table for a notebook; all texts are escaped."""

    def line(tag: str, cells: Iterable[object]) -> str:
        return "<tr>" + "".join(f"<{tag}>{html.escape(str(c))}</{tag}>" for c in cells) + "</tr>"

    body = "".join(line("td", row) for row in rows)
    return f"<table><caption>{html.escape(title)}</caption>{line('th', names)}{body}</table>"
