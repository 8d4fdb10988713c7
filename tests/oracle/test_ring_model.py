"""Rings against a deque: the same results for thousands of operations in any order."""

import sys
from collections import deque

import numpy as np
import pytest
from hypothesis import HealthCheck, settings, strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from oracle.rings import DTYPES, SYNCS, same, values
from pydpdk import Eal, Ring

EXAMPLES, STEPS = 32, 50  # for each of 4 x 4 kinds: 25,600 steps at most
_steps = 0


def fail(whether: bool) -> None:
    if whether:
        raise LookupError


class RingMachine(RuleBasedStateMachine):
    """One ring and one deque; `sync` and `dtype` are set by the test."""

    name: str
    sync: str
    dtype: np.dtype
    seed = 0

    @initialize(size=st.integers(1, 40), exact=st.booleans())
    def create(self, size: int, exact: bool) -> None:
        size = size if exact else 1 << size.bit_length()
        sides = {"producer": self.sync, "consumer": self.sync}
        self.ring = Ring.create(self.name, size, element=self.dtype, exact_size=exact, **sides)
        self.capacity = size if exact else size - 1
        self.model: deque[bytes] = deque()

    def fresh(self, n: int) -> np.ndarray:
        type(self).seed += 1
        return values(self.dtype, n, self.seed)

    def fits(self, n: int, bulk: bool) -> int:
        room = self.capacity - len(self.model)
        return (n if n <= room else 0) if bulk else min(n, room)

    def there(self, n: int, bulk: bool) -> int:
        return (n if n <= len(self.model) else 0) if bulk else min(n, len(self.model))

    @rule(n=st.integers(0, 60), bulk=st.booleans())
    def enqueue(self, n: int, bulk: bool) -> None:
        data = self.fresh(n)
        took = self.ring.enqueue_bulk(data) if bulk else self.ring.enqueue_burst(data)
        assert took == self.fits(n, bulk)
        self.model.extend(data[i].tobytes() for i in range(took))

    @rule(n=st.integers(0, 60), bulk=st.booleans())
    def dequeue(self, n: int, bulk: bool) -> None:
        out = self.fresh(n)
        before = out.copy()
        got = self.ring.dequeue_bulk(out) if bulk else self.ring.dequeue_burst(out)
        assert got == self.there(n, bulk)
        assert out[:got].tobytes() == b"".join(self.model.popleft() for _ in range(got))
        assert same(out[got:], before[got:])

    @rule(n=st.integers(0, 60), bulk=st.booleans(), part=st.floats(0, 1), fails=st.booleans())
    def enqueue_zc(self, n: int, bulk: bool, part: float, fails: bool) -> None:
        if self.sync not in ("single", "hts"):
            return
        n = min(n, self.capacity)
        data = self.fresh(n)
        try:
            with self.ring.enqueue_zc(n, bulk=bulk) as slots:
                assert len(slots) == self.fits(n, bulk)
                slots.first[:] = data[: len(slots.first)]
                slots.second[:] = data[len(slots.first) : len(slots)]
                slots.commit(commit := int(len(slots) * part))
                fail(fails)
        except LookupError:
            commit = 0
        self.model.extend(data[i].tobytes() for i in range(commit))

    @rule(n=st.integers(0, 60), bulk=st.booleans(), part=st.floats(0, 1), fails=st.booleans())
    def dequeue_zc(self, n: int, bulk: bool, part: float, fails: bool) -> None:
        if self.sync not in ("single", "hts"):
            return
        n = min(n, self.capacity)
        try:
            with self.ring.dequeue_zc(n, bulk=bulk) as slots:
                assert len(slots) == self.there(n, bulk)
                expected = b"".join(self.model[i] for i in range(len(slots)))
                assert b"".join(piece.tobytes() for piece in slots.pieces) == expected
                slots.commit(commit := int(len(slots) * part))
                fail(fails)
        except LookupError:
            commit = 0
        for _ in range(commit):
            self.model.popleft()

    @invariant()
    def counts_agree(self) -> None:
        global _steps
        if not hasattr(self, "ring"):
            return
        _steps += 1
        n = len(self.model)
        assert (len(self.ring), self.ring.free_count) == (n, self.capacity - n)
        assert (self.ring.empty, self.ring.full) == (n == 0, n == self.capacity)

    def teardown(self) -> None:
        if hasattr(self, "ring"):
            self.ring.close()


@pytest.mark.parametrize("sync", SYNCS)
@pytest.mark.parametrize("esize", DTYPES)
def test_a_ring_matches_a_deque(eal: Eal, name: str, sync: str, esize: int):
    """test_ring_burst_bulk_tests, in every order."""
    case = type(
        "Case", (RingMachine,), {"name": name, "sync": sync, "dtype": DTYPES[esize], "seed": 0}
    )
    run_state_machine_as_test(
        case,
        settings=settings(
            max_examples=EXAMPLES, stateful_step_count=STEPS, derandomize=True, deadline=None,
            database=None, suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip


def test_ten_thousand_steps_were_taken(request: pytest.FixtureRequest, capsys):
    """For all kinds above together, without a difference."""
    others = [
        item for item in request.session.items if item.function is test_a_ring_matches_a_deque
    ]
    if len(others) < len(SYNCS) * len(DTYPES):
        pytest.skip("counts only when all the kinds have run")
    assert _steps >= 10_000
    with capsys.disabled():
        sys.stdout.write(f"\n{_steps} steps of rings without a difference: ")
