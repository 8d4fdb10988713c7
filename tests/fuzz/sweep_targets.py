"""Every public callable of pydpdk, found by walking its modules; each omission has a reason."""

from __future__ import annotations

import contextlib
import enum
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from pydantic import BaseModel

import pydpdk
from pydpdk._core.objects import checked_of

HERE = pydpdk.__path__[0]
"""Methods that dataclasses and pydantic write lie elsewhere."""
POINTER = "takes a C pointer that only this package has; users have no way to get one"
MADE = "made by create, lookup or reserve, or by its owner; its constructor takes a C pointer"
OWN_PROCESS = "starts an EAL: swept by hostile_init.py, each call in a process of its own"
ENDS = "closes the EAL: called at the end of each part, and what was made is called after it"
OWNS_FDS = "closes the given descriptors, which may belong to anything"
ADDRESS = "makes a view of a given address; only this package passes one"
COMPILER = "called by Numba, or for it, while it compiles; tests/jit/test_worker_code.py does"
WRITES = "changes this host; what it calls is swept with a root of its own"
REMOVES = "removes files of other programs; tests/processes/test_reap.py has dead ones of its own"
EXCLUDED = {
    "errors.call_*": "calls the C function it is given",
    "eal.devices.check_log": "reads lines that log gave: tests/processes/test_ovs.py",
    "ethdev.border.*": "the inner half of Port.configure and start, which are swept",
    "cli.output.*": "the output of the commands, which are swept: tests/cli/test_output.py",
    "host.errors.naming": "a block around what writes files of the host, which is swept",
    "host.files.open_fd": "the inner half of files.opened and trust.open_regular, which are swept",
    "host.interfaces.ask": "sends the ioctl it is given",
    "host.runtime.flock": "packs the numbers of a lock, which only the package gives",
    "host.runtime.locker": "tests a lock of the given descriptor, which may belong to anything",
    "host.trust.regular": "open_regular for a block; that one is swept",
    "host.watch.inotify": "opens a descriptor; swept with ProcessWatch",
    "host.captures.look": "reads files that plan was given: tests/host/test_host_captures.py",
    "host.flocks.waits": "reads /proc/locks: tests/eal/test_eal_waits.py",
    "memory.memseg.describe": POINTER,
    "memory.outstanding.outstanding": POINTER,
    "memory.outstanding.culprits_of": POINTER,
    "memory.outstanding.call_in": POINTER,
    "memory.trace.stamp": POINTER,
    "memory.trace.taken": ADDRESS,
    "memory.mempool.pool_of": ADDRESS,
    "memory.mempool.check_source": "the inner half of Burst.copy and clone, which are swept",
    "ring.element.check_sync": "the inner half of Ring.create, which is swept",
    "ring.element.say": POINTER,
    "ring.element.esize_of": POINTER,
    "ring.element.kind_of": POINTER,
    "memory.extmem.ExternalMemory*": "the inner half of Mempool.create_extbuf, which is swept",
    "memory.mbuf_owner.*": "an interface and its error; Burst stands for it",
    "memory.pool_base.*": "what Mempool and ObjectPool have in common; swept with them",
    "burst.queues.*": "interfaces; RxQueue, TxQueue and Ring stand for them",
    "burst.fields.*": "the inner half of Burst, which is swept",
    "burst.masks.*": "the inner half of Burst, which is swept",
    "ethdev.queue.Queue": "a base; swept with RxQueue and TxQueue",
    "ethdev.queue.Queue.*": "a base; swept with RxQueue and TxQueue",
    "memory.objects_map.chunk_of": POINTER,
    "memory.objects_map.Map*": "the addresses of an ObjectPool; swept with it",
    "ethdev.drivers.*": "the inner half of Port, which is swept",
    "ethdev.interrupts.*": "the inner half of Port, which is swept",
    "config.devices.*": "the inner half of load and make_plan, which are swept",
    "host.driver_arguments.Rule*": "rows of a table that only `faults` reads, which is swept",
    "app.peers.when_served": "waits 10 s for an unserved socket; test_devices_peers.py does",
    "ethdev.queue.?xQueue": MADE,
    "ethdev.port.Port": MADE,
    "ethdev.port.Port.sniff": "waits for packets; tests/app/test_ports.py has wrong arguments",
    "ethdev.queue.RxQueue.aget": "a coroutine: tests/ethdev/test_waiting.py",
    "ethdev.pauses.*": "the inner half of rx and sniff",
    "app.apps.switch": "needs two ports; tests/app/test_switch.py has three",
    "app.switch.*": "polls ports; tests/app/test_switch.py has wrong arguments",
    "app.packets.*": "the inner half of Port.send, which is swept, and of Port.sniff",
    "app.ports.*": "makes ports and their pools; tests/app/test_ports.py has wrong arguments",
    "burst.dissect.*": "the inner half of Packet, which is swept",
    "burst.where.compile*": "the inner half of Where, which is swept",
    "memory.mempool.Mempool": MADE,
    "memory.memzone.Memzone": MADE,
    "memory.objects.ObjectPool": MADE,
    "memory.events.Watch": MADE,
    "memory.mbuf.Mbuf": MADE,
    "ring.ring.Ring": MADE,
    "ring.zero_copy.ZeroCopy": MADE,
    "lcore.job.Job": MADE,
    "app.compiled.CompiledWorkers*": "what run() does with a file's worker; test_run_workers.py",
    "jit.lease.*": "the inner half of Worker.launch, which hostile_sequences.py sweeps",
    "jit.worker.Worker.__call__": "rejects every call; tests/jit/test_worker.py shows it",
    "jit.compiler.*": COMPILER,
    "jit.errors.at_line": COMPILER,
    "jit.errors.check_kind": COMPILER,
    "jit.headers.*": COMPILER,
    "jit.types.*": COMPILER,
    "host.reap.reap": REMOVES,
    "host.registry_page.[a-z]*": "the inner half of the registry, which is swept",
    "host.reap.remove": REMOVES,
    "process.channel.Channel": MADE,
    "process.channel.message.Message": MADE,
    "process.channel.readable.*": "the descriptor of a Channel, whose fileno is swept",
    "process.channel.batches.*": "the inner half of Channel's calls, which are swept",
    "process.channel.waiting.*": "the inner half of Channel's calls, which are swept",
    "process.channel.layout.*": "the inner half of Channel.create, which is swept",
    "eal.instance.Eal": MADE,
    "eal.instance.Observer*": "an Eal that is attached; tests/oracle/test_explorer.py has one",
    "eal.instance.Eal.close": ENDS,
    "eal.instance.Eal.__exit__": ENDS,
    "eal.peers.Peers": MADE,
    "eal.foreign.ForeignWatch*": "made by the EAL, which has one; its end would make rings slower",
    "eal.deaths.Watcher": "made by the EAL; its methods are swept",
    "process.member.Ending*": "a base; swept with Group and Member",
    "eal.portable.Portable*": "a base; swept with Ring, Mempool, Memzone and Port",
    "ethdev.sharing.*": "the inner half of Port and its queues, which are swept",
    "host.registry.Registration": "made by register, which is swept",
    "process.attach.attach": OWN_PROCESS,
    "process.child.main": "the first function of a process of a Group: takes its signals",
    "process.member.Member*": "a process each: those are in tests/processes/test_group.py",
    "process.messages.Handler": MADE,
    "process.messages.MpMessage": "made of a C message; swept are others",
    "process.messages.requests.Reply": OWNS_FDS,
    "process.messages.requests.answer": "the inner half of MpMessage.reply, which is swept",
    "process.messages.wire.Fds": OWNS_FDS,
    "process.messages.wire.supported": "calls the C function it is given",
    "app.workers.work": "runs in a worker's process; tests/processes/test_group.py has some",
    "app.session.App.close": ENDS,
    "app.session.App.__exit__": ENDS,
    "eal.lifecycle.init": OWN_PROCESS,
    "eal.lifecycle.observe": OWN_PROCESS,
    "eal.lifecycle.begin": "the inner half of init and attach, which are swept",
    "eal.lifecycle.join": "the inner half of attach, which is swept",
    "eal.start.start": "the inner half of init, which is swept",
    "explorer.attach.attach": OWN_PROCESS,
    "app.session.open_file": OWN_PROCESS,
    "app.session.start": OWN_PROCESS,
    "cli.devices.*bind": WRITES,
    "cli.hugepages.re*": WRITES,
    "cli.reap.*": REMOVES,
    "cli.*": OWN_PROCESS,
    "testing.no_mbuf_leaks": "a pytest fixture, which pytest does not let one call",
}
"""Patterns of names, and the reason."""

