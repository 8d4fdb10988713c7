"""A look at the binding from outside: in a process of its own, which a broken libdpdk may break."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_CODE = """
import json
from pydpdk import version
maps = open("/proc/self/maps").read().split()
eal = next((path for path in maps if "/librte_eal.so" in path), "")
print(json.dumps([version.COMPILED, version.RUNNING, eal]))
"""
_PLUGINS = re.compile(rb"/[\w./+-]*/dpdk/pmds-[\w.]+(?=\0)")


@dataclass(frozen=True)
class Binding:
    """What loading the binding comes to.

    Attributes
    ----------
    compiled, running : str
        Releases of DPDK; empty where it could not be loaded.
    eal : str
        The path of librte_eal.
    error : str
        Why it could not be loaded; empty where it could.
    """

    compiled: str = ""
    running: str = ""
    eal: str = ""
    error: str = ""


def probe(timeout_s: float = 120) -> Binding:
    """Load the binding in a child, and say what came of it.

    Loading takes a second, but more than 30 in an emulated machine whose host is busy.
    """
    try:
        done = subprocess.run(  # noqa: S603  this interpreter, and code of ours
            [sys.executable, "-P", "-c", f"import sys; sys.path[:0] = {_path()!r}\n{_CODE}"],
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Binding(error=f"it did not load in {timeout_s:.0f} s")
    except OSError as error:  # no process may be made, or the interpreter is another user's
        return Binding(error=f"{sys.executable} does not start: {error.strerror}")
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        return Binding(error=lines[-1] if lines else f"it ended with {done.returncode}")
    return Binding(*json.loads(done.stdout))


def plugin_directory(eal: str) -> Path | None:
    """The directory that a librte_eal loads its drivers from: it is compiled in."""
    try:
        match = _PLUGINS.search(Path(eal).read_bytes())
    except OSError:
        return None
    return Path(match[0].decode()) if match else None


def _path() -> list[str]:
    """Where this very pydpdk is."""
    return [str(Path(__file__).parents[2])]
