"""Tables of routes and of keys against the simplest model of each, over random steps.

The suite takes a few thousand steps, `scripts/tools/table_model` a million.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pydpdk import Fib, Fib6, Hash, NoRoomError, NotFoundError

STEP_BITS, FIRST_BITS = 8, 24
V4_DEPTHS = (range(9), range(7, 18), range(21, 28), range(23, 33), range(33))
V6_DEPTHS = (
    range(9), range(22, 35), range(31, 42), range(60, 67), range(103, 115), range(118, 129),
    range(129),
)  # fmt: skip


class Model:
    """The longest prefix of each address by trying all depths; free space by counting."""

    def __init__(self, bits: int, default: int, max_routes: int, max_steps: int) -> None:
        self.bits, self.default = bits, default
        self.max_routes, self.max_steps = max_routes, max_steps
        self.hops: dict[tuple[int, int], int] = {}
        self.depths: Counter[int] = Counter()
        self.steps: Counter[tuple[int, int]] = Counter()

    def hop(self, ip: int) -> int:
        for depth in self.order():
            found = self.hops.get((depth, ip >> (self.bits - depth)))
            if found is not None:
                return found
        return self.default

    def order(self) -> list[int]:
        return sorted(self.depths, reverse=True)

    def _steps(self, depth: int, top: int) -> list[tuple[int, int]]:
        behind = range(FIRST_BITS, depth, STEP_BITS)
        return [(each, top >> (depth - each)) for each in behind]

    def add(self, depth: int, top: int, hop: int) -> bool:
        steps = self._steps(depth, top)
        if (depth, top) not in self.hops:
            news = sum(step not in self.steps for step in steps)
            if len(self.hops) == self.max_routes or len(self.steps) + news > self.max_steps:
                return False
            self.depths[depth] += 1
            self.steps.update(steps)
        self.hops[depth, top] = hop
        return True

    def delete(self, depth: int, top: int) -> bool:
        if self.hops.pop((depth, top), None) is None:
            return False
        _take(self.depths, [depth])
        _take(self.steps, self._steps(depth, top))
        return True

    def borders(self, depth: int, top: int) -> list[int]:
        """Return the first and last address of a prefix, and those next to them."""
        width = self.bits - depth
        first, last = top << width, (top + 1 << width) - 1
        whole = (1 << self.bits) - 1
        return [first, last, first - 1 & whole, last + 1 & whole]


def _take(counter: Counter[Any], keys: list[Any]) -> None:
    counter.subtract(keys)
    for key in keys:
        if counter[key] == 0:
            del counter[key]


@dataclass
class Routes:
    """One table, its model, and the operations on both."""

    fib: Fib | Fib6
    model: Model
    hop_max: int
    chance: random.Random
    done: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        bits = self.model.bits
        whole = (1 << bits) - 1
        self.anchors = [
            0,
            whole,
            whole,
            self.chance.getrandbits(bits),
            self.chance.getrandbits(bits),
        ]
        self.some_hops = [self.chance.randint(0, self.hop_max) for _ in range(2)]
        self.some_hops += [0, self.model.default, self.hop_max]

    def prefix(self) -> tuple[int, int]:
        """Return a prefix near an anchor, so that prefixes nest, touch and cover each other."""
        if self.model.hops and self.chance.random() < 0.4:
            depth, top = self.chance.choice(list(self.model.hops))
            if self.chance.random() < 0.5:
                return depth, top ^ 1 if depth else top
            return depth, top
        depth = self.chance.choice(
            self.chance.choice(V4_DEPTHS if self.model.bits == 32 else V6_DEPTHS)
        )
        top = self.chance.choice(self.anchors) >> (self.model.bits - depth)
        free = min(depth, self.chance.choice((0, 0, 1, 2, 3)))
        return depth, top ^ self.chance.getrandbits(free) if free else top

    def text(self, depth: int, top: int) -> Any:
        network = self.fib._network
        return network((top << (self.model.bits - depth), depth))

    def step(self) -> None:
        depth, top = self.prefix()
        if self.chance.random() < (0.7 if self.done["emptying"] % 2 == 0 else 0.25):
            self._add(depth, top, self.chance.choice(self.some_hops))
        else:
            self._delete(depth, top)
        if self.chance.random() < 0.001:
            self.done["emptying"] += 1
        asked = [*self.model.borders(depth, top), 0, (1 << self.model.bits) - 1, *self.anchors[3:]]
        if self.model.hops:
            asked += self.model.borders(*self.chance.choice(list(self.model.hops)))
        self.check(asked)

    def _add(self, depth: int, top: int, hop: int) -> None:
        fits = self.model.add(depth, top, hop)
        try:
            self.fib.add(self.text(depth, top), hop)
        except NoRoomError:
            assert not fits, f"rejected with room: {self.text(depth, top)} {self.room()}"
            self.done["rejected"] += 1
            if self.done["rejected"] % 50 == 0:
                self.check_all()
        else:
            assert fits, f"added without room: {self.text(depth, top)} {self.room()}"
            self.done["added"] += 1

    def _delete(self, depth: int, top: int) -> None:
        there = self.model.delete(depth, top)
        try:
            self.fib.delete(self.text(depth, top))
        except NotFoundError:
            assert not there, f"not found: {self.text(depth, top)}"
        else:
            assert there, f"found: {self.text(depth, top)}"
            self.done["deleted"] += 1

    def room(self) -> str:
        return f"{len(self.model.hops)} routes, {len(self.model.steps)} steps"

    def check(self, asked: list[int]) -> None:
        found = self.fib.find(self.addresses(asked)).tolist()
        right = [self.model.hop(ip) for ip in asked]
        if found != right:
            wrong = [(hex(a), f, r) for a, f, r in zip(asked, found, right, strict=True) if f != r]
            raise AssertionError(f"{wrong[:5]} with {sorted(self.model.hops.items())}")

    def addresses(self, asked: list[int]) -> Any:
        if self.model.bits == 32:
            return np.array(asked, np.uint32)
        data = b"".join(ip.to_bytes(16, "big") for ip in asked)
        return np.frombuffer(data, np.uint8).reshape(-1, 16)

    def check_all(self) -> None:
        """Check each place where the result may change, some between, and the free space."""
        asked = [ip for prefix in self.model.hops for ip in self.model.borders(*prefix)]
        asked += [self.chance.getrandbits(self.model.bits) for _ in range(20)]
        self.check(asked)
        counts = self.fib._c.routes
        assert (counts.n, counts.steps) == (len(self.model.hops), len(self.model.steps))


def routes_of(kind: type[Fib | Fib6], name: str, nh_bytes: int, chance: random.Random) -> Routes:
    """Make a small table that is full from time to time, by routes or by steps."""
    hop_max = (1 << 8 * nh_bytes - 1) - 1
    default = chance.choice((0, 1, hop_max))
    bits = 32 if kind is Fib else 128
    max_routes = chance.choice((40, 100, 400))
    max_steps = chance.choice((1, 3, 20) if bits == 32 else (4, 14, 60))
    fib = kind(
        name, max_routes=max_routes, default_nh=default, nh_bytes=nh_bytes, num_tbl8=max_steps
    )
    return Routes(fib, Model(bits, default, max_routes, max_steps), hop_max, chance)


def walk_routes(tables: list[Routes], steps: int, check_every: int = 500) -> Iterator[int]:
    """Do so many steps in each table; yield from time to time how many are done."""
    for step in range(steps):
        for table in tables:
            table.step()
        if step % check_every == check_every - 1:
            for table in tables:
                table.check_all()
            yield step + 1


BATCHES = (1, 2, 7, 31, 32, 33, 62, 63, 64, 65, 66, 126, 127, 128, 129, 191, 192, 193, 256, 300)


@dataclass
class Keys:
    """One table of keys and a dictionary."""

    table: Hash
    chance: random.Random
    positions: dict[int, int] = field(default_factory=dict)
    done: Counter[str] = field(default_factory=Counter)

    def key(self) -> int:
        return self.chance.randrange(3 * self.table.capacity)

    def keys(self) -> tuple[list[int], np.ndarray]:
        numbers = [self.key() for _ in range(self.chance.choice(BATCHES))]
        return numbers, as_keys(self.table.dtype, numbers)

    def step(self) -> None:
        numbers, keys = self.keys()
        what = self.chance.choice((self._lookup, self._lookup, self._add, self._add, self._delete))
        what(numbers, keys)

    def _lookup(self, numbers: list[int], keys: np.ndarray) -> None:
        right = [self.positions.get(number, -1) for number in numbers]
        assert self.table.find(keys).tolist() == right

    def _add(self, numbers: list[int], keys: np.ndarray) -> None:
        news = set(numbers) - set(self.positions)
        try:
            found = self.table.add(keys).tolist()
        except NoRoomError:
            assert len(self.positions) + len(news) > self.table.capacity
            self.done["rejected"] += 1
        else:
            assert len(self.positions) + len(news) <= self.table.capacity
            self.positions.update(zip(numbers, found, strict=True))
            assert found == [self.positions[number] for number in numbers]
            assert len(set(self.positions.values())) == len(self.positions)
            assert all(0 <= position < self.table.capacity for position in found)
            self.done["added"] += len(news)
        self._lookup(numbers, keys)

    def _delete(self, numbers: list[int], keys: np.ndarray) -> None:
        right = [self.positions.pop(number, -1) for number in numbers]
        assert self.table.delete(keys).tolist() == right
        self._lookup(numbers, keys)
        self.done["deleted"] += sum(position >= 0 for position in right)

    def check_all(self) -> None:
        assert len(self.table) == len(self.positions)
        everything = list(range(3 * self.table.capacity))
        self._lookup(everything, as_keys(self.table.dtype, everything))
        keys, positions = self.table.items()
        numbers = as_numbers(keys)
        assert dict(zip(numbers, positions.tolist(), strict=True)) == self.positions


def as_keys(dtype: np.dtype[Any], numbers: list[int]) -> np.ndarray:
    data = b"".join(number.to_bytes(dtype.itemsize, "little") for number in numbers)
    return np.frombuffer(data, dtype.base).reshape(-1, *dtype.shape)


def as_numbers(keys: np.ndarray) -> list[int]:
    data, size = keys.tobytes(), keys.nbytes // max(len(keys), 1)
    return [int.from_bytes(data[i : i + size], "little") for i in range(0, len(data), size or 1)]
