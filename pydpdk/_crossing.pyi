from collections.abc import Callable
from typing import Any

import numpy as np

SEND: int
FILL: int
GIVE: int
TAKE: int

class Handle:
    def _bind(self, address: int, dtype: np.dtype[Any]) -> None: ...

class Crossing:
    def __init__(self, careful: Callable[..., Any], address: int, how: int, /) -> None: ...
