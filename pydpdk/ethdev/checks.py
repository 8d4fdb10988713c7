"""Checks of a port's configuration against its device: everything that DPDK leaves unchecked."""

from __future__ import annotations

from enum import IntFlag
from typing import Any

from pydpdk._core.frozen import frozen
from pydpdk.errors import check_range
from pydpdk.ethdev.flags import RssHf, RxOffload, TxOffload
from pydpdk.ethdev.info import DescLim, PortInfo
from pydpdk.limits import DEFAULT_DESC, MAX_MTU
from pydpdk.memory.mempool import HEADROOM, Mempool


@frozen
class PortConfig:
    """A port's configuration, after the checks.

    Attributes
    ----------
    mtu : int or None
        [bytes]; None for the device's default.
    finish_checksums : bool
        Whether checksums that the kernel left undone are finished.
    split_large : bool
        Whether the kernel is to split large packets before they come.
    """

    nb_rx_queues: int
    nb_tx_queues: int
    nb_rx_desc: int
    nb_tx_desc: int
    mtu: int | None
    rss: RssHf
    rx_offloads: RxOffload
    tx_offloads: TxOffload
    finish_checksums: bool = False
    split_large: bool = False


def check_config(
    name: str,
    info: PortInfo,
    mempool: Mempool | None,
    *,
    nb_rx_queues: int,
    nb_tx_queues: int,
    nb_rx_desc: int | None,
    nb_tx_desc: int | None,
    mtu: int | None,
    rss: RssHf | int,
    rx_offloads: RxOffload | int,
    tx_offloads: TxOffload | int,
) -> PortConfig:
    """Return the configuration, or raise with the range that the port accepts.

    Raises
    ------
    ValueError, TypeError
        The first argument that the device does not accept.
    """
    of = f" on port {name!r}"
    check_range("nb_rx_queues", nb_rx_queues, 0, info.max_rx_queues, of)
    check_range("nb_tx_queues", nb_tx_queues, 0, info.max_tx_queues, of)
    if nb_rx_queues + nb_tx_queues == 0:
        raise ValueError(f"nb_rx_queues or nb_tx_queues{of} must be at least 1 (got 0, 0)")
    if nb_rx_queues or mempool is not None:
        _check_mempool(name, info, mempool)
    if mtu is not None:
        check_range("mtu", mtu, info.min_mtu, min(info.max_mtu, MAX_MTU), f" bytes{of}")
    return PortConfig(
        nb_rx_queues,
        nb_tx_queues,
        _check_desc("nb_rx_desc", nb_rx_desc, info.rx_desc_lim, of),
        _check_desc("nb_tx_desc", nb_tx_desc, info.tx_desc_lim, of),
        mtu,
        _check_flags("rss", RssHf, rss, info.flow_type_rss_offloads, of),
        _check_flags("rx_offloads", RxOffload, rx_offloads, info.rx_offload_capa, of),
        _check_flags("tx_offloads", TxOffload, tx_offloads, info.tx_offload_capa, of),
    )


def _check_desc(what: str, nb_desc: int | None, limit: DescLim, of: str) -> int:
    if nb_desc is None:
        return limit.nearest(DEFAULT_DESC)
    check_range(what, nb_desc, limit.nb_min, limit.nb_max, of)
    if not limit.takes(nb_desc):
        raise ValueError(f"{what}{of} must be {limit} (got {nb_desc})")
    return nb_desc


def _check_flags(what: str, kind: Any, wish: int, capa: IntFlag, of: str) -> Any:
    if isinstance(wish, bool) or not isinstance(wish, int) or wish < 0:
        raise TypeError(f"{what}{of} must be flags of {kind.__name__}, or 0 (got {wish!r})")
    lacking = wish & ~int(capa)
    if lacking:
        able = _flag_names(capa) or "nothing"
        raise ValueError(f"{what}{of} must be of {able} (got {_flag_names(kind(lacking))})")
    return kind(wish)


def _flag_names(flags: IntFlag) -> str:
    named = [flag for flag in type(flags) if flag & flags]
    other = int(flags) & ~sum(named)
    return ", ".join([*(str(flag.name) for flag in named), *([hex(other)] if other else [])])


def _check_mempool(name: str, info: PortInfo, mempool: Mempool | None) -> None:
    if not isinstance(mempool, Mempool):
        raise TypeError(f"mempool={mempool!r}: port {name!r} receives, so it needs a Mempool")
    room = mempool.data_room_size - HEADROOM
    if room < info.min_rx_bufsize:
        raise ValueError(
            f"mempool={mempool!r}: port {name!r} needs buffers of {info.min_rx_bufsize} bytes"
            f" behind the headroom, these have {room}"
        )
    if info.driver_name == "net_null":
        # the driver does not check: a longer packet would overrun its buffer
        size = info.device.null_bytes or 0
        if size > room:
            raise ValueError(
                f"mempool={mempool!r}: port {name!r} makes packets of {size} bytes, {room} fit"
            )
