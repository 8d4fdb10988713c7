"""Load the binding in a process of its own, as a broken libdpdk may crash it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

from pydpdk.host import files

_CODE = """
import json
from pydpdk import version
maps = open("/proc/self/maps").read().split()
eal = next((path for path in maps if "/librte_eal.so" in path), "")
print(json.dumps([version.COMPILED, version.RUNNING, eal]))
"""
_PATH = [str(Path(__file__).parents[2])]
_SONAME = re.compile(rb"librte_eal\.so\.(\d+)")
_PLUGINS = re.compile(rb"/[\w./+-]*/dpdk/pmds-[\w.]+(?=\0)")


@dataclass(frozen=True)
class Binding:
    """The result of loading the binding.

    Attributes
    ----------
    compiled, running : str
        Releases of DPDK; empty if the binding could not be loaded.
    eal : str
        The path of librte_eal.
    error : str
        Why the binding could not be loaded; empty if it could.
    """

    compiled: str = ""
    running: str = ""
    eal: str = ""
    error: str = ""


def probe(timeout: float = 120) -> Binding:
    """Load the binding in a child process, and return the result.

    Loading takes a second, but more than 30 s in an emulated machine on a busy host.
    """
    try:
        done = subprocess.run(  # noqa: S603  this interpreter, and code of ours
            [sys.executable, "-P", "-c", f"import sys; sys.path[:0] = {_PATH!r}\n{_CODE}"],
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Binding(error=f"it did not load in {timeout:.0f} s")
    except OSError as error:  # a process limit, or an interpreter that this user may not run
        return Binding(error=f"{sys.executable} does not start: {error.strerror}")
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        return Binding(error=lines[-1] if lines else f"it ended with {done.returncode}")
    return Binding(*json.loads(done.stdout))


@cache
def linked_abi() -> int | None:
    """Return the ABI of the DPDK that the binding is linked with: 23 for 22.11, 24 for 23.11.

    It reads the file and loads nothing. None if there is no file.
    """
    for suffix in EXTENSION_SUFFIXES:
        file = Path(__file__).parents[1] / f"_dpdk{suffix}"
        match = _SONAME.search(files.content(file) or b"")
        if match:
            return int(match[1])
    return None


def plugin_directory(eal: str) -> Path | None:
    """Return the directory that a librte_eal loads its drivers from, which is compiled in."""
    match = _PLUGINS.search(files.content(eal) or b"")
    return Path(match[0].decode()) if match else None
