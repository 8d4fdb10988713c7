# Written by scripts/tools/gen_verbs from the table of verbs, pydpdk/_core/verbs.py; do not edit.
"""Verbs on packets in compiled code: of a burst, for all of its packets, and of one packet."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.core import types

from pydpdk.jit._overloads import (
    check,
    check_octets,
    check_tpid,
    count,
    done,
    is_set,
    octets,
    rows,
)
from pydpdk.jit.types import (
    BurstType,
    PacketType,
    cell,
    external,
    is_whole,
    mbufs_of,
    method,
)

_int, _word, _n, _u16 = types.int32, types.int64, types.uint32, types.uint16


_decrement_ttl = external("pyd_mbufs_decrement_ttl", _int, _word, _n, _word)


@method(BurstType, "decrement_ttl")
def _decrement_ttl_of_burst(burst: Any) -> Any:
    def of_burst(burst: Any) -> Any:
        n = count(burst)
        expired = np.empty(n, np.bool_)
        done(_decrement_ttl(mbufs_of(burst), n, expired))
        return expired

    return of_burst


@method(PacketType, "decrement_ttl")
def _decrement_ttl_of_packet(packet: Any) -> Any:
    def of_packet(packet: Any) -> Any:
        expired = cell(0)
        done(_decrement_ttl(mbufs_of(packet), 1, expired))
        return is_set(expired)

    return of_packet


_verify_checksums = external("pyd_mbufs_verify_checksums", _int, _word, _n, _word, _word)


@method(BurstType, "verify_checksums")
def _verify_checksums_of_burst(burst: Any) -> Any:
    def of_burst(burst: Any) -> Any:
        n = count(burst)
        ip_bad = np.empty(n, np.bool_)
        l4_bad = np.empty(n, np.bool_)
        done(_verify_checksums(mbufs_of(burst), n, ip_bad, l4_bad))
        return ip_bad, l4_bad

    return of_burst


@method(PacketType, "verify_checksums")
def _verify_checksums_of_packet(packet: Any) -> Any:
    def of_packet(packet: Any) -> Any:
        ip_bad = cell(0)
        l4_bad = cell(0)
        done(_verify_checksums(mbufs_of(packet), 1, ip_bad, l4_bad))
        return is_set(ip_bad), is_set(l4_bad)

    return of_packet


_compute_checksums = external("pyd_mbufs_compute_checksums", _int, _word, _n, _n, _word)


@method(BurstType, "compute_checksums")
def _compute_checksums_of_burst(burst: Any) -> Any:
    def of_burst(burst: Any) -> Any:
        n = count(burst)
        computed = np.empty(n, np.bool_)
        done(_compute_checksums(mbufs_of(burst), n, 0, computed))
        return computed

    return of_burst


@method(PacketType, "compute_checksums")
def _compute_checksums_of_packet(packet: Any) -> Any:

    def of_packet(packet: Any) -> Any:
        computed = cell(0)
        done(_compute_checksums(mbufs_of(packet), 1, 0, computed))
        return is_set(computed)

    return of_packet


_vlan_push = external("pyd_mbufs_vlan_push", _int, _word, _n, _word, _u16)


@method(BurstType, "vlan_push")
def _vlan_push_of_burst(burst: Any, vlan_tci: Any, tpid: Any = 0x8100) -> Any:
    vlan_tci_of = rows("vlan_push", vlan_tci, np.dtype("u2"))

    def of_burst(burst: Any, vlan_tci: Any, tpid: Any = 0x8100) -> Any:
        n = count(burst)
        vlan_tcis = vlan_tci_of(n, vlan_tci)
        done(_vlan_push(mbufs_of(burst), n, vlan_tcis, check_tpid(tpid)))

    return of_burst


@method(PacketType, "vlan_push")
def _vlan_push_of_packet(packet: Any, vlan_tci: Any, tpid: Any = 0x8100) -> Any:
    if not is_whole(vlan_tci):
        return None

    def of_packet(packet: Any, vlan_tci: Any, tpid: Any = 0x8100) -> Any:
        done(_vlan_push(mbufs_of(packet), 1, cell(check(vlan_tci, 65535)), check_tpid(tpid)))

    return of_packet


_vlan_pop = external("pyd_mbufs_vlan_pop", _int, _word, _n, _word)


@method(BurstType, "vlan_pop")
def _vlan_pop_of_burst(burst: Any) -> Any:
    def of_burst(burst: Any) -> Any:
        n = count(burst)
        popped = np.empty(n, np.bool_)
        done(_vlan_pop(mbufs_of(burst), n, popped))
        return popped

    return of_burst


@method(PacketType, "vlan_pop")
def _vlan_pop_of_packet(packet: Any) -> Any:
    def of_packet(packet: Any) -> Any:
        popped = cell(0)
        done(_vlan_pop(mbufs_of(packet), 1, popped))
        return is_set(popped)

    return of_packet


_set_header_lengths = external("pyd_mbufs_set_header_lengths", _int, _word, _n, _word)


@method(BurstType, "set_header_lengths")
def _set_header_lengths_of_burst(burst: Any) -> Any:
    def of_burst(burst: Any) -> Any:
        n = count(burst)
        fits = np.empty(n, np.bool_)
        done(_set_header_lengths(mbufs_of(burst), n, fits))
        return fits

    return of_burst


@method(PacketType, "set_header_lengths")
def _set_header_lengths_of_packet(packet: Any) -> Any:
    def of_packet(packet: Any) -> Any:
        fits = cell(0)
        done(_set_header_lengths(mbufs_of(packet), 1, fits))
        return is_set(fits)

    return of_packet


_prepend = external("pyd_mbufs_prepend", _int, _word, _n, _word, _n, _n)


@method(BurstType, "prepend")
def _prepend_of_burst(burst: Any, data: Any) -> Any:
    data_of = octets("prepend", data)

    def of_burst(burst: Any, data: Any) -> Any:
        n = count(burst)
        datas, width, stride = data_of(n, data)
        done(_prepend(mbufs_of(burst), n, datas, width, stride))

    return of_burst


@method(PacketType, "prepend")
def _prepend_of_packet(packet: Any, data: Any) -> Any:
    check_octets("prepend", data)

    def of_packet(packet: Any, data: Any) -> Any:
        done(_prepend(mbufs_of(packet), 1, data, check(len(data), 65535), 0))

    return of_packet


_adj = external("pyd_mbufs_adj", _int, _word, _n, _word)


@method(BurstType, "adj")
def _adj_of_burst(burst: Any, length: Any) -> Any:
    length_of = rows("adj", length, np.dtype("u4"))

    def of_burst(burst: Any, length: Any) -> Any:
        n = count(burst)
        lengths = length_of(n, length)
        done(_adj(mbufs_of(burst), n, lengths))

    return of_burst


@method(PacketType, "adj")
def _adj_of_packet(packet: Any, length: Any) -> Any:
    if not is_whole(length):
        return None

    def of_packet(packet: Any, length: Any) -> Any:
        done(_adj(mbufs_of(packet), 1, cell(check(length, 4294967295))))

    return of_packet
