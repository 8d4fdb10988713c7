"""Jobs on lcores of the sweep, and a worker that takes any arguments."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from sweep_names import name
from waiting import until

from pydpdk import lcore, worker


def _until_stopped() -> None:
    until(lambda: not lcore.running(), math.inf)


@worker
def takes(*things):
    """Compile for any arguments."""
    return 0


class Jobs:
    """The jobs of a `Fixtures`."""

    keep: Callable[[str, Callable[[], Any]], Any]

    @property
    def job(self) -> lcore.Job:
        """A job that ends when asked to."""
        return self.keep("job", lambda: lcore.launch(_until_stopped))

    @property
    def ended(self) -> lcore.Job:
        """A job that ends by itself."""
        return self.keep("ended", lambda: lcore.launch(name))
