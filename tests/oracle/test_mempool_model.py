"""Pools of objects against a model: a set of ids that are out, and what was written to each."""

import itertools

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from pydpdk import Eal, ObjectPool
from pydpdk.errors import ClosedError, NoRoomError
from pydpdk.memory.objects_kind import PoolOps

N = 100
EXAMPLES, STEPS = 20, 60
_names = (f"model{i}" for i in itertools.count())
steps = 0


class Model(RuleBasedStateMachine):
    ops = "ring_mp_mc"
    cache_size = 0
    flags = 0

    def __init__(self) -> None:
        super().__init__()
        self.pool = ObjectPool.create(
            next(_names), N, "u8", ops_name=self.ops, cache_size=self.cache_size, flags=self.flags
        )
        self.pool.write(range(N), 0)
        self.out: set[int] = set()
        self.written = dict.fromkeys(range(N), 0)

    @rule(n=st.integers(0, N + 1))
    def get(self, n: int) -> None:
        if n > N - len(self.out):
            with pytest.raises(NoRoomError):
                self.pool.get(n)
            return
        ids = self.pool.get(n).tolist()
        assert len(set(ids)) == len(ids) == n
        assert not self.out & set(ids)
        self.out |= set(ids)

    @rule(data=st.data())
    def put(self, data: st.DataObject) -> None:
        ids = (
            data.draw(st.lists(st.sampled_from(sorted(self.out)), unique=True)) if self.out else []
        )
        self.pool.put(ids)
        self.out -= set(ids)

    @rule(ids=st.lists(st.integers(-2, N + 1), min_size=1, max_size=5))
    def put_anything(self, ids: list[int]) -> None:
        if not all(0 <= i < N for i in ids):
            with pytest.raises((ValueError, ClosedError)):
                self.pool.put(ids)
        elif set(ids) <= self.out and len(set(ids)) == len(ids):
            self.pool.put(ids)
            self.out -= set(ids)
        else:
            with pytest.raises(ClosedError):
                self.pool.put(ids)

    @rule(value=st.integers(0, (1 << 64) - 1))
    def write(self, value: int) -> None:
        ids = sorted(self.out)
        self.pool.write(ids, value)
        self.written.update(dict.fromkeys(ids, value))

    @invariant()
    def agrees(self) -> None:
        global steps
        steps += 1
        assert (self.pool.in_use_count, self.pool.avail_count) == (
            len(self.out), N - len(self.out),
        )  # fmt: skip
        assert self.pool.outstanding().tolist() == sorted(self.out)
        assert self.pool.read(range(N)).tolist() == list(self.written.values())

    def teardown(self) -> None:
        self.pool.put(np.array(sorted(self.out), np.intp))
        assert self.pool.avail_count == N
        self.pool.close()


@pytest.mark.parametrize("cache_size", [0, 32])
@pytest.mark.parametrize("ops", [*map(str, PoolOps)])
def test_a_pool_matches_a_set(eal: Eal, ops: str, cache_size: int):
    kind = type("Model", (Model,), {"ops": ops, "cache_size": cache_size})
    run_state_machine_as_test(
        kind,
        settings=settings(
            max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, database=None
        ),
    )


def test_there_were_enough_steps():
    if not steps:
        pytest.skip("counts the steps of the tests above")
    assert steps >= 10_000, steps
