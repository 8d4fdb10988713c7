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
    _sizes: ClassVar[dict[int, int]]
    _network: ClassVar[Any]
    _example: ClassVar[str]
    _tbl8_spare: ClassVar[int]
    """How many of `num_tbl8` DPDK needs while it changes a route."""
    _tbl8_unit: ClassVar[int]
    """DPDK makes a multiple of this number."""
    _address: ClassVar[Any]
    """Returns the address of a network for C."""

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
        c = ffi.new(f"struct pyd_{cls._call} *")
        with eal.running(), inside(), Undo(cls._c_function("close"), c):
            call_errno(cls._c_function("load"), detail="librte_fib, here or in the primary")
            call_rte_errno(
                cls._c_function("open"), c, c_name, lcore.check_socket_id(socket_id), other,
                routes, cls._sizes[nh_bytes], made, min(tables, usable), detail=name,
            )  # fmt: skip
            return cls(name, c, most)

    @classmethod
    def _c_function(cls, what: str) -> Any:
        return getattr(lib, f"pyd_{cls._call}_{what}")

    def _found(self, addresses: Any, dtype: np.dtype[Any], cells: tuple[int, ...]) -> Hops:
        values = np.asarray(addresses)
        if values.ndim == 0 or values.shape[1:] != cells:
            allowed = ", ".join(("n", *map(str, cells)))
            raise ValueError(f"addresses must have the shape ({allowed}) (got {values.shape})")
        ips = fit("addresses", values, dtype, (len(values), *cells))
        found = np.empty(len(ips), np.uint64)
        data = ffi.from_buffer(f"{'uint32_t' if not cells else 'char'} *", ips)
        hops = ffi.from_buffer("uint64_t *", found)
        if self._c_function("lookup")(self._c, data, hops, len(ips)) == -errno.EBADF:
            raise self._closed_error()
        return found

    def _change(self, prefix: object, next_hop: int, *, add: bool) -> None:
        if not isinstance(prefix, str | self._network):
            raise TypeError(f"prefix must be text as {self._example!r} (got {prefix!r})")
        network = self._network(prefix)
        with lock():
            self.handle  # noqa: B018  # raises when closed
            arguments = self._address(network), network.prefixlen, next_hop, add
            change = self._c_function("change")
            call_errno(change, self._c, *arguments, detail=f"{network} {self!r}, {self._room()}")

    def _room(self) -> str:
        has = self._c.routes
        return f"{has.n} of {has.max_routes} routes, {has.steps} of {has.max_steps} tbl8"

    def _free(self, force: bool) -> None:
        call_errno(self._c_function("close"), self._c, detail=self.name)
