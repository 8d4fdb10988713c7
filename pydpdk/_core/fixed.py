"""Objects that are initialised once, and whose public attributes never change.

C has sized its buffers by them, and another thread may be in a call: a change would be a crash.
"""

from __future__ import annotations

from functools import update_wrapper
from typing import Any, cast

from pydpdk import _crossing


class Fixed(_crossing.Fixed):
    """The base of classes that own memory of C, or say how long it is.

    A second `__init__` raises. A public name can be set once, in the constructor, unless it is a
    property with a setter; names with `_` are free. A class with `__slots__` lists `_begun`.
    """

    __slots__ = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        init = cls.__dict__.get("__init__")
        if init is not None:
            once: Any = update_wrapper(cast("Any", _crossing.Once(init)), init)
            cls.__init__ = once  # type: ignore[method-assign]
