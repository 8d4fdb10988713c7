"""Good arguments and objects for the parts about other processes, as in sweep_examples.py."""

from __future__ import annotations

import os
from collections.abc import Callable
from operator import attrgetter as attribute
from typing import Any

from sweep_host_examples import DEAD

from pydpdk import ClosedError, NotFoundError, NotSupportedError
from pydpdk.config import model
from pydpdk.eal import mempool_ops
from pydpdk.eal.options import EalOptions
from pydpdk.eal.resolve import resolve
from pydpdk.host.devargs import parse
from pydpdk.host.reap import Reaped
from pydpdk.host.registry_page import RegisteredProcess
from pydpdk.process.messages import wire
from pydpdk.process.messages.requests import Replies, Reply

Make = Callable[[Any], Any]


def same(value: Any) -> Make:
    return lambda h: value


def nothing(*_: object) -> list[int]:
    return [7]


MEMBER = RegisteredProcess(5, 1 << 22, 1, "secondary", True, frozenset({7}), "gone")

SAMPLES: dict[str, Make] = {
    "eal.resolve.Resolved": lambda h: resolve(EalOptions(file_prefix="no-such-prefix")),
    "eal.peers.Peers": attribute("alone"),
    **{
        f"eal.peers.Peers.{name}": attribute("eal._peers")
        for name in ("attached", "check_device", "guarded", "others", "primary")
    },
    "eal.peers.Peers.watcher": attribute("eal._peers"),
    "eal.instance.Eal": attribute("eal"),
    "eal.deaths.Watcher": attribute("watcher"),
    "eal.deaths.Watcher.start": lambda h: h.new_watcher(),
    "eal.deaths.Watcher.stop": lambda h: h.new_watcher(),
    "host.reap.DeadPrefix": same(DEAD),
    "host.reap.Reaped": same(Reaped(DEAD, (), ())),
    "host.registry.Registration": attribute("registration"),
    "host.watch.ProcessWatch": attribute("watched"),
    "host.watch.ProcessWatch.start": lambda h: h.new_watch(),
    "host.watch.ProcessWatch.stop": lambda h: h.new_watch(),
    "process.group.Group": attribute("group"),
    "process.group.Group.start": attribute("closed_group"),
    "process.messages.Handler": attribute("handler"),
    "process.messages.MpMessage": lambda h: h.message(),
    "process.messages.requests.Replies": lambda h: Replies([Reply(None, b"x", ())]),
    "process.messages.requests.Reply": lambda h: Reply(None, b"x", ()),
    "process.messages.wire.Fds": lambda h: h.fds(),
}

ONLY = {"process.group.Group.start", "process.channel.Channel.__iter__"}
"""Methods that are called of no other sample: an open group starts a process for each value, and a
loop over a channel waits until it is shut."""

MORE: dict[str, list[Make]] = {
    "process.messages.MpMessage": [lambda h: h.message(wire.MESSAGE)],
}

GOOD: dict[str, Make] = {
    "app.lookup.Lookup.mempool.name": same("packets"),
    "app.lookup.Lookup.mempool.spec": lambda h: model.MempoolSpec(n=511),
    "app.lookup.Lookup.memzone.name": attribute("zone.name"),
    "app.lookup.Lookup.port.name": same("p0"),
    "app.lookup.Lookup.port.spec": lambda h: model.PortSpec(device="net_null0"),
    "app.lookup.Lookup.ring.name": attribute("values.name"),
    "app.lookup.Lookup.ring.spec": lambda h: model.RingSpec(size=16, element="uint64"),
    "app.target.load_target.target": same("os:getpid"),
    "app.workers.report.members": same({}),
    "config.model.WorkerSpec.python": same("os:getpid"),
    "eal.attach.choose.others": same([MEMBER]),
    "eal.mempool_ops.load_in_order.paths": same(()),
    "eal.mempool_ops.load_in_order.wanted": lambda h: mempool_ops.mempool_ops(),
    "eal.mempool_ops.mempool_ops_of.pid": lambda h: os.getpid(),
    "eal.peers.Peers.check_device.device": same(parse("net_pcap3")),
    **{
        f"eal.{name}.start": lambda h: resolve(EalOptions(file_prefix="no-such-prefix"))
        for name in ("attach.check_attach", "peers.register", "peers.settle", "peers.survey")
    },
    "eal.peers.register.name": same("swept"),
    "eal.peers.register.keep": same(nothing),
    "eal.peers.register.role": same("primary"),
    "eal.peers.settle.keep": same(nothing),
    "eal.resolve.resolve.need": same(lambda hugepages: 0),
    "eal.instance.Eal.remove_device.name": attribute("removable"),
    "eal.deaths.Death.process": same(MEMBER),
    "host.registry.Registration.publish.details": same({"vdevs": ["net_null0"]}),
    "host.registry.register.choose": same(nothing),
    "host.registry.register.keep": same(nothing),
    "host.registry.register.role": same("secondary"),
    "host.watch.ProcessWatch.changed": same(nothing),
    "host.watch.ProcessWatch.died": same(nothing),
    "process.attach.Process.role": same("primary"),
    "process.group.Group.start.function": same(os.getpid),
    "process.group.Group.wait.timeout": same(0.01),
    "process.messages.handle.function": same(nothing),
    "process.messages.send.name": same("fixtures"),
    "process.messages.requests.request.name": same("fixtures"),
    "process.messages.requests.request.timeout": same(0.05),
    "process.messages.requests.request_sync.name": same("fixtures"),
    "process.messages.requests.request_sync.timeout": same(0.05),
    "process.messages.wire.Fds.__getitem__.i": same(-1),
    "process.messages.wire.check_data.data": same(b"data"),
    "process.messages.wire.check_fds.fds": same([0]),
    "process.messages.wire.check_fds.most": same(7),
    "process.messages.wire.fill.fds": same(()),
    "process.messages.wire.fill.name": same(b"pydpdk:x"),
    "process.messages.wire.peer_of.path": same("mp_socket_12_3456"),
    "process.messages.wire.send.deadline": same(0.0),
    "process.messages.wire.send.fds": same(()),
    "process.messages.wire.send.name": same(b"pydpdk:x"),
}

BY_NAME: dict[str, Make] = {
    "callback": same(nothing),
    "details": same({}),
    "member": same(MEMBER),
    "peers": attribute("alone"),
    "order": same(None),
    "pid": lambda h: os.getpid(),
}

EXPECTED: dict[str, type[BaseException]] = {
    "eal.attach.check_attach": NotFoundError,  # no primary runs; tests/processes tests with one
    "process.group.Group.start": ClosedError,  # for the closed group
}
"""Exceptions of good calls."""

WITHOUT_HUGEPAGES: dict[str, type[BaseException]] = dict.fromkeys(
    (
        "eal.peers.Peers.watcher", "eal.instance.Eal.on_process_death",
        "eal.instance.Eal.on_primary_death", "process.group.Group", "process.messages.handle",
        "process.messages.send", "process.messages.requests.request",
        "process.messages.requests.request_sync",
        "process.messages.wire.send",
    ),
    NotSupportedError,
)  # fmt: skip
"""Exceptions of good calls where no process can attach."""

NEEDS_HUGEPAGES = (
    "memory.events.W", "memory.events.w", "process.group.Group.",
    "process.messages.Handler.", "tables.fib.Fib6",
)  # fmt: skip
"""Classes that have no object there, as their makers raise; IPv6 routes take 32 MB."""
