"""Call the whole public API with bad values; run by test_sweep.py.

Each call is printed before it is made, so that a call that ends the process is known. The outcome
must be a result or a documented exception.

    sweep.py <part> <parts>
"""

from __future__ import annotations

import contextlib
import copy
import faulthandler
import itertools
import pickle
import random
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from hostile_sequences import sequences
from hostile_values import NUMBERS, PLAIN
from sweep_channels import ended
from sweep_examples import arguments, is_record, objects
from sweep_fixtures import HUGEPAGES, Fixtures
from sweep_host_examples import EXPECTED as HOST_EXPECTED
from sweep_targets import Target, targets
from sweep_worker_examples import EXPECTED, NEEDS_HUGEPAGES, WITHOUT_HUGEPAGES

from pydpdk import Burst, Group
from pydpdk._dpdk import ffi
from pydpdk.app.stop import StoppedError
from pydpdk.eal.peers import Peers
from pydpdk.host.registry import Registration
from pydpdk.host.watch import ProcessWatch
from pydpdk.process.messages.requests import Replies, Reply
from pydpdk.ring import ZeroCopy

DOCUMENTED = (
    ValueError,  # a wrong value, ConfigError, numpy's error for a wrong shape
    TypeError,
    OSError,  # DpdkError and all of its kind
    RuntimeError,  # ClosedError
    BufferError,  # InUseError
    IndexError,
    OverflowError,  # a number too large for C, from cffi or numpy
    StoppedError,  # of an app that was asked to stop, as the fixtures' apps are
)
"""Exceptions that a call may raise; AttributeError, KeyError, SystemError, ... are our faults."""
DUCK = (AttributeError, KeyError)
"""Besides, where no C is behind: a function of plain data says so when it is given other data."""
DUCKS = (
    "config.", "explorer.", "app.", "host.", "eal.checks.", "eal.options.", "eal.lcores.",
    # used inside of public calls, which check first
    "eal.attach.", "eal.devices.", "eal.mempool_ops.", "eal.peers.", "eal.resolve.",
    "eal.instance.require_primary", "eal.start.", "eal.deaths.Watcher", "process.messages.wire.",
    "ethdev.checks.", "memory.outstanding.", "memory.objects_kind.",
)  # fmt: skip
EXPECTED |= HOST_EXPECTED
PAIRS = 24
LIMIT_S = 120
"""[s] for the calls of one target: 3 s on an idle machine."""


def may_raise(name: str) -> tuple[type[BaseException], ...]:
    return (*DOCUMENTED, *DUCK) if name.startswith(DUCKS) else DOCUMENTED


