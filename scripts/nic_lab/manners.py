"""Behaviour of a real NIC driver at its limits: too large requests, starved, or stopped."""

from __future__ import annotations

from collections.abc import Iterator

import wires

from pydpdk import DpdkError, Mempool, Port

PACKETS = 64
PART_BYTES = 640  # of data room: long packets lie in three mbufs


def faults_of(pairs: list[tuple[Port, Port]], pool: Mempool) -> Iterator[str]:
    """Yield each fault of started ports, by wire."""
    for port in (port for pair in pairs for port in pair):
        port.stop()
        yield from _asked_for_too_much(port, pool)
        yield from _starved(port, pool)
        port.promiscuous = True
        port.start()
        port.stop()
        port.start()
    with Mempool.create("parts", 1023, data_room_size=PART_BYTES) as parts:
        for near, far in pairs:
            wires.wait_links([near, far])
            for source, target in ((near, far), (far, near)):
                seen = wires.cross(source, target, parts, PACKETS)
                print(f"{source.info().driver_name}, started again, packets in parts: {seen}")
                if not seen.good:
                    yield f"in parts: {seen}"
        for port in (port for pair in pairs for port in pair):
            port.close()  # returns packets that were still to be sent


def _asked_for_too_much(port: Port, pool: Mempool) -> Iterator[str]:
    info = port.info()
    for wish in (
        {"nb_rx_queues": info.max_rx_queues + 1},
        {"nb_rx_desc": info.rx_desc_lim.nb_max + 1},
        {"nb_tx_desc": info.tx_desc_lim.nb_min - 1},
        {"mtu": info.max_mtu + 1},
    ):
        try:
            port.configure(mempool=pool, **wish)
        except ValueError as error:
            print(f"{info.driver_name}: {error}")
        else:
            yield f"{port.name} takes {wish}"


def _starved(port: Port, pool: Mempool) -> Iterator[str]:
    """Start with a pool that cannot fill the receive ring: it must raise, not crash."""
    with Mempool.create("few", 63, cache_size=0) as few:
        try:
            port.configure(mempool=few)
            port.start()
        except DpdkError as error:
            print(f"{port.info().driver_name}, starved: {error}")
        else:
            print(
                f"{port.info().driver_name}, starved: starts, {few.in_use_count} mbufs in its ring"
            )
            port.stop()
        port.configure(mempool=pool)
        if few.in_use_count:
            yield f"{port.name} keeps {few.in_use_count} mbufs of a pool that it left"
            few.close(force=True)
