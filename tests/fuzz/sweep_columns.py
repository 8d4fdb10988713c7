"""Good arguments and objects for operations on all packets of a burst at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sweep_fixtures import Fixtures

from pydpdk import Bpf, Fib, Fib6, Hash, Meter

Make = Callable[[Fixtures], Any]


def mask(h: Fixtures) -> Any:
    return np.arange(len(h.full)) % 2 == 0


def _routed(h: Fixtures) -> str:
    SAMPLES["tables.fib.Fib"](h).add("10.0.0.0/8", 1)
    return "10.0.0.0/8"


def _routed6(h: Fixtures) -> str:
    SAMPLES["tables.fib.Fib6"](h).add("2001:db8::/32", 1)
    return "2001:db8::/32"


SAMPLES: dict[str, Make] = {
    "burst.columns.Columns": lambda h: h.full.columns,
    "tables.bpf.Bpf": lambda h: h.keep("bpf", lambda: Bpf("udp port 53")),
    "tables.fib.Fib": lambda h: h.keep("fib", lambda: Fib("fib", nh_bytes=1)),
    "tables.fib.Fib6": lambda h: h.keep("fib6", lambda: Fib6("fib6")),
    "tables.hash.Hash": lambda h: h.keep("hash", lambda: Hash("hash", "u4")),
    "tables.meter.Meter": lambda h: Meter(1000, 1000, n=8),
    "burst.columns.Bound": lambda h: h.full.columns.bind("udp.dst_port", "mbuf.pkt_len"),
}

GOOD: dict[str, Make] = {
    "burst.columns.Columns.burst": lambda h: h.full,
    "burst.columns.Bound.burst": lambda h: h.full,
    "burst.columns.Columns.__getitem__.key": lambda h: "udp.dst_port",
    "burst.columns.Columns.__setitem__.key": lambda h: "udp.dst_port",
    "burst.columns.Columns.__setitem__.value": lambda h: 53,
    "tables.bpf.Bpf.expression": lambda h: "udp port 53",
    "tables.bpf.Bpf.match.burst": lambda h: h.full,
    "tables.fib.Fib.add.prefix": lambda h: "198.18.0.0/15",
    "tables.fib.Fib.add.next_hop": lambda h: 1,
    "tables.fib.Fib.delete.prefix": lambda h: _routed(h),
    "tables.fib.Fib.find.addresses": lambda h: [1, 2],
    "tables.fib.Fib.__contains__.prefix": lambda h: "10.0.0.0/8",
    "tables.fib.Fib6.__contains__.prefix": lambda h: "::/0",
    "tables.hash.Hash.__contains__.key": lambda h: 1,
    "tables.fib.Fib.nh_bytes": lambda h: 1,
    "tables.fib.Fib6.add.prefix": lambda h: "2001:db8::/32",
    "tables.fib.Fib6.add.next_hop": lambda h: 1,
    "tables.fib.Fib6.delete.prefix": lambda h: _routed6(h),
    "tables.fib.Fib6.find.addresses": lambda h: np.zeros((2, 16), np.uint8),
    "tables.fib.Fib6.nh_bytes": lambda h: 2,
    "tables.hash.Hash.key": lambda h: "u4",
    "tables.hash.Hash.find.keys": lambda h: [1, 2],
    "tables.hash.Hash.add.keys": lambda h: [1, 2],
    "tables.hash.Hash.delete.keys": lambda h: [1, 2],
    "tables.meter.Meter.cir": lambda h: 1000,
    "tables.meter.Meter.cbs": lambda h: 1000,
    "tables.meter.Meter.color.flows": lambda h: [0, 1],
    "tables.meter.Meter.color.lengths": lambda h: 64,
    "burst.burst.Burst.keep.mask": mask,
    "burst.burst.Burst.drop.mask": mask,
    "burst.burst.Burst.take.mask": mask,
    "burst.burst.Burst.take.into": lambda h: h.other,
    "burst.burst.Burst.split.classes": mask,
    "burst.burst.Burst.rewrite.name": lambda h: "udp.dst_port",
    "burst.burst.Burst.rewrite.value": lambda h: 53,
    "burst.burst.Burst.vlan_push.vlan_tci": lambda h: 5,
    "burst.burst.Burst.prepend.data": lambda h: b"abcd",
    "burst.burst.Burst.adj.length": lambda h: 1,
    "burst.burst.Burst.peek.offset": lambda h: 12,
    "burst.burst.Burst.peek.width": lambda h: 2,
    "burst.burst.Burst.poke.offset": lambda h: 0,
    "burst.burst.Burst.poke.data": lambda h: b"abcdef",
}
