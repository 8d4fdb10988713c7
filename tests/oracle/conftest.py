"""Fixtures for several files of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pydpdk import Burst, Mempool


@pytest.fixture
def other(pool: Mempool) -> Iterator[Burst]:
    """A second burst."""
    with Burst(32) as made:
        yield made
        made.free()
