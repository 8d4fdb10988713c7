"""Dynamic fields and flags in a secondary: it gets those of the primary, and registers none."""

from __future__ import annotations

import os

import pytest

pytestmark = pytest.mark.hugepages

PRIMARY = """
from pydpdk import DynField, DynFlag
eal = pydpdk.init(file_prefix=PREFIX, hugepages=True, lcores="0@0")
DynFlag.register("has")
DynField.register("has")
wait()
eal.close()
"""
SECONDARY = """
from pydpdk import DynField, DynFlag
eal = pydpdk.attach(PREFIX)
for register in (DynFlag.register, DynField.register):
    for name in ("has", "new"):
        try:
            say(register(name).name)
        except pydpdk.DpdkError as error:
            say(type(error).__name__, str(error).partition(" [DPDK")[0])
eal.close()
"""


def test_a_secondary_registers_only_what_the_primary_has(second, name: str):
    """On memory of their own: mbufs of the tests' EAL may have no room left for a field."""
    prefix = f"test-{os.getpid()}-{name}"
    primary = second(PRIMARY, prefix)
    primary.until_ready()
    secondary = second(SECONDARY, prefix)
    for _ in range(2):
        assert "has" in secondary.line()
        said = secondary.line()
        assert "SecondaryError" in said
        assert "'new' is not registered, and only the primary can register it" in said
    secondary.end()
    primary.end()
