"""The command `pydpdk`: one file per command."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # faster to import than `signal`


def main() -> None:
    """Run a command; exit with 2 for a bad file, with 1 if DPDK cannot do what it says."""
    # Until a command handles signals itself, Ctrl-C ends it like SIGTERM, without a traceback of
    # the imports: there is nothing to clean up yet.
    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
    from pydpdk.cli import commands

    commands.main()