class Sweep:
    """The calls of one process."""

    def __init__(self, fixtures: Fixtures) -> None:
        self.fixtures = fixtures
        self.tried = 0
        self.late: list[tuple[str, Callable[[], Any]]] = []

    def attempt(self, what: str, call: Callable[[], Any], allowed: Any = None) -> None:
        """Make one call; report an exception that is not documented."""
        documented = may_raise(what) if allowed is None else allowed
        self.tried += 1
        sys.stdout.write(f"{what}\n")
        sys.stdout.flush()
        try:
            consume(call())
        except documented:
            pass
        except (Exception, SystemExit) as error:
            sys.stdout.write(f"UNDOCUMENTED {what}: {error!r}\n")

    def sweep(self, target: Target, makers: list[Callable[[Fixtures], Any]]) -> None:
        """Call one target with good values, then with each argument bad, then with several."""
        faulthandler.dump_traceback_later(LIMIT_S, exit=True)
        for i, make in enumerate(makers):
            what = f"{target.name} of sample {i}" if target.kind else target.name
            # not every method suits every sample, but each suits the first one
            good = EXPECTED.get(target.name, ()) if i == 0 else None
            self.attempt(f"{what}: good", self.bound(target, make), good)
            self.fixtures.tidy()
            for chosen in self.bad_arguments(target):
                said = {k: f"{v!r:.60}" for k, v in chosen.items()}
                self.attempt(f"{what}: {said}", self.bound(target, make, chosen))
                self.fixtures.tidy()
        self.fixtures.restart()

    def bound(
        self, target: Target, make: Callable[[Fixtures], Any], bad: dict[str, Any] | None = None
    ) -> Callable[[], Any]:
        def call() -> Any:
            chosen = {**arguments(self.fixtures, target), **(bad or {})}
            if target.kind is None:
                return invoke(target, chosen)
            thing = make(self.fixtures)
            chosen = {k: thing if v is ITSELF else v for k, v in chosen.items()}
            result = invoke(target, chosen, thing)
            return None if result is thing else result

        return call

    def bad_arguments(self, target: Target) -> Iterator[dict[str, Any]]:
        free = [p for p in target.parameters if p.kind is not p.VAR_POSITIONAL]
        values = self.values(target)
        for parameter in free:
            yield from ({parameter.name: v} for v in values if suits(target, parameter, v))
        chance = random.Random(target.name)
        for _ in range(PAIRS if len(free) > 1 else 0):
            some = chance.sample(free, chance.randint(2, len(free)))
            chosen = {p.name: chance.choice(values) for p in some}
            if all(suits(target, p, chosen[p.name]) for p in some):
                yield chosen

    def values(self, target: Target) -> list[Any]:
        """Return bad values; fewer for plain data, which only stores what it gets."""
        if is_record(target.call):
            return [*NUMBERS[:4], None, object()]
        h = self.fixtures
        foreign = [h.packets, h.burst, h.values, h.mbufs, h.zone, h.port, h.eal, h.objects]
        queues = [h.port.rx_queues[0], h.port.tx_queues[0]]
        return [*PLAIN, *foreign, *queues, *h.gone, ITSELF]


class _Itself:
    """Placeholder for the object whose method is called."""


ITSELF = _Itself()


def suits(target: Target, parameter: Any, value: Any) -> bool:
    """Leave out values that would take all memory, or run forever."""
    takes_room = ".create" in target.name
    if target.name == "host.elf.read_variable" and parameter.name == "size":
        return repr(value) != "Index(1099511627776)"  # read at once, MemoryError
    if parameter.name in ("n", "size", "priv_size") and takes_room:
        number = (
            value.__index__() if hasattr(type(value), "__index__") and np.ndim(value) == 0 else 0
        )
        return not 1 << 20 < number < 1 << 31  # all the memory of the machine
    if parameter.name == "timeout":
        plain = isinstance(value, int | float | np.number)
        return value is not None and not (plain and value > 0.1)
    return True


def invoke(target: Target, chosen: dict[str, Any], *first: Any) -> Any:
    """Call with arguments by position or by name, as the signature requires."""
    positional, named = list(first), {}
    for parameter in target.parameters:
        if parameter.name not in chosen:
            continue
        value = chosen[parameter.name]
        if parameter.kind is parameter.VAR_KEYWORD:
            named.update({"l2_len": value})
        elif parameter.kind is parameter.KEYWORD_ONLY:
            named[parameter.name] = value
        else:
            positional.append(value)
    return target.call(*positional, **named)


def consume(result: Any) -> None:
    """Use a result as a program would: enter it, iterate, read it, print it."""
    if isinstance(result, ffi.CData):
        return
    repr(result)
    if isinstance(result, np.ndarray):
        result.tobytes()[:16]
    elif isinstance(result, tuple) and result and isinstance(result[0], Burst):
        for burst in result:
            burst.close(force=True)
    elif isinstance(result, Iterator):
        list(itertools.islice(result, 100))
    elif isinstance(result, HOLDS_FDS):
        unref(result)
    elif isinstance(result, contextlib._GeneratorContextManager | ZeroCopy):
        with result:
            pass


HOLDS_FDS = (Group, Peers, Replies, Registration, ProcessWatch)


