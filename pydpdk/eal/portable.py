"""Objects that are pickled by name and looked up again in another process."""

from __future__ import annotations

import errno
from typing import Any

from pydpdk import eal
from pydpdk._core.lifetime import Owner
from pydpdk.errors import ClosedError, NotFoundError


class Portable(Owner):
    """An object that pickles as its file prefix and name.

    Notes
    -----
    Owns  an unpickled object was looked up: closing it frees nothing
    """

    def __reduce__(self) -> tuple[Any, ...]:
        self.handle  # noqa: B018  # raises when closed
        prefix = eal.current().file_prefix
        return _reopen, (type(self), prefix, self.name, self.address, self._how())

    def _how(self) -> dict[str, Any]:
        """Return the arguments of `lookup` beside the name."""
        return {}


def _reopen(kind: Any, prefix: str, name: str, address: int, how: dict[str, Any]) -> Any:
    what = f"{kind.__name__} {name!r} of file prefix {prefix!r}"
    if eal.state() != eal.EalState.RUNNING:
        text = f"this process has no EAL: pydpdk.attach({prefix!r}) first"
        raise ClosedError(f"{what} cannot be opened: {text}")
    here = eal.current().file_prefix
    if here != prefix:
        raise NotFoundError(errno.ENOENT, f"{what} cannot be opened: this process is of {here!r}")
    try:
        found = kind.lookup(name, **how)
    except NotFoundError:
        raise NotFoundError(errno.ENOENT, f"{what} is gone: it was closed meanwhile") from None
    if found.address != address:
        raise NotFoundError(errno.ENOENT, f"{what} is gone: another has its name now")
    return found
