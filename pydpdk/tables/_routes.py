"""The common base of IPv4 and IPv6 route tables."""

from __future__ import annotations

import errno
from typing import Any, ClassVar, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from pydpdk import eal, lcore
from pydpdk._core.fastcall import Handle
from pydpdk._core.lifetime import Owner, Undo, address_of, lock
from pydpdk._dpdk import ffi, lib
from pydpdk.burst._fit import fit
from pydpdk.errors import call_errno, call_rte_errno, check_name, check_range
from pydpdk.memory.critical import inside

Hops: TypeAlias = npt.NDArray[np.uint64]
NAME_MAX = 20
ROUTES_MAX = 1 << 22


class Routes(Owner, Handle):
    """The base of `Fib` and `Fib6`.

    Notes
    -----
    Owns     as `Fib` and `Fib6`
    Threads  as `Fib` and `Fib6`
    """

    _rank = 2
    _call: ClassVar[str]
    _bits: ClassVar[int]
    """Of an address."""
    _sizes: ClassVar[dict[int, int]]
    _network: ClassVar[Any]
    _example: ClassVar[str]
    _tbl8_spare: ClassVar[int]
    """How many of `num_tbl8` DPDK needs while it changes a route."""
    _tbl8_unit: ClassVar[int]
    """DPDK makes a multiple of this number."""

    def __init__(self, name: str, c: Any, next_hop_max: int) -> None:
        self._c = c
        self.next_hop_max = next_hop_max
        super().__init__(name, c, ffi.addressof(c, "gate"), address=address_of(c.fib))

    @classmethod
    def _create(
        cls, name: str, nh_bytes: int, num_tbl8: int, default_nh: int, max_routes: int,
        socket_id: int | None,
    ) -> Self:  # fmt: skip
        eal.require_running()
        c_name = check_name(cls._call, name, NAME_MAX)
        if type(nh_bytes) is not int or nh_bytes not in cls._sizes:
            allowed = ", ".join(map(str, cls._sizes))
            raise ValueError(f"nh_bytes must be one of {allowed} (got {nh_bytes!r})")
        most = (1 << (8 * nh_bytes - 1)) - 1
        routes = check_range("max_routes", max_routes, 1, ROUTES_MAX)
        tables = check_range("num_tbl8", num_tbl8, 1, min(most, 1 << 20))
        other = check_range("default_nh", default_nh, 0, most)
        made = min(tables + cls._tbl8_spare, most)
        usable = -(-made // cls._tbl8_unit) * cls._tbl8_unit - cls._tbl8_spare
        c = ffi.new("struct pyd_fib *")
        with eal.running(), inside(), Undo(lib.pyd_fib_close, c):
            call_errno(lib.pyd_fib_load, cls._bits, detail="librte_fib, here or in the primary")
            call_rte_errno(
                lib.pyd_fib_open, c, cls._bits, c_name, lcore.check_socket_id(socket_id), other,
                routes, cls._sizes[nh_bytes], made, min(tables, usable), detail=name,
            )  # fmt: skip
            return cls(name, c, most)

    def _found(self, addresses: Any, dtype: np.dtype[Any], cells: tuple[int, ...]) -> Hops:
        values = np.asarray(addresses)
        if values.ndim == 0 or values.shape[1:] != cells:
            allowed = ", ".join(("n", *map(str, cells)))
            raise ValueError(f"addresses must have the shape ({allowed}) (got {values.shape})")
        ips = fit("addresses", values, dtype, (len(values), *cells))
        found = np.empty(len(ips), np.uint64)
        data, hops = ffi.from_buffer(ips), ffi.from_buffer("uint64_t *", found)
        if lib.pyd_fib_lookup(self._c, data, hops, len(ips)) == -errno.EBADF:
            raise self._closed_error()
        return found

    def _change(self, prefix: object, next_hop: int, *, add: bool) -> None:
        if not isinstance(prefix, str | self._network):
            raise TypeError(f"prefix must be text as {self._example!r} (got {prefix!r})")
        network = self._network(prefix)
        with lock():
            self.handle  # noqa: B018  # raises when closed
            call_errno(
                lib.pyd_fib_change, self._c, network.network_address.packed, network.prefixlen,
                next_hop, add, detail=f"{network} {self!r}, {self._room()}",
            )  # fmt: skip

    def _room(self) -> str:
        has = self._c.routes
        return f"{has.n} of {has.max_routes} routes, {has.steps} of {has.max_steps} tbl8"

    def _free(self, force: bool) -> None:
        call_errno(lib.pyd_fib_close, self._c, detail=self.name)
