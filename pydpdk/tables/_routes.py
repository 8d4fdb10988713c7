"""The common base of IPv4 and IPv6 route tables: all but their sizes and their documentation."""

from __future__ import annotations

import errno
from ipaddress import IPv4Network, IPv6Network
from typing import Any, ClassVar, Generic, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from pydpdk import eal, lcore
from pydpdk._core.lifetime import Owner, Rank, Undo, address_of, lock
from pydpdk._core.objects import RoutesBase
from pydpdk._dpdk import ffi, lib
from pydpdk.burst._addresses import as_values
from pydpdk.burst._fit import fit
from pydpdk.errors import call_errno, call_rte_errno, check_name, check_range
from pydpdk.memory.critical import inside

Hops: TypeAlias = npt.NDArray[np.uint64]
Network = TypeVar("Network", IPv4Network, IPv6Network)
NAME_MAX = 20
ROUTES_MAX = 1 << 22


class Routes(Owner, RoutesBase, Generic[Network]):
    """The base of `Fib` and `Fib6`.

    Notes
    -----
    Owns     as `Fib` and `Fib6`
    Threads  as `Fib` and `Fib6`
    """

    _rank = Rank.STRUCTURE
    _bits: ClassVar[int]
    """Of an address."""
    _network: ClassVar[Any]
    _example: ClassVar[str]
    _row: ClassVar[np.dtype[Any]]
    """The dtype of an address: one number, or several."""
    _sizes: ClassVar[dict[int, int]]
    """DPDK's constant for each number of bytes of a next hop."""
    _tbl8_spare: ClassVar[int]
    """How many of `num_tbl8` DPDK needs while it changes a route."""
    _tbl8_unit: ClassVar[int]
    """DPDK makes a multiple of this number."""
    _tbl8_usual: ClassVar[int]
    """`num_tbl8` by default."""

    def __init__(
        self,
        name: str,
        *,
        max_routes: int = 1024,
        default_nh: int = 0,
        nh_bytes: int = 2,
        num_tbl8: int | None = None,
        socket_id: int | None = None,
    ) -> None:
        eal.require_running()
        c_name = check_name("fib", name, NAME_MAX)
        if type(nh_bytes) is not int or nh_bytes not in self._sizes:
            allowed = ", ".join(map(str, self._sizes))
            raise ValueError(f"nh_bytes must be one of {allowed} (got {nh_bytes!r})")
        most = (1 << (8 * nh_bytes - 1)) - 1
        self.capacity = check_range("max_routes", max_routes, 1, ROUTES_MAX)
        wanted = self._tbl8_usual if num_tbl8 is None else num_tbl8
        tables = check_range("num_tbl8", wanted, 1, min(most, 1 << 20))
        other = check_range("default_nh", default_nh, 0, most)
        made = min(tables + self._tbl8_spare, most)
        usable = -(-made // self._tbl8_unit) * self._tbl8_unit - self._tbl8_spare
        socket = lcore.check_socket_id(socket_id)
        row = self._row
        self.next_hop_max = most
        self._c = c = ffi.new("struct pyd_fib *")
        with eal.running(), inside(), Undo(lib.pyd_fib_close, c):
            detail = "librte_fib, here or in the primary"
            call_errno(lib.pyd_fib_load, self._bits, detail=detail)
            call_rte_errno(
                lib.pyd_fib_open, c, self._bits, c_name, socket, other, self.capacity,
                self._sizes[nh_bytes], made, min(tables, usable), detail=name,
            )  # fmt: skip
            self._keep(c)
            self._bind(address_of(c), row.base, row.shape[0] if row.shape else 0)
            super().__init__(name, c, ffi.addressof(c, "gate"), address=address_of(c.fib))

    def add(self, prefix: str | Network, next_hop: int) -> None:
        """Add a route such as `198.18.0.0/15` or `2001:db8::/32`, or change its next hop.

        Routes are right in any order and in every release, as DPDK's bugs (docs/upstream) are
        avoided. For that a route shorter than /8 costs one write for each /8 in it, and one to the
        last address at most one more for each bit of an address.

        Raises
        ------
        NoRoomError
            `max_routes` or `num_tbl8` are used up. Nothing was changed.
        """
        hop = check_range("next_hop", next_hop, 0, self.next_hop_max)
        self._change(prefix, hop, add=True)

    def delete(self, prefix: str | Network) -> None:
        """Delete a route.

        Raises
        ------
        NotFoundError
            There is no route of exactly that prefix.
        """
        self._change(prefix, 0, add=False)

    def find(self, addresses: Any) -> Hops:
        """Return the next hop of each address, `uint64[n]`.

        Parameters
        ----------
        addresses
            A column: for IPv4 `uint32[n]`, as `burst.columns["ipv4.dst_addr"]`; for IPv6
            `uint8[n, 16]`, as `burst.columns["ipv6.dst_addr"]`. Or a list of texts, `10.0.0.1`.
        """
        width: tuple[int, ...] = self._row.shape
        addresses = as_values("addresses", "ipv6" if width else "ipv4", addresses)
        values = np.asarray(addresses)
        if values.ndim == 0 or values.shape[1:] != width:
            allowed = ", ".join(("n", *map(str, width)))
            raise ValueError(f"addresses must have the shape ({allowed}) (got {values.shape})")
        ips = fit("addresses", values, self._row.base, (len(values), *width))
        found = np.empty(len(ips), np.uint64)
        data, hops = ffi.from_buffer("char *", ips), ffi.from_buffer("uint64_t *", found)
        if lib.pyd_fib_lookup(self._c, data, hops, len(ips)) == -errno.EBADF:
            raise self._closed_error()
        return found

    def __len__(self) -> int:
        """Return the number of routes."""
        self.handle  # noqa: B018  # raises when closed
        return int(self._c.routes.n)

    def __bool__(self) -> bool:
        return True

    def __contains__(self, prefix: object) -> bool:
        """Whether there is a route of exactly this prefix; `find` is for addresses.

        As in a dict, what `add` would reject is not in it, and what has no hash raises TypeError.
        """
        hash(prefix)
        try:
            network = self._prefix(prefix)
        except (TypeError, ValueError):
            network = None
        with lock():
            self.handle  # noqa: B018  # raises when closed
            if network is None:
                return False
            arguments = network.network_address.packed, network.prefixlen
            return bool(call_errno(lib.pyd_fib_has, self._c, *arguments, detail=self.name))

    def _prefix(self, prefix: object) -> Any:
        if not isinstance(prefix, str | self._network):
            raise TypeError(f"prefix must be text as {self._example!r} (got {prefix!r})")
        return self._network(prefix)

    def _change(self, prefix: object, next_hop: int, *, add: bool) -> None:
        network = self._prefix(prefix)
        with lock():
            self.handle  # noqa: B018  # raises when closed
            address, detail = network.network_address.packed, f"{network} {self!r}, {self._room()}"
            arguments = address, network.prefixlen, next_hop, add
            call_errno(lib.pyd_fib_change, self._c, *arguments, detail=detail)

    def _room(self) -> str:
        has = self._c.routes
        return f"{has.n} of {has.max_routes} routes, {has.steps} of {has.max_steps} tbl8"

    def _free(self, force: bool) -> None:
        call_errno(lib.pyd_fib_close, self._c, detail=self.name)
