"""Timeouts: one name, one unit, one check, in every call that waits."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
import threading
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from types import FunctionType
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import pytest

import pydpdk
from pydpdk import Burst, Channel, Eal, Member, lcore, messages
from pydpdk._core.objects import checked_of
from pydpdk._core.timeouts import FOREVER_S, check_timeout, deadline, left, left_ms, left_ns
from pydpdk.app.stop import Stop

ELSEWHERE = ("pydpdk.host", "pydpdk.cli", "pydpdk.testing", "pydpdk.__main__")
"""Modules without waits of the API: of the host without the binding, and of the command line."""


def public(path: str) -> bool:
    return not any(part.startswith("_") for part in path.split("."))


def functions() -> Iterator[tuple[str, FunctionType]]:
    """Yield all public functions, methods and constructors; fields of values are no parameters."""
    for found in pkgutil.walk_packages(pydpdk.__path__, "pydpdk."):
        if not public(found.name) or found.name.startswith(ELSEWHERE):
            continue
        module = importlib.import_module(found.name)
        for name, made in vars(module).items():
            if not public(name) or getattr(made, "__module__", "") != found.name:
                continue
            function = checked_of(made) if callable(made) else made
            if isinstance(function, FunctionType):
                yield f"{found.name}.{name}", function
            elif isinstance(made, type) and not dataclasses.is_dataclass(made):
                yield from methods(f"{found.name}.{name}", made)


def methods(path: str, kind: type) -> Iterator[tuple[str, FunctionType]]:
    for name, made in vars(kind).items():
        if name == "__init__" or public(name):
            function = checked_of(getattr(made, "__func__", made)) if made else made
            if isinstance(function, FunctionType):
                yield f"{path}.{name}", function


FUNCTIONS = dict(functions())
WAITS = {
    path: function
    for path, function in FUNCTIONS.items()
    if "timeout" in inspect.signature(function).parameters
}
ARGUMENTS: dict[str, Any] = {
    "name": "x", "message": b"x", "messages": [b"x"], "data": b"x", "lengths": [1], "n": 1,
}  # fmt: skip
INSIDE = {
    "pydpdk.app.peers.when_served",
    "pydpdk.eal.waits.wait_for_turn",
    "pydpdk.process.channel.batches.get_batch",
    "pydpdk.process.channel.batches.get_records",
    "pydpdk.process.channel.batches.send_batch",
    "pydpdk.process.channel.message.Message.__init__",
}
"""Waits of pydpdk's own, with timeouts that are constant or checked."""


def test_the_waits_are_found():
    assert len(WAITS) > 18
    assert {"pydpdk.process.channel.Channel.get", "pydpdk.lcore.job.Job.result"} <= set(WAITS)


def test_no_parameter_has_the_unit_of_a_wait_in_its_name():
    named = {
        f"{path}({parameter})"
        for path, function in FUNCTIONS.items()
        for parameter in inspect.signature(function).parameters
        if parameter.endswith(("_s", "_ms", "_us", "_ns"))
    }
    assert named == set()


@pytest.mark.parametrize("path", sorted(WAITS.keys() - INSIDE))
@pytest.mark.parametrize(
    ("wrong", "error"),
    [(-1, ValueError), (float("nan"), ValueError), (True, TypeError), ("1", TypeError)],
)
def test_a_wrong_timeout_raises(
    eal: Eal, name: str, path: str, wrong: object, error: type[Exception]
):
    with Channel.create(name, 16, message_bytes=8) as channel, Burst(1) as burst:
        made = {"Channel": channel, "Job": launched(), "Member": unstarted()}
        itself = made.get(path.split(".")[-2], MagicMock())
        check(path, {**ARGUMENTS, "self": itself, "burst": burst}, wrong, error)


def check(path: str, arguments: dict[str, Any], wrong: object, error: type[Exception]) -> None:
    parameters = inspect.signature(WAITS[path]).parameters.values()
    needed = {
        p.name: arguments.get(p.name, MagicMock())
        for p in parameters
        if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD
    }
    with pytest.raises(error, match="timeout must be"):
        waits = WAITS[path](**{**needed, "timeout": wrong})
        next(waits)  # of a generator, which a `with` block runs


def launched() -> lcore.Job:
    job = lcore.launch(int)
    job.result(10)
    return job


def unstarted() -> Member:
    return Member(MagicMock(), MagicMock(), 0, threading.Condition())


def filled(channel: Channel, call: str) -> Callable[[float | None], object]:
    def receive(timeout: float | None) -> object:
        channel.send(b"x", timeout)
        return getattr(channel, call)(*((5,) if call != "get" else ()), timeout=timeout)

    return receive


@pytest.mark.parametrize("timeout", [None, 0, 0.001, np.float32(0.001), Fraction(1, 1000), 1e300])
def test_a_timeout_is_none_or_any_number_from_0(eal: Eal, name: str, timeout: Any):
    with Channel.create(name, 16, message_bytes=8) as channel:
        for call in ("get", "get_many", "get_packed"):
            assert filled(channel, call)(timeout)
    assert launched().result(timeout) == 0
    assert launched().exception(timeout) is None
    with Stop().on_signals(timeout):
        pass


@pytest.mark.hugepages
@pytest.mark.parametrize("timeout", [None, 0, 0.001, 1e300])
def test_messages_and_recovery_take_any_timeout(eal: Eal, timeout: float | None):
    assert messages.request("x", timeout=timeout) == []
    messages.send("x", timeout=timeout)
    assert not pydpdk.recover(timeout=timeout)


def test_zero_looks_once_and_a_timeout_passes(eal: Eal, name: str):
    with Channel.create(name, 16, message_bytes=8) as channel:
        for timeout in (0, 0.05):
            start = time.monotonic()
            with pytest.raises(TimeoutError):
                channel.get(timeout)
            assert timeout <= time.monotonic() - start < timeout + 60


def test_the_units_of_c():
    assert deadline(None) is None
    assert left(None) is None
    assert left_ms(None) is None
    assert left_ns(None, 7) == 7
    end = deadline(100)
    assert end is not None
    assert 99 < left(end) <= 100
    assert 99_000 < left_ms(end) <= 100_000
    assert left_ns(end, 10**9) == 10**9
    assert 99e9 < left_ns(end, 10**12) <= 100e9 + 1
    past = time.monotonic() - 1
    assert (left(past), left_ms(past), left_ns(past, 7)) == (0, 0, 0)


def test_a_very_long_timeout_is_for_ever():
    assert check_timeout(FOREVER_S) == FOREVER_S
    assert check_timeout(FOREVER_S * 1000) is None
    assert check_timeout(10**400) is None
    assert check_timeout(float("inf")) is None
    with pytest.raises(ValueError, match=r"must be at least 0, or None \(got -inf\)"):
        check_timeout(float("-inf"))
    with pytest.raises(ValueError, match=r"interval must be at least 0, or None \(got -1\)"):
        check_timeout(-1, "interval")
