"""When calls of the data path give up Python's GIL.

`auto`, the default, keeps it for work of up to about 2 us and gives it up for longer work, where a
driver makes system calls, and where pools or rings are shared with another process; threads that
poll at the same time hand it over to each other every 0.2 ms. `keep` and `release` do the same for
every call. `PYDPDK_GIL=release` in the environment sets it at import. docs/performance.md has the
figures, and says what `sys.setswitchinterval` does.
"""

from __future__ import annotations

from pydpdk._core import objects
from pydpdk._core.choice import one_of
from pydpdk.choices import GilMode

__all__ = ["GilMode", "mode", "set_mode"]


def mode() -> GilMode:
    """Return when calls of this process give up the GIL."""
    return GilMode(objects.gil_mode())


def set_mode(mode: GilMode | str) -> None:
    """Set when calls of this process give up the GIL, from each thread's next call on.

    Parameters
    ----------
    mode
        `keep` is for a process that alone uses its memory and polls no driver that makes system
        calls: a call that waits in C makes every thread wait, and recovery too.

    Raises
    ------
    ValueError
        It is none of the modes.
    """
    objects.set_gil_mode(one_of(GilMode, "mode", mode))