def unref(result: Group | Peers | Replies | Registration | ProcessWatch) -> None:
    """Close what would keep descriptors or a thread."""
    if isinstance(result, Peers):
        result.leave()
    elif isinstance(result, Registration):
        result.give_back()
    elif isinstance(result, ProcessWatch):
        result.start()
        result.stop()
    elif isinstance(result, Group) or all(isinstance(part, Reply) for part in result):
        result.close()


def probe(sweep: Sweep, name: str, make: Callable[[Fixtures], Any]) -> None:
    """Use an object in every way of the language: each gives a result or a TypeError."""
    asked: list[tuple[str, Callable[[Any], Any]]] = [
        (f.__name__, f) for f in (repr, str, bool, hash, len, dir, memoryview, np.asarray)
    ]
    asked += [(f.__name__, lambda t, f=f: f(ended(t))) for f in (iter, list, bytes)]
    asked += [("copy", copy.copy), ("deepcopy", copy.deepcopy), ("pickle", pickle.dumps)]
    asked += [(f"== {v!r:.40}", lambda t, v=v: t == v) for v in PLAIN[::8]]
    asked += [(f"in {v!r:.40}", lambda t, v=v: v in t) for v in PLAIN[::8]]
    faulthandler.dump_traceback_later(LIMIT_S, exit=True)
    asked += [(f"[{v!r:.40}]", lambda t, v=v: t[v]) for v in PLAIN]
    allowed = (*may_raise(name), AttributeError, KeyError, pickle.PicklingError)
    for question, ask in asked:
        what = f"{name} asked {question}"
        sweep.attempt(what, lambda a=ask: a(make(sweep.fixtures)), allowed)
        sweep.fixtures.tidy()


def closed_and_late(sweep: Sweep, every: list[Target]) -> list[tuple[str, Callable[[], Any]]]:
    """Call each method of closed objects; return the same calls on open ones, for the end."""
    late = []
    for target in every:
        if target.kind is None:
            continue
        chosen = arguments(sweep.fixtures, target)
        for gone in sweep.fixtures.gone:
            if isinstance(gone, target.kind):
                sweep.attempt(
                    f"{target.name} of closed", lambda t=target, c=chosen, g=gone: invoke(t, c, g)
                )
        thing = objects(target, every)[0](sweep.fixtures)
        late.append((target.name, lambda t=target, c=chosen, o=thing: invoke(t, c, o)))
    return late


def sweep_sequences(sweep: Sweep, part: int, parts: int) -> None:
    h = sweep.fixtures
    for what, call in list(sequences(h))[part::parts]:
        faulthandler.dump_traceback_later(LIMIT_S, exit=True)
        for value in [*PLAIN, h.packets, h.burst, h.values, h.zone, h.port, h.eal, *h.gone]:
            sweep.attempt(f"{what}: {value!r:.60}", lambda v=value, c=call: c(v))
            h.tidy()


def main(part: int, parts: int) -> None:
    fixtures, every = Fixtures(), targets()
    sweep = Sweep(fixtures)
    if not HUGEPAGES:
        every = [t for t in every if not t.name.startswith(NEEDS_HUGEPAGES)]
        EXPECTED.update(WITHOUT_HUGEPAGES)
    for target in every[part::parts]:
        try:
            makers = objects(target, every)
            arguments(fixtures, target)
        except Exception as error:
            sys.stdout.write(f"NEWCOMER {target.name}: {error}\n")
            continue
        sweep.sweep(target, makers)
    for target in every[part::parts]:
        if target.name.endswith(".__repr__"):
            for make in objects(target, every):
                probe(sweep, target.name.removesuffix(".__repr__"), make)
    sweep_sequences(sweep, part, parts)
    late = closed_and_late(sweep, every)
    fixtures.check()
    fixtures.eal.close(force=True)
    for name, call in late:
        sweep.attempt(f"{name} after Eal.close", call)
    sys.stdout.write(f"DONE {sweep.tried}\n")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    faulthandler.enable()
    main(int(sys.argv[1]), int(sys.argv[2]))
