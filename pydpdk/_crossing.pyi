from collections.abc import Callable
from typing import Any

import numpy as np

SEND: int
FILL: int
GIVE: int
TAKE: int
COUNT: int
ACT: int
MOVE: int
DRAW: int
ROWS: int

class Locked:
    def __init__(
        self,
        lock: Any,
        check: Callable[[], object] | None = ...,
        failed: Callable[[int], object] | None = ...,
        /,
    ) -> None: ...
    def __enter__(self) -> None: ...
    def __exit__(self, *error: object) -> None: ...

class Undo:
    def __init__(self, function: Callable[..., object], /, *arguments: Any) -> None: ...
    def __enter__(self) -> None: ...
    def __exit__(self, *error: object) -> None: ...

class Fixed: ...

class Once:
    def __init__(self, init: Callable[..., None], /) -> None: ...

class Handle(Fixed):
    _fallback_only: bool
    def _bind(
        self,
        address: int,
        kind: str,
        dtype: np.dtype[Any] = ...,
        count: int = ...,
        cells: int = ...,
        /,
    ) -> None: ...
    def _keep(self, kept: object, /) -> None: ...
    def _made_of(self, parts: tuple[Handle, ...], /) -> None: ...

class Accessor(Handle):
    _of: str
    _kind: str
    _shown: Any
    def __init__(self, shown: Handle, /) -> None: ...

class Buffer(Fixed):
    def __buffer__(self, flags: int, /) -> memoryview: ...

class Crossing:
    def __init__(
        self,
        fallback: Callable[..., Any],
        address: int,
        how: int,
        kind: str,
        other: str = ...,
        takes: str = ...,
        gives: str = ...,
        known: dict[Any, Any] = ...,
        /,
    ) -> None: ...
