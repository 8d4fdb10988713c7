"""EALs of commands: a signal at any moment ends them as their own end does."""

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
    """Bring a planned file up, and take it down.

    Raises
    ------
    StoppedError
        A signal came before the block, or in its code of the user's a second time.
    """
    stop = Stop()
    with _heard(stop), start(config, plan, stop) as app:
        yield app


@contextmanager
def attached(file_prefix: str) -> Iterator[None]:
    """Attach to a primary, only to read its memory.

    Raises
    ------
    StoppedError
        A signal came.
    """
    stop = Stop()
    with _heard(stop), attach(file_prefix):
        stop.check()
        yield
        stop.check()


@contextmanager
def _heard(stop: Stop) -> Iterator[None]:
    """Handle signals from before the first file is made until the last one is gone."""
    with stop.on_signals():
        try:
            yield
        except (StoppedError, KeyboardInterrupt, EalInitError):
            if not stop.requested:
                raise
            # also where it interrupted a system call of rte_eal_init, which failed
            sys.stderr.write("ended by a signal before it was done; nothing is left\n")
            stop.check()
