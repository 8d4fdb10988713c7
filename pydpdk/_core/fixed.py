"""Objects that are made once, and whose public attributes stay as they were made.

C has sized its buffers by them, and another thread may be in a call: an object that changed under
it would be a crash.
"""

from __future__ import annotations

from functools import update_wrapper
from typing import Any, cast

from pydpdk import _crossing


class Fixed(_crossing.Fixed):
    """The base of what holds memory of C, or says how long it is.

    A second `__init__` raises. A public name can be set once, in the constructor, unless it is a
    property with a setter; what begins with `_` is ours. A class with `__slots__` has `_begun`
    among them.
    """

    __slots__ = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        init = cls.__dict__.get("__init__")
        if init is not None:
            once: Any = update_wrapper(cast("Any", _crossing.Once(init)), init)
            cls.__init__ = once  # type: ignore[method-assign]