PROTOCOL = {
    "__bool__", "__bytes__", "__call__", "__contains__", "__delitem__", "__enter__", "__eq__",
    "__exit__", "__getitem__", "__index__", "__int__", "__iter__", "__len__", "__next__",
    "__repr__", "__reversed__", "__setitem__", "__str__", "__hash__",
}  # fmt: skip
"""Names with underscores that count as public."""


@dataclass(frozen=True)
class Target:
    """One thing to call: a function, a constructor, a method, or a property to get or set."""

    name: str
    call: Callable[..., Any]
    kind: type | None
    signature: inspect.Signature

    @property
    def parameters(self) -> list[inspect.Parameter]:
        return list(self.signature.parameters.values())[self.kind is not None :]


def reason(name: str) -> str:
    """Return why a callable is left out; empty if it is not."""
    return next((why for pattern, why in EXCLUDED.items() if fnmatchcase(name, pattern)), "")


def found() -> Iterator[Target]:
    """Yield every public callable, also those that are left out."""
    for module in modules():
        short = module.__name__.removeprefix("pydpdk.")
        for name, thing in vars(module).items():
            if name.startswith("_") or getattr(thing, "__module__", None) != module.__name__:
                continue
            if inspect.isclass(thing):
                yield from _of_class(f"{short}.{name}", thing)
            elif callable(thing):
                yield Target(f"{short}.{name}", thing, None, inspect.signature(thing))


