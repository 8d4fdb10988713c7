"""The EAL of this process: its options and checks, its start, the running instance.

The names below are from `lifecycle` and are loaded on first use, so that `options`, `checks`,
`resolve` and `lcores` work without libdpdk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING as _TYPE_CHECKING, Any as _Any

if _TYPE_CHECKING:
    from pydpdk.eal.lifecycle import (
        Eal,
        EalState,
        Observer,
        begin,
        current,
        init,
        is_primary,
        join,
        observe,
        require_primary,
        require_running,
        running,
        state,
    )  # fmt: skip

__all__ = ["Eal", "EalState", "Observer", "begin", "current", "init", "is_primary", "join",
           "observe", "require_primary", "require_running", "running", "state"]  # fmt: skip

if not _TYPE_CHECKING:  # so that the type checker reports unknown names

    def __getattr__(name: str) -> _Any:
        """Load a name of `lifecycle` (PEP 562)."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from pydpdk.eal import lifecycle

        value = globals()[name] = getattr(lifecycle, name)
        return value
