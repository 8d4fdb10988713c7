"""DPDK's table of ports: names and numbers."""

from __future__ import annotations

import errno
from collections.abc import Iterator

from pydpdk._core.near import naming
from pydpdk._dpdk import ffi, lib
from pydpdk.errors import call_errno, check_name, check_range, make_error
from pydpdk.limits import PORT_NAME
from pydpdk.memory._rows import text


def name_of(port_id: int) -> str:
    """Return the name of a port; an empty string if the primary has closed it."""
    if not any_port():
        return ""
    name = ffi.new("char[]", lib.RTE_ETH_NAME_MAX_LEN)
    call_errno(lib.rte_eth_dev_get_name_by_port, port_id, name, detail=f"port {port_id}")
    return text(name)


def any_port() -> bool:
    """Return whether there is a table of ports; without, DPDK's search by name reads from NULL.

    From 23.11 a secondary may have none: the table goes with the last port of the primary, and only
    the call that makes owner ids finds a new one.

    Notes
    -----
    Wraps  rte_eth_dev_owner_new (rte_ethdev.h)
    """
    if lib.rte_memzone_lookup(b"rte_eth_dev_data") == ffi.NULL:
        return False  # the call below would be fatal before 23.11
    return int(lib.rte_eth_dev_owner_new(ffi.new("uint64_t *"))) == 0


def port_ids() -> Iterator[int]:
    """Yield the numbers of all ports that belong to no other device.

    Notes
    -----
    Wraps  rte_eth_find_next_owned_by (rte_ethdev.h)
    """
    port_id = lib.rte_eth_find_next_owned_by(0, 0)
    while port_id < lib.RTE_MAX_ETHPORTS:
        yield port_id
        port_id = lib.rte_eth_find_next_owned_by(port_id + 1, 0)


def find_id(port: str | int) -> int:
    """Return the number of a port of that name or number; `NotFoundError` if there is none."""
    if isinstance(port, str):
        found = ffi.new("uint16_t *")
        c_name = check_name("port", port, PORT_NAME)
        with naming(port, lambda: map(name_of, port_ids() if any_port() else ())):
            if not any_port():
                raise make_error("rte_eth_dev_get_port_by_name", errno.ENODEV, port)
            call_errno(lib.rte_eth_dev_get_port_by_name, c_name, found, detail=port)
        return int(found[0])
    check_range("port", port, 0, lib.RTE_MAX_ETHPORTS - 1)
    if not lib.rte_eth_dev_is_valid_port(port):
        raise make_error("rte_eth_dev_is_valid_port", errno.ENODEV, f"port {port}")
    return port
