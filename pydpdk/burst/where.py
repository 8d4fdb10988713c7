"""Conditions on packets in words of columns: `udp.dst_port == 53 and ipv4.src_addr in 10.0.0.0/8`.

A text becomes a tree, the tree a list of tests, each with the test that follows on either answer.
C walks that list for each packet.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pydpdk._core.fixed import Fixed
from pydpdk._core.lifetime import address_of
from pydpdk._core.objects import WhereBase, install
from pydpdk._dpdk import ffi, lib
from pydpdk.burst._condition import AllOf, Condition, In, Negation, parse
from pydpdk.burst._fit import check_written

if TYPE_CHECKING:
    from pydpdk.burst.burst import Burst

_ALL_BITS = (1 << 64) - 1
TESTS_MAX = 1024


@install("where")
class Where(Fixed, WhereBase):
    """A condition on packets, compiled once and run over bursts.

    Parameters
    ----------
    condition
        `udp.dst_port == 53 and ipv4.src_addr in 10.0.0.0/8`: names of columns, compared by `==`,
        `!=`, `<`, `<=`, `>`, `>=` with numbers and addresses, or by `in` with a prefix, a range
        `1024..65535`, or a list `[53, 80, 8000..8080]`; `tcp.tcp_flags & 0x12 == 0x12` looks at
        some bits; `vlan?` asks whether packets have a header. All joined by `and`, `or`, `not` and
        parentheses. A comparison of a field that a packet does not have is false, `!=` as well.

    Raises
    ------
    ValueError, TypeError
        It is no condition; the message says where, and what is allowed there.

    Notes
    -----
    Owns     its tests, in memory of Python
    Threads  any number may match, each its own burst
    Cost     6 ns to locate the headers of a packet, and 2 to 3 ns for each test of it
    """

    __slots__ = ("_begun", "_c", "_kept", "condition")

    def __init__(self, condition: str) -> None:
        tree = parse(condition)
        self.condition = condition
        tests, ranges, depth = compile_tests(tree)
        c_tests = ffi.new("struct pyd_test[]", tests)
        c_ranges = ffi.new("struct pyd_range[]", ranges)
        fields = {"tests": c_tests, "ranges": c_ranges, "depth": depth}
        self._c: Any = ffi.new("struct pyd_where *", fields)
        self._kept = c_tests, c_ranges
        self._keep(self._c)
        self._bind(address_of(self._c))

    def match(self, burst: Burst) -> npt.NDArray[np.bool_]:
        """Return `bool[n]`, True for packets of a burst for which the condition holds."""
        try:
            mask = np.empty(len(burst), np.bool_)
            data = ffi.from_buffer("uint8_t *", mask)
            result = lib.pyd_where_match(self._c, burst._c, data, len(mask))
        except (AttributeError, TypeError):
            raise TypeError(f"burst must be a Burst (got {burst!r})") from None
        check_written(burst, min(result, 0))
        return mask

    def __repr__(self) -> str:
        return f"<Where {self.condition!r}>"


@lru_cache(256)
def compiled(condition: str) -> Where:
    """Return the condition of a text, the same object each time."""
    return Where(condition)


Tests = list[dict[str, Any]]


class _Compiler:
    """Lists tests, the last one first, as each needs the numbers of those that follow it."""

    def __init__(self) -> None:
        self.tests: Tests = []
        self.ranges: list[tuple[int, int, int, int]] = []
        self.depth = 0

    def add(self, node: Condition, yes: int, no: int) -> int:
        """Add the tests of a condition; return the number of its first one."""
        if isinstance(node, Negation):
            return self.add(node.of, no, yes)
        if isinstance(node, In):
            return self._add_test(node, yes, no)
        for part in reversed(node.parts):
            if isinstance(node, AllOf):
                yes = self.add(part, yes, no)
            else:
                no = self.add(part, yes, no)
        return yes if isinstance(node, AllOf) else no

    def _add_test(self, node: In, yes: int, no: int) -> int:
        self.depth = max(self.depth, node.spec.depth)
        self.tests.append({
            "column": {**node.spec.c, "start": 0}, "mask": node.mask,
            "first": len(self.ranges), "n": len(node.ranges), "yes": yes, "no": no,
        })  # fmt: skip
        self.ranges.extend(map(_c_range, node.ranges))
        if len(self.tests) > TESTS_MAX:
            raise ValueError(f"a condition may have up to {TESTS_MAX} comparisons")
        return len(self.tests) - 1


def compile_tests(tree: Condition) -> tuple[Tests, list[tuple[int, int, int, int]], int]:
    """Return the tests of a tree from the first on, their ranges, and how deep C parses."""
    compiler = _Compiler()
    ends = {-1: lib.PYD_WHERE_NO, -2: lib.PYD_WHERE_YES}
    first = compiler.add(tree, -2, -1)
    last = len(compiler.tests) - 1
    assert first == last  # noqa: S101  # it was added last
    for test in compiler.tests:
        for answer in ("yes", "no"):
            follows = test[answer]
            test[answer] = ends[follows] if follows < 0 else last - follows
    return compiler.tests[::-1], compiler.ranges, compiler.depth


def _c_range(ends: tuple[int, int]) -> tuple[int, int, int, int]:
    low, high = ends
    return low >> 64, low & _ALL_BITS, high >> 64, high & _ALL_BITS
