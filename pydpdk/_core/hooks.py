"""Functions of higher layers that lower ones call; the public package, above all, sets them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Recovery = Callable[[Any], object]

packets: Callable[[], Any]
"""Loads the module that sends and receives packets as bytes, for `Port.send` and `Port.sniff`."""

recovery: Callable[[], Recovery] | None = None
"""Loads the function that a primary calls with each dead process, a `RegisteredProcess`."""
