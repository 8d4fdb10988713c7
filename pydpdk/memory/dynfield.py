"""Dynamic fields and flags: parts of every mbuf that programs register by name."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from pydpdk import eal
from pydpdk._core.fixed import Fixed
from pydpdk._dpdk import ffi, lib
from pydpdk.errors import DpdkError, call_rte_errno, check_name, check_range, make_error

NAME_MAX = lib.RTE_MBUF_DYN_NAMESIZE - 1
_SIZE_MAX = 36  # the most that an mbuf has room for; often less is left
_TIMESTAMP = "rte_dynfield_timestamp"
_RX_TIMESTAMP = "rte_dynflag_rx_timestamp"
_TX_TIMESTAMP = "rte_dynflag_tx_timestamp"
# DPDK's own: libraries and drivers keep pointers there, so only numbers may be written
_WRITABLE = {_TIMESTAMP, _RX_TIMESTAMP, _TX_TIMESTAMP}


class _Dynamic(Fixed):
    """A name that is registered with DPDK.

    The place always comes from DPDK: at any other a driver may keep a pointer.
    """

    __slots__ = ("_begun", "_name")

    def __init__(self, name: str) -> None:
        self._name = name

    @property
    def name(self) -> str:
        """The name that it was registered under."""
        return self._name

    @property
    def writable(self) -> bool:
        """Whether Python may write it; names with `rte_` are DPDK's, except for timestamps."""
        return not self.name.startswith("rte_") or self.name in _WRITABLE

    def _require_writable(self) -> None:
        """Raise if it is DPDK's own."""
        if not self.writable:
            raise ValueError(f"{self!r} is DPDK's own: it may only be read")


class DynField(_Dynamic):
    """A field of every mbuf, read and written as `mbuf[field]`.

    Notes
    -----
    Owns     nothing: a field stays for the life of the EAL and cannot be given back
    Threads  those of the burst that owns the mbuf
    """

    __slots__ = ("_dtype", "_offset")

    def __init__(self, name: str, dtype: npt.DTypeLike | None = None) -> None:
        eal.require_running()
        params = ffi.new("struct rte_mbuf_dynfield *")
        c_name = check_name("dynamic field", name, NAME_MAX)
        with eal.running():
            offset = call_rte_errno(lib.rte_mbuf_dynfield_lookup, c_name, params, detail=name)
        size = int(params.size)
        kind = _kind_of(size) if dtype is None else _check_dtype(dtype)
        if kind.itemsize != size:
            raise ValueError(f"dtype={kind}: dynamic field {name!r} has {size} bytes")
        super().__init__(name)
        self._offset, self._dtype = offset, kind

    @property
    def offset(self) -> int:
        """[bytes] from the start of `struct rte_mbuf`."""
        return self._offset

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of its value."""
        return self._dtype

    @classmethod
    def register(
        cls, name: str, dtype: npt.DTypeLike = np.uint64, *, align: int | None = None
    ) -> Self:
        """Register a field of every mbuf; the same arguments return the same field.

        Parameters
        ----------
        name
            1 to 63 characters; `rte_` is for DPDK's own.
        dtype
            A dtype of fixed size, 1 to 36 bytes, without Python objects.
        align
            [bytes], a power of two. Default: the dtype's.

        Raises
        ------
        NameTakenError
            Registered with another size or alignment.
        NotFoundError
            No room is left in the mbuf.
        SecondaryError
            Only the primary registers new ones; a secondary gets those that it has registered.

        Notes
        -----
        Wraps  rte_mbuf_dynfield_register (rte_mbuf_dyn.h)
        """
        eal.require_running()
        kind = _check_dtype(dtype)
        params = _params("rte_mbuf_dynfield", _check_own(name))
        params.size, params.align = kind.itemsize, _check_align(kind, align)
        _register(lib.rte_mbuf_dynfield_register, params, detail=name)
        return cls(name, kind)

    @classmethod
    def lookup(cls, name: str, dtype: npt.DTypeLike | None = None) -> Self:
        """Find a field that this process, a driver or another process has registered.

        Parameters
        ----------
        dtype
            A dtype of the field's size. Default: an unsigned integer, or bytes if none fits.

        Raises
        ------
        NotFoundError
            There is none of that name.

        Notes
        -----
        Wraps  rte_mbuf_dynfield_lookup (rte_mbuf_dyn.h)
        """
        return cls(name, dtype)

    def __repr__(self) -> str:
        return f"<DynField {self.name!r} {self.dtype} at {self.offset}>"


class DynFlag(_Dynamic):
    """A bit of every mbuf's `ol_flags`, read and written as `mbuf[flag]`.

    Notes
    -----
    Owns     nothing: a flag stays for the life of the EAL
    """

    __slots__ = ("_bitnum",)

    def __init__(self, name: str) -> None:
        eal.require_running()
        c_name = check_name("dynamic flag", name, NAME_MAX)
        with eal.running():
            found = call_rte_errno(lib.rte_mbuf_dynflag_lookup, c_name, ffi.NULL, detail=name)
        self._bitnum = found
        super().__init__(name)

    @property
    def bitnum(self) -> int:
        """The number of its bit in `ol_flags`."""
        return self._bitnum

    @classmethod
    def register(cls, name: str) -> Self:
        """Register a bit of `ol_flags`; the same name returns the same bit.

        Raises
        ------
        NotFoundError
            No bit is left.
        SecondaryError
            As for `DynField.register`.

        Notes
        -----
        Wraps  rte_mbuf_dynflag_register (rte_mbuf_dyn.h)
        """
        eal.require_running()
        params = _params("rte_mbuf_dynflag", _check_own(name))
        _register(lib.rte_mbuf_dynflag_register, params, detail=name)
        return cls(name)

    @classmethod
    def lookup(cls, name: str) -> Self:
        """Find a flag that this process, a driver or another process has registered.

        Notes
        -----
        Wraps  rte_mbuf_dynflag_lookup (rte_mbuf_dyn.h)
        """
        return cls(name)

    @property
    def mask(self) -> int:
        """The bit's value in `ol_flags`."""
        return 1 << self.bitnum

    def __repr__(self) -> str:
        return f"<DynFlag {self.name!r} bit {self.bitnum}>"


