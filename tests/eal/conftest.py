"""Ports that several files of tests use."""

from __future__ import annotations

import pytest

from pydpdk import Mempool, Port


@pytest.fixture
def null(device) -> Port:
    return device("net_null_p,size=60")


@pytest.fixture
def loop(device, pool: Mempool) -> Port:
    """A net_ring port that is started: what it sends it receives."""
    port = device("net_ring_p")
    port.configure(mempool=pool)
    port.start()
    return port
