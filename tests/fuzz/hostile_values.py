"""Bad values for any argument."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np


class Index:
    """An integer through `__index__` only."""

    def __init__(self, value: int) -> None:
        self.value = value

    def __index__(self) -> int:
        return self.value

    def __repr__(self) -> str:
        return f"Index({self.value})"


class Liar:
    """Answers every attribute access."""

    def __getattr__(self, name: str) -> Liar:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __repr__(self) -> str:
        return "Liar()"


NUMBERS: list[Any] = [
    0, -1, 1, 3, 65535, 65536, 1 << 31, 1 << 32, (1 << 32) - 1, 1 << 63, 1 << 64, -(1 << 70),
    10**30, 1 << 200, 1.5, float("nan"), float("inf"), -float("inf"), 1j, True, False,
    np.int8(5), np.uint64(1 << 63), np.float64("nan"), Index(1), Index(-1), Index(1 << 40),
]  # fmt: skip
TEXTS: list[Any] = [
    "", "x" * 31, "x" * 300, "é", "a\0b", "\ud800", "%s%n%p", "../../x", "net_null_h", "-1", " ",
    b"", b"bytes", bytearray(3), memoryview(b"abc"), Path("nowhere"),
]  # fmt: skip


def _read_only() -> Any:
    array = np.zeros(3, np.uint8)
    array.flags.writeable = False
    return array


ARRAYS: list[Any] = [
    np.zeros(3), np.zeros(3, np.uint64), np.zeros((2, 2), np.uint64), np.zeros(9, "u8")[::3],
    np.zeros((4, 4), "u8", order="F"), np.array(7), np.zeros(0), np.array([None, "x"]),
    np.full(3, -1), np.full(3, 1 << 63, np.uint64), np.zeros(3, ">u8"), np.zeros(3, "U4"),
    np.zeros(2, [("a", "u1"), ("b", "O")]), np.array(["NaT"], "M8[s]"), _read_only(),
]  # fmt: skip
OTHERS: list[Any] = [
    None, [], (), {}, [None], ["x"], [[1]], {1: 2}, {0}, range(3), object, object(), print,
    lambda *_: None, type, ..., NotImplemented, ValueError("x"), Liar(),
]  # fmt: skip
PLAIN = NUMBERS + TEXTS + ARRAYS + OTHERS
