"""Token buckets for the flows of a column: which packets exceed a rate."""

from __future__ import annotations

import errno
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from pydpdk import eal
from pydpdk._core.fixed import Fixed
from pydpdk._core.lifetime import address_of
from pydpdk._core.objects import MeterBase, install
from pydpdk._dpdk import ffi, lib
from pydpdk.burst._fit import fit
from pydpdk.errors import BusyError, call_errno, check_range

RATE_MAX = 1_000_000_000_000
BURST_MAX = 1 << 60
FLOWS_MAX = 1 << 24


class Color(IntEnum):
    """The color of a packet: within the rate, within the excess, or neither."""

    GREEN = lib.RTE_COLOR_GREEN
    YELLOW = lib.RTE_COLOR_YELLOW
    RED = lib.RTE_COLOR_RED


@install("meter")
class Meter(Fixed, MeterBase):
    """A single-rate three-color meter (RFC 2697) for each of `n` flows.

    Parameters
    ----------
    cir
        [bytes/s] that each flow may have, 1 to 10**12.
    cbs
        [bytes] of a burst.
    ebs
        [bytes] beyond `cbs`, which are yellow. One of the two must be above 0.
    n
        Number of flows, 1 to 16,777,216. Number them by source address or flow hash modulo `n`.

    Attributes
    ----------
    capacity : int
        [flows], the `n` of the constructor.

    Notes
    -----
    Wraps    rte_meter_srtcm_profile_config, rte_meter_srtcm_config (rte_meter.h)
    Owns     24 bytes for each flow, in private memory of this process
    Threads  one at a time: a second one gets `BusyError`
    """

    __slots__ = ("_begun", "_buckets", "_c", "_profile", "capacity")

    def __init__(self, cir: int, cbs: int, ebs: int = 0, *, n: int = 65536) -> None:
        eal.require_running()
        rate = check_range("cir", cir, 1, RATE_MAX, " bytes/s")
        sizes = {"cbs": cbs, "ebs": ebs}
        sizes = {k: check_range(k, v, 0, BURST_MAX, " bytes") for k, v in sizes.items()}
        if not any(sizes.values()):
            raise ValueError("cbs or ebs must be above 0 (got 0, 0)")
        self.capacity = check_range("n", n, 1, FLOWS_MAX, " flows")
        self._profile = np.zeros(-(-lib.pyd_meter_profile_bytes() // 8), np.uint64)
        self._buckets = np.zeros(-(-lib.pyd_meter_bucket_bytes() * self.capacity // 8), np.uint64)
        self._c: Any = ffi.new("struct pyd_meter *")
        self._c.n = self.capacity
        self._c.profile = ffi.from_buffer("char *", self._profile)
        self._c.buckets = ffi.from_buffer("char *", self._buckets)
        params = ffi.new("struct rte_meter_srtcm_params *", {"cir": rate, **sizes})
        call_errno(lib.pyd_meter_open, self._c, params, detail=repr(self))
        self._keep((self._c, self._profile, self._buckets))
        self._bind(address_of(self._c))

    def color(self, flows: Any, lengths: Any) -> npt.NDArray[np.uint8]:
        """Charge each packet to its flow's bucket; return a `Color` for each, `uint8[n]`.

        Parameters
        ----------
        flows
            `uint32[n]`, below the meter's capacity.
        lengths
            [bytes], `uint32[n]`; with 1 for each, the rate is in packets.

        Notes
        -----
        Wraps  rte_meter_srtcm_color_blind_check (rte_meter.h)
        """
        shape = np.shape(flows)
        if len(shape) != 1:
            raise ValueError(f"flows must have the shape (n,) (got {shape})")
        u32 = np.dtype(np.uint32)
        arrays = fit("flows", flows, u32, shape), fit("lengths", lengths, u32, shape)
        colors = np.empty(shape, np.uint8)
        data = [ffi.from_buffer("uint32_t *", a) for a in arrays]
        out = ffi.from_buffer("uint8_t *", colors)
        result = lib.pyd_meter_color(self._c, data[0], data[1], out, shape[0])
        if result == -errno.ERANGE:
            raise ValueError(f"flows must be 0..{self.capacity - 1}")
        if result < 0:
            raise BusyError(errno.EBUSY, f"another thread uses {self!r}")
        return colors

    def __repr__(self) -> str:
        return f"<Meter of {self.capacity} flows>"
