"""Filters: tcpdump expressions, as masks of a burst."""

from __future__ import annotations

import errno
from typing import Any

import numpy as np
import numpy.typing as npt

from pydpdk import eal
from pydpdk._core.lifetime import Owner, Rank, Undo, address_of
from pydpdk._core.objects import BpfBase, install
from pydpdk._dpdk import ffi, lib
from pydpdk.burst._fit import check_written
from pydpdk.burst.burst import Burst
from pydpdk.errors import call_errno, make_error

EXPRESSION_MAX = 4096
_NOT_SUPPORTED = "not supported"
_REASON_BYTES = 512


@install("bpf")
class Bpf(Owner, BpfBase):
    """A pcap expression, compiled once and run over bursts.

    Parameters
    ----------
    expression
        As for tcpdump, for Ethernet: `udp port 53`, `vlan and ip6`. 1 to 4,096 characters. Host
        names in it are looked up in the DNS.

    Raises
    ------
    ValueError
        libpcap rejects it; the message has the reason.
    NotSupportedError
        DPDK or this package was built without libpcap, or the expression needs what DPDK's
        programs lack: loops (`protochain`), a packet's direction or interface (`inbound`,
        `outbound`, `ifindex`).

    Notes
    -----
    Wraps    rte_bpf_convert, rte_bpf_load, rte_bpf_destroy (rte_bpf.h)
    Owns     the program, until `close`
    Threads  any number may match, each its own burst
    """

    _rank = Rank.STRUCTURE

    def __init__(self, expression: str) -> None:
        eal.require_running()
        if not isinstance(expression, str):
            raise TypeError(f"expression must be text (got {expression!r})")
        if not (expression.isascii() and 1 <= len(expression) <= EXPRESSION_MAX):
            raise ValueError(
                f"expression must be 1..{EXPRESSION_MAX} ASCII characters (got {len(expression)})"
            )
        if "\0" in expression:
            raise ValueError("expression must not have a zero character")
        self._c: Any = ffi.new("struct pyd_bpf *")
        reason = ffi.new("char[]", _REASON_BYTES)
        with eal.running(), Undo(lib.pyd_bpf_close, self._c):
            result = lib.pyd_bpf_open(self._c, expression.encode(), reason, _REASON_BYTES)
            why = ffi.string(reason).decode(errors="replace")
            if result == -errno.EINVAL and _NOT_SUPPORTED in why:  # libpcap from 1.10.5 on
                result = -errno.ENOTSUP
            if result == -errno.EINVAL and why:
                raise ValueError(f"expression {expression!r}: {why}")
            if result < 0:
                detail = f"{expression}: not supported, {why}" if why else expression
                raise make_error("rte_bpf_convert, rte_bpf_load", -result, detail)
            self._keep(self._c)
            self._bind(address_of(self._c))
            gate = ffi.addressof(self._c, "gate")
            super().__init__(expression, self._c, gate, address=address_of(self._c))

    def match(self, burst: Burst) -> npt.NDArray[np.bool_]:
        """Return `bool[n]`, True for packets of a burst that the expression matches.

        Notes
        -----
        Wraps  rte_bpf_exec (rte_bpf.h)
        """
        if not isinstance(burst, Burst):
            raise TypeError(f"burst must be a Burst (got {burst!r})")
        mask = np.empty(len(burst), np.bool_)
        data = ffi.from_buffer("uint8_t *", mask)
        result = lib.pyd_bpf_match(self._c, burst._c, data, len(mask))
        if result == -errno.ENETDOWN:
            raise self._closed_error()
        check_written(burst, min(result, 0))
        return mask

    def _free(self, force: bool) -> None:
        call_errno(lib.pyd_bpf_close, self._c, detail=self.name)
