"""The command `pydpdk`: one file per command."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # what `signal` is made of, at once


def main() -> None:
    """Run a command; exit 2 for a bad file, 1 where DPDK cannot do what it says."""
    # Nothing is made yet, so Ctrl-C ends it as SIGTERM does, without a traceback of the imports.
    # Commands that start an EAL handle signals from then on.
    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
    from pydpdk.cli import commands

    commands.main()