def modules() -> Iterator[Any]:
    for module in pkgutil.walk_packages(pydpdk.__path__, "pydpdk."):
        if not any(part.startswith("_") for part in module.name.split(".")):
            yield importlib.import_module(module.name)


def _of_class(name: str, kind: type) -> Iterator[Target]:
    if issubclass(kind, BaseModel):
        kind.model_rebuild()  # its signature is complete at the first use only
    if issubclass(kind, enum.StrEnum):
        return  # Python's own constructor, which takes the values and nothing else
    with contextlib.suppress(ValueError):  # an exception's constructor is C
        call = _by_value(kind) if issubclass(kind, enum.Enum) else kind
        yield Target(name, call, None, inspect.signature(call))
    if issubclass(kind, enum.Enum | BaseException):
        return
    for attribute, thing in _members(kind).items():
        yield from _of_member(f"{name}.{attribute}", kind, attribute, thing)


def _by_value(kind: type[enum.Enum]) -> Callable[[Any], Any]:
    """Leave out the functional API of Python's enums."""

    def call(value: Any) -> Any:
        return kind(value)

    return call


def _members(kind: type) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for base in reversed(kind.__mro__):
        if base.__module__.startswith("pydpdk"):
            members |= vars(base)
    return {n: m for n, m in members.items() if not n.startswith("_") or n in PROTOCOL}


def _of_member(name: str, kind: type, attribute: str, thing: Any) -> Iterator[Target]:
    if isinstance(thing, classmethod | staticmethod):
        bound = getattr(kind, attribute)
        yield Target(name, bound, None, inspect.signature(bound))
    elif isinstance(thing, property):
        for accessor, what in ((thing.fget, ""), (thing.fset, " =")):
            if accessor is not None:
                yield Target(name + what, accessor, kind, inspect.signature(accessor))
    elif _is_ours(checked_of(thing)):  # C serves it, and calls the method for the rest
        yield Target(name, thing, kind, inspect.signature(checked_of(thing)))


def _is_ours(function: Any) -> bool:
    return inspect.isfunction(function) and function.__code__.co_filename.startswith(HERE)


def targets() -> list[Target]:
    """Return what the sweep calls, in a fixed order."""
    return sorted((t for t in found() if not reason(t.name)), key=lambda target: target.name)
