"""A good argument for every parameter, and a good object for every method.

Looked up by the full name `module.Class.method.parameter`, then by the parameter's name, then by
its type. The sweep fails for a parameter or a class without one, so new ones are noticed.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import sweep_channels
import sweep_columns
import sweep_config_examples
import sweep_host_examples as host
import sweep_worker_examples as compiled
from sweep_config_examples import PATH
from sweep_fixtures import FILE, Fixtures
from sweep_jobs import takes
from sweep_names import name
from sweep_targets import Target
from sweep_worker_examples import attribute, same

from pydpdk import EalOptions
from pydpdk.config import polling, references, source
from pydpdk.explorer import placement
from pydpdk.host import primary
from pydpdk.host.devargs import parse
from pydpdk.log import Recorder

Make = Callable[[Fixtures], Any]
VARIABLE = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


SAMPLES: dict[str, Make] = {
    "app.session.App": attribute("app"),
    "app.run.Report": attribute("report"),
    "burst.burst.Burst": attribute("full"),
    "burst.burst.Burst.alloc": attribute("burst"),
    "burst.burst.Burst.append": attribute("burst"),
    "burst.burst.Burst.close": attribute("burst"),
    "burst.burst.Burst.__exit__": attribute("burst"),
    "ethdev.port.Port.mtu =": attribute("port"),
    "ethdev.port.Port.promiscuous =": attribute("port"),
    "ethdev.port.Port.set_link": attribute("ring_port"),
    "log.Recorder.__exit__": lambda h: Recorder().__enter__(),
    "memory.mbuf.Mbuf.detach": attribute("cloned"),
    "ring.ring.Ring.dequeue_zc": attribute("slots"),
    "ring.ring.Ring.enqueue_zc": attribute("slots"),
    "ring.ring.Ring.rx": attribute("mbufs"),
    "ring.ring.Ring.tx": attribute("mbufs"),
    "ring.zero_copy.ZeroCopy.commit": lambda h: h.block().__enter__(),
    "ring.zero_copy.ZeroCopy.__exit__": lambda h: h.block().__enter__(),
    "ethdev.port.Port.start": attribute("stopped"),
    "ethdev.port.Port.stop": attribute("port"),
    **{f"ethdev.port.Port.{name}": attribute("port") for name in ("rx_queue", "tx_queue", "send")},
    "burst.verbs.Forward": attribute("forward"),
    "config.model.Config": attribute("config"),
    "config.plan.Plan": attribute("plan"),
    "ethdev.port.Port": attribute("idle_port"),
    "ethdev.queue.RxQueue": lambda h: h.port.rx_queues[0],
    "ethdev.queue.TxQueue": lambda h: h.port.tx_queues[0],
    "jit.worker.Worker": same(takes),
    "lcore.job.Job": attribute("job"),
    "lcore.job.Job.exception": attribute("ended"),
    "lcore.job.Job.result": attribute("ended"),
    "log.Recorder": lambda h: Recorder(),
    "explorer.memory_map.MemoryMap": attribute("map"),
    "explorer.snapshot.Snapshot": attribute("snapshot"),
    "memory.dynfield.DynField": attribute("field"),
    "memory.dynfield.DynFlag": attribute("flag"),
    "memory.events.Watch": attribute("watch"),
    "memory.mbuf.Mbuf": lambda h: h.full.mbuf(0),
    "memory.mempool.Mempool": attribute("pool"),
    "memory.memseg.Memseg": lambda h: h.snapshot.memsegs[0],
    "memory.memzone.Memzone": attribute("zone"),
    "memory.objects.ObjectPool": attribute("objects"),
    "ring.ring.Ring": attribute("values"),
    "ring.zero_copy.ZeroCopy": lambda h: h.block(),
    "process.channel.Channel": attribute("channel"),
    "process.channel.Channel.close": attribute("empty"),
    "process.channel.Channel.__iter__": attribute("shut"),
    "process.channel.Channel.__exit__": attribute("empty"),
    "process.channel.message.Message": lambda h: h.channel.receive(),
    **sweep_columns.SAMPLES,
}
"""Of the classes that cannot be made from good arguments alone."""

MORE: dict[str, list[Make]] = {
    "memory.objects.ObjectPool": [attribute("packed")],
    "process.channel.Channel": [attribute("records")],
    "ring.ring.Ring": [attribute("mbufs"), attribute("slots")],
    "ethdev.port.Port": [attribute("port")],
}
"""Further kinds of a class, which other calls of C serve."""

GOOD: dict[str, Make] = {
    **sweep_channels.GOOD,
    **sweep_config_examples.GOOD,
    **sweep_columns.GOOD,
    "eal.devices.remove.device": lambda h: parse(h.removable),
    "eal.devices.take_away.device": lambda h: parse(h.removable),
    "eal.devices.missing_ports.devices": same((parse("net_null0"),)),
    "eal.devices.checked.devargs": same("net_null_h"),
    "eal.devices.check_new.device": same(parse("net_null_h")),
    "eal.devices.add.device": same(parse("net_null_h")),
    "memory.mempool.Mempool.create.n": same(63),
    "memory.mempool.Mempool.create.cache_size": same(16),
    "eal.start.init_error.lines": same(("one",)),
    "burst.respond.Responder.addresses": same(["10.0.0.2", "fe80::2"]),
    "burst.respond.Responder.mac": same("02:00:00:00:00:01"),
    "burst.where.Where.condition": same("udp.dst_port == 53 or vlan?"),
    "burst.burst.Burst.where.condition": same("ether? and mbuf.pkt_len in 1..2000"),
    "burst.burst.Burst.of.packets": same([b"x" * 60, b"y"]),
    "burst.burst.Burst.append.packets": same(b"x" * 60),
    "ethdev.port.Port.send.packets": same([b"x" * 60]),
    "ethdev.stats.PortInterval.time_ns": same(10),
    "config.budget.enough_mbufs.lcores": same(1),
    "config.budget.enough_mbufs.ports": same(1),
    "config.references.Scope.config": lambda h: h.config,
    "config.budget.data_room_of.devices": same((parse("net_null0,size=3000"),)),
    "errors.check_name.max_length": same(63),
    "host.registry.Registration.publish.state": same("ready"),
    "host.devices.is_present.address": same("0000:00:10.0"),
    "host.devices.numa_node_of.address": same("0000:00:10.0"),
    "host.files.opened.path": same("/proc/self/stat"),
    "ethdev.checks.check_config.mtu": same(1500),
    "ethdev.port.Port.configure.mempool": attribute("packets"),
    "ethdev.port.Port.mtu =.mtu": same(1400),
    "ethdev.checks.check_config.rss": same(0),
    "ethdev.checks.check_config.rx_offloads": same(0),
    "ethdev.checks.check_config.tx_offloads": same(0),
    "explorer.placement.place.elements": attribute("elements"),
    "explorer.placement.place.owners": lambda h: placement.owners_of(
        h.map_zones, h.map.pools, h.map.rings
    ),
    "explorer.placement.place.zones": attribute("map_zones"),
    "jit.worker.Worker.function": same(name),
    "jit.worker.worker.function": same(name),
    "gil.set_mode.mode": same("auto"),
    "lcore.check_socket_id.socket_id": same(0),
    "lcore.idle.lcore_id": same(None),
    "lcore.launch.function": same(name),
    "lcore.launch.lcore_id": same(None),
    "lcore.job.Job.result.timeout": same(0.01),
    "lcore.job.Job.exception.timeout": same(0.01),
    "lcore.job.running_on.lcore_id": same(1),
    "memory.objects.ObjectPool.put.ids": lambda h: h.objects.get(2),
    "memory.objects.ObjectPool.write.values": lambda h: np.zeros((), h.objects.dtype),
    "memory.objects_kind.check_ops.name": same("stack"),
    "memory.objects_kind.dtype_of.text": same(b"'<u8'"),
    "memory.objects_kind.room_for.out": lambda h: np.zeros(3, np.intp),
    "ring.element.check_sync.flags": same({"rts": 1}),
    "ethdev.checks.check_config.info": lambda h: h.idle_port.info(),
    "memory.memzone.Memzone.lookup.name": attribute("zone.name"),
    "memory.mempool.Mempool.lookup.name": attribute("pool.name"),
    "memory.objects.ObjectPool.lookup.name": attribute("objects.name"),
    "ring.ring.Ring.lookup.name": attribute("values.name"),
    "memory.dynfield.DynField.lookup.name": same("fixture_field"),
    "memory.dynfield.DynFlag.lookup.name": same("fixture_flag"),
    "memory.dynfield.DynField.register.name": same("swept_field"),
    "memory.dynfield.DynField.name": same("fixture_field"),
    "memory.dynfield.DynFlag.register.name": same("swept_flag"),
    "memory.dynfield.DynFlag.name": same("fixture_flag"),
    "memory.events.Watch.wait.timeout": same(0.001),
    "memory.heap.heap.socket_id": same(0),
    "memory.live.parse_heaps.dump": same(""),
    "memory.mbuf.Mbuf.append.data": same(b"x"),
    "memory.mbuf.Mbuf.prepend.data": same(b"x"),
    "memory.mbuf.Mbuf.attach.other": lambda h: h.other.mbuf(0),
    "memory.mbuf.Mbuf.chain.tail": lambda h: h.other.mbuf(0),
    "memory.mempool.Mempool.create_extbuf.memory": lambda h: np.zeros(1 << 16, "u1"),
    "memory.objects.ObjectPool.get.n": same(3),
    "ring.ring.Ring.create.size": same(16),
}

BY_NAME: dict[str, Make] = {
    "addr": lambda h: h.full.mbuf(0).address,
    "address": lambda h: h.full.mbuf(0).address,
    "addresses": lambda h: h.objects.addresses([0]),
    "app": attribute("app"),
    "burst": attribute("burst"),
    "into": attribute("burst"),
    "config": attribute("config"),
    "devargs": same("net_null_h"),
    "device": same(parse("net_null0")),
    "dtype": same("u8"),
    "eal": attribute("eal"),
    "element": same("uint64"),
    "file_prefix": same("no-such-prefix"),
    "flags": same(0),
    "high": same(9),
    "hops": lambda h: [(h.port.rx_queues[0], h.port.tx_queues[0])],
    "ids": lambda h: [0],
    "iova": lambda h: h.snapshot.memsegs[0].iova,
    "key": attribute("field"),
    "lcores": same({0: frozenset({0})}),
    "mac": same("02:00:00:00:00:01"),
    "memory": attribute("map"),
    "mempool": attribute("packets"),
    "name": lambda h: name(),
    "options": lambda h: EalOptions(),
    "out": lambda h: np.zeros(3, "u8"),
    "packets": lambda h: b"x" * 60,
    "plan": attribute("plan"),
    "pool": attribute("packets"),
    "prefix": same("no-such-prefix"),
    "primary": lambda h: primary.look("no-such-prefix"),
    "root": attribute("root"),
    "snapshot": attribute("snapshot"),
    "spec": same("0"),
    "sync": same("rts"),
    "devices": same(("net_null0",)),
    "faults": same(()),
    "mbufs": same([]),
    "pieces": attribute("map.pieces"),
    "pools": attribute("map.pools"),
    "rings": attribute("map.rings"),
    "runs": attribute("map.pages"),
    "segments": same([(1 << 21, 0, 1)]),
    "zones": attribute("snapshot.memzones"),
    "memsegs": lambda h: h.snapshot.memsegs,
    "missing": same(("net_null9",)),
    "ports": same(("p0", "p1")),
    "problems": same(("one",)),
    "values": lambda h: np.arange(3, dtype="u8"),
}

BY_TYPE: dict[str, Make] = {
    "type[BaseException] | None": same(None), "BaseException | None": same(None),
    "TracebackType | None": same(None), "KeyPath": same(PATH), "_empty": same(0),
    "int": same(1), "int | None": same(1), "float": same(1.0), "float | None": same(0.01),
    "str": same("x"), "str | None": same("x"), "bool": same(True), "bytes": same(b"abcd"),
    "object": same(1), "Any": same(1), "Path": same(Path("x")), "data": same({}),
    "str | int": same(0), "str | os.PathLike[str]": same("x"), "str | tuple[str, ...]": same("x"),
    "PortSpec": lambda h: h.config.ports["p0"], "Poll": lambda h: polling.polls(h.config)[0],
    "Scope": lambda h: references.Scope(h.config, (), ()),
    "Source": lambda h: source.parse(FILE), "dict[KeyPath, int]": same({}),
    "DropSpec | None": same(None),
}  # fmt: skip


SAMPLES |= compiled.SAMPLES
MORE |= compiled.MORE
GOOD |= compiled.GOOD | host.GOOD
BY_NAME |= compiled.BY_NAME | host.BY_NAME


def argument(target: Target, parameter: inspect.Parameter) -> Make | None:
    """Return how to make a good value of a parameter; None if there is no rule."""
    annotation = annotation_of(parameter)
    made = GOOD.get(f"{target.name}.{parameter.name}")
    if made is None and parameter.name == "root":
        made = BY_NAME["root"]  # never the real one
    if made is None and is_record(target.call):
        made = BY_TYPE.get(annotation, same(()))
    return made or BY_NAME.get(parameter.name) or BY_TYPE.get(annotation)


def annotation_of(parameter: inspect.Parameter) -> str:
    annotation = getattr(parameter.annotation, "__forward_arg__", parameter.annotation)
    return annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "object")


def is_record(kind: Any) -> bool:
    """Whether a class is plain data: its constructor stores what it gets."""
    return dataclasses.is_dataclass(kind) or hasattr(kind, "_fields")


def arguments(fixtures: Fixtures, target: Target) -> dict[str, Any]:
    """Return good arguments for a call; those with a good default are left out."""
    chosen = {}
    for parameter in target.parameters:
        full = f"{target.name}.{parameter.name}"
        left_out = parameter.default is not parameter.empty or parameter.kind in VARIABLE
        if left_out and parameter.name != "root" and full not in GOOD:
            continue
        make = argument(target, parameter)
        if make is None:
            raise LookupError(f"no example for {parameter.name}: {annotation_of(parameter)}")
        chosen[parameter.name] = make(fixtures)
    return chosen


def objects(target: Target, every: list[Target]) -> list[Make]:
    """Return how to make objects to call a method on; `[None]` for what is not a method."""
    if target.kind is None:
        return [same(None)]
    name = target.name.rpartition(".")[0]
    if target.name in compiled.ONLY:
        return [SAMPLES[target.name]]
    if target.name in SAMPLES:
        return [SAMPLES[target.name], SAMPLES[name], *MORE.get(name, [])]
    if name in SAMPLES:
        return [SAMPLES[name], *MORE.get(name, [])]
    maker = next((t for t in every if t.name == name and t.kind is None), None)
    if maker is None:
        raise LookupError(f"no example for {name}")
    return [lambda h: maker.call(**arguments(h, maker))]
