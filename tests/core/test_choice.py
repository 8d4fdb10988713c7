"""Closed sets of strings: members and their strings do, all else raises with what is possible."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from pydpdk import (
    Burst,
    Eal,
    EalState,
    Forward,
    ForwardMode,
    IovaMode,
    ObjectPool,
    PoolOps,
    Port,
    PortState,
    ProcType,
    Ring,
    RingSync,
)
from pydpdk._core.choice import one_of
from pydpdk.eal import state

WRONG = ("MULTI", "", "rts ", b"rts", None, 1, ["rts"], {}, ProcType.PRIMARY)


@pytest.mark.parametrize("value", [RingSync.RTS, "rts"])
def test_a_member_and_its_string_are_the_same(value: str) -> None:
    assert one_of(RingSync, "producer", value) is RingSync.RTS
    assert (value == "rts", {"rts": 1}[value], json.dumps(value)) == (True, 1, '"rts"')


@pytest.mark.parametrize("wrong", WRONG)
def test_the_error_has_what_is_possible(wrong: object) -> None:
    said = f"producer must be one of multi, single, rts, hts (got {wrong!r})"
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        one_of(RingSync, "producer", wrong)


@pytest.mark.parametrize("wrong", ["x", None, 5, []], ids=repr)
def test_every_argument_of_a_closed_set_is_checked(
    eal: Eal, burst: Burst, name: str, wrong: Any
) -> None:
    calls: dict[str, Callable[[], object]] = {
        "mode must be one of io, macswap": lambda: Forward(burst, [], wrong),
        "producer must be one of multi": lambda: Ring.create(name, 8, producer=wrong),
        "consumer must be one of multi": lambda: Ring.create(name, 8, consumer=wrong),
        "ops_name must be one of ring_mp_mc": lambda: ObjectPool.create(
            name, 8, "u8", ops_name=wrong
        ),
    }
    for said, call in calls.items():
        with pytest.raises(ValueError, match=rf"^{said}.*\(got {re.escape(repr(wrong))}\)$"):
            call()


def test_answers_are_members(eal: Eal, null: Port, name: str) -> None:
    with Ring.create(name, 8, producer="hts", consumer=RingSync.SINGLE) as ring:
        assert [type(side) for side in (ring.producer, ring.consumer)] == [RingSync] * 2
        assert (ring.producer, ring.consumer) == ("hts", "single")
    assert type(null.state) is PortState
    assert type(eal.proc_type) is ProcType
    assert type(eal.iova_mode) is IovaMode
    assert state() is EalState.RUNNING


def test_ops_and_modes_are_complete() -> None:
    assert list(ForwardMode) == ["io", "macswap"]
    assert set(PoolOps) > {"stack", "lf_stack", "ring_mp_mc"}
