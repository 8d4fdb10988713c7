"""The metadata of an mbuf: flags, offloads and dynamic fields."""

from __future__ import annotations

import errno
from typing import Any, NamedTuple

import numpy as np

from pydpdk._dpdk import ffi, lib
from pydpdk.errors import check_range
from pydpdk.memory.dynfield import DynField, DynFlag
from pydpdk.memory.flags import OlFlag
from pydpdk.memory.mbuf_data import MbufData

# Flags that Python may set: those of received packets, and VLAN insertion. Checksum and
# segmentation offloads need header lengths, which drivers trust: see `set_tx_offload`.
_SETTABLE = OlFlag.TX_VLAN
for _flag in OlFlag:
    if _flag.name and _flag.name.startswith("RX_"):
        _SETTABLE |= _flag

_BITS = {"l2_len": 7, "l3_len": 9, "l4_len": 8, "tso_segsz": 16,
         "outer_l2_len": 7, "outer_l3_len": 9}  # fmt: skip


class TxLengths(NamedTuple):
    """Header lengths of a packet for TX offloads [bytes]."""

    l2_len: int
    l3_len: int
    l4_len: int
    tso_segsz: int
    outer_l2_len: int
    outer_l3_len: int


class MbufMeta(MbufData):
    """The part of `Mbuf` that reads and writes the packet's metadata.

    Notes
    -----
    Owns     nothing: the burst does
    Threads  those of the burst
    Cost     one crossing for each property
    """

    __slots__ = ()

    @property
    def port(self) -> int | None:
        """Port that received it; None if none did."""
        port = int(self._meta().port)
        return None if port == lib.RTE_MBUF_PORT_INVALID else port

    @property
    def packet_type(self) -> int:
        """Packet type that the port found, `RTE_PTYPE_*` bits."""
        return int(self._meta().packet_type)

    @property
    def rss_hash(self) -> int | None:
        """Hash that the port computed; None if it did not (`OlFlag.RX_RSS_HASH`)."""
        meta = self._meta()
        return int(meta.rss_hash) if meta.ol_flags & lib.RTE_MBUF_F_RX_RSS_HASH else None

    @property
    def ol_flags(self) -> OlFlag:
        """Offload flags. Settable: the RX flags and TX_VLAN; others with `set_tx_offload`."""
        return OlFlag(self._meta().ol_flags)

    @ol_flags.setter
    def ol_flags(self, flags: int) -> None:
        meta = self._meta()
        fixed = (int(flags) ^ int(meta.ol_flags)) & ~int(_SETTABLE)
        if int(flags) < 0 or fixed:
            raise ValueError(f"ol_flags={flags!r}: {_SETTABLE!r} may be changed")
        meta.ol_flags = int(flags)
        self._done(lib.pyd_mbuf_set(self._burst._c, self._index, meta))

    @property
    def vlan_tci(self) -> int:
        """VLAN tag beside the packet: stripped on receive, or to insert with `OlFlag.TX_VLAN`."""
        return int(self._meta().vlan_tci)

    @vlan_tci.setter
    def vlan_tci(self, tci: int) -> None:
        meta = self._meta()
        meta.vlan_tci = check_range("vlan_tci", tci, 0, 65535)
        self._done(lib.pyd_mbuf_set(self._burst._c, self._index, meta))

    @property
    def tx_lengths(self) -> TxLengths:
        """Header lengths that `set_tx_offload` has set."""
        tx = self._tx()
        return TxLengths(*(int(getattr(tx, field)) for field in TxLengths._fields))

    def set_tx_offload(self, flags: int, **lengths: int) -> None:
        """Request checksums or segmentation of this packet from the port; 0 requests nothing.

        Parameters
        ----------
        flags
            `OlFlag.TX_*`, which replace the former ones.
        **lengths
            Fields of `TxLengths` [bytes], 0 by default. All headers must lie in the first segment,
            as drivers read and write there without a check.

        Raises
        ------
        ValueError
            A flag lacks others or lengths that it needs, or headers are longer than the first
            segment; nothing was changed.

        Notes
        -----
        Wraps  rte_mbuf_tx_offload, rte_validate_tx_offload (rte_mbuf.h)
        """
        self._check()
        unknown = lengths.keys() - _BITS.keys()
        if unknown:
            raise TypeError(f"{', '.join(sorted(unknown))}: {', '.join(_BITS)} are allowed")
        tx = ffi.new("struct pyd_tx_offload *")
        tx.ol_flags = check_range("flags", flags, 0, (1 << 64) - 1)
        for field, value in lengths.items():
            setattr(tx, field, check_range(field, value, 0, (1 << _BITS[field]) - 1, " bytes"))
        result = lib.pyd_mbuf_tx_set(self._burst._c, self._index, tx)
        if result == -errno.EMSGSIZE:
            raise ValueError(f"{lengths}: the first segment has {self.data_len} bytes of headers")
        if result == -errno.EINVAL:
            raise ValueError(f"{OlFlag(flags)!r} with {lengths}: no sound TX offload")
        self._done(result)

    def __getitem__(self, key: DynField | DynFlag) -> Any:
        """Return a dynamic field as its dtype's scalar, or a dynamic flag as bool."""
        self._check()
        if isinstance(key, DynFlag):
            return bool(self._meta().ol_flags & key.mask)
        if not isinstance(key, DynField):
            raise TypeError(f"{key!r}: a DynField or DynFlag is allowed")
        value = np.empty((), key.dtype)
        data = ffi.from_buffer("char *", value)
        self._done(
            lib.pyd_mbuf_dyn_get(self._burst._c, self._index, key.offset, key.dtype.itemsize, data)
        )
        return value[()]

    def __setitem__(self, key: DynField | DynFlag, value: Any) -> None:
        self._check()
        if isinstance(key, DynFlag):
            key.require_writable()
            result = lib.pyd_mbuf_flag_set(self._burst._c, self._index, key.bitnum, bool(value))
        elif isinstance(key, DynField):
            key.require_writable()
            data = np.asarray(value, key.dtype).reshape(())
            result = lib.pyd_mbuf_dyn_set(
                self._burst._c, self._index, key.offset, key.dtype.itemsize, data.tobytes()
            )
        else:
            raise TypeError(f"{key!r}: a DynField or DynFlag is allowed")
        self._done(result)

    def _meta(self) -> Any:
        self._check()
        meta = ffi.new("struct pyd_meta *")
        self._done(lib.pyd_mbuf_get(self._burst._c, self._index, meta))
        return meta

    def _tx(self) -> Any:
        self._check()
        tx = ffi.new("struct pyd_tx_offload *")
        self._done(lib.pyd_mbuf_tx_get(self._burst._c, self._index, tx))
        return tx
