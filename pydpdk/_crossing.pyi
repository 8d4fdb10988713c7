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

class Handle:
    _careful: bool
    def _bind(self, address: int, kind: str, dtype: np.dtype[Any] = ..., /) -> None: ...

class Crossing:
    def __init__(
        self, careful: Callable[..., Any], address: int, how: int, kind: str, other: str = ..., /
    ) -> None: ...