def rx_timestamp() -> tuple[DynField, DynFlag]:
    """Return the field with a packet's receive time, and the flag that says the port wrote it.

    Notes
    -----
    Wraps  rte_mbuf_dyn_rx_timestamp_register (rte_mbuf_dyn.h)
    """
    return _timestamp(lib.rte_mbuf_dyn_rx_timestamp_register, _RX_TIMESTAMP)


def tx_timestamp() -> tuple[DynField, DynFlag]:
    """Return the field with a packet's send time, and the flag that makes the port use it.

    Notes
    -----
    Wraps  rte_mbuf_dyn_tx_timestamp_register (rte_mbuf_dyn.h)
    """
    return _timestamp(lib.rte_mbuf_dyn_tx_timestamp_register, _TX_TIMESTAMP)


def _timestamp(register: Callable[..., int], flag: str) -> tuple[DynField, DynFlag]:
    eal.require_running()
    offset, mask = ffi.new("int *"), ffi.new("uint64_t *")
    _register(register, offset, mask, detail=flag)
    return DynField(_TIMESTAMP, np.uint64), DynFlag(flag)


def _register(register: Callable[..., int], *arguments: Any, detail: str) -> None:
    with eal.running():
        try:
            call_rte_errno(register, *arguments, detail=detail)
        except DpdkError as error:
            # ENOENT: the primary has none at all
            if eal.is_primary() or error.errno not in (errno.EPERM, errno.ENOENT):
                raise
            why = f"{detail!r} is not registered, and only the primary can register it"
            raise make_error(register.__name__, lib.E_RTE_SECONDARY, why) from None


def _params(struct: str, name: bytes) -> Any:
    params = ffi.new(f"struct {struct} *")
    params.name = name
    return params


def _check_own(name: str) -> bytes:
    c_name = check_name("dynamic field or flag", name, NAME_MAX)
    if name.startswith("rte_"):
        raise ValueError(f"name {name!r}: names with rte_ are DPDK's own; lookup finds them")
    return c_name


def _check_dtype(dtype: npt.DTypeLike) -> np.dtype[Any]:
    kind = np.dtype(dtype)
    if kind.hasobject or kind.subdtype or not 1 <= kind.itemsize <= _SIZE_MAX:
        raise ValueError(f"dtype must be 1..{_SIZE_MAX} bytes without Python objects (got {kind})")
    return kind


def _check_align(kind: np.dtype[Any], align: int | None) -> int:
    wanted = kind.alignment if align is None else check_range("align", align, 1, 64, " bytes")
    if wanted & (wanted - 1):
        raise ValueError(f"align must be a power of two (got {align})")
    return wanted


def _kind_of(size: int) -> np.dtype[Any]:
    return np.dtype(f"u{size}" if size in (1, 2, 4, 8) else f"V{size}")
