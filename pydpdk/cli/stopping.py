"""EALs of commands: a signal at any moment shuts them down cleanly."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from pydpdk.app.session import App, start
from pydpdk.app.stop import Stop, StoppedError
from pydpdk.config.model import Config
from pydpdk.config.plan import Plan
from pydpdk.errors import EalInitError
from pydpdk.explorer import attach


@contextmanager
def started(config: Config, plan: Plan) -> Iterator[App]:
    """Bring up a planned file, and close it when the block ends.

    Raises
    ------
    StoppedError
        A signal came before the block, or a second one came in the user's code in it.
    """
    stop = Stop()
    with _handled(stop), start(config, plan, stop) as app:
        yield app


@contextmanager
def attached(file_prefix: str) -> Iterator[None]:
    """Attach to a primary only to read its memory.

    Raises
    ------
    StoppedError
        A signal came.
    """
    stop = Stop()
    with _handled(stop), attach(file_prefix):
        stop.check()
        yield
        stop.check()


@contextmanager
def _handled(stop: Stop) -> Iterator[None]:
    """Handle signals from before the first file is created until the last one is removed."""
    with stop.on_signals():
        try:
            yield
        except (StoppedError, KeyboardInterrupt, EalInitError):
            if not stop.requested:
                raise
            # an EalInitError, too: the signal can interrupt a system call of rte_eal_init
            sys.stderr.write("ended by a signal before it was done; nothing is left behind\n")
            stop.check()
