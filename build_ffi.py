"""Compile `pydpdk._dpdk` (cffi's API mode over this machine's DPDK) and `pydpdk._crossing`.

cffi reads the declarations in `pydpdk/_native/decl/` in order and generates C from them. That code
and our own C in `pydpdk/_native/` are compiled together; pkg-config names the libdpdk to build
against. DPDK's datapath functions are `static inline`, so only a C compiler can bind them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from setuptools import Extension
from setuptools.command.build_ext import build_ext
from setuptools.errors import SetupError

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT))
from build_verbs import declarations, files  # noqa: E402

NATIVE = ROOT / "pydpdk" / "_native"
CROSSING = "pydpdk._crossing"
CROSSING_SOURCE = "pydpdk/_native/python/crossing.c"
MINIMUM_DPDK = "22.11"

# DPDK's headers first, in the order of their dependencies; then our own.
DECLARATIONS = [
    "rte_types.h",
    "rte_errno.h",
    "rte_log.h",
    "rte_version.h",
    "rte_eal.h",
    "rte_cycles.h",
    "rte_lcore.h",
    "rte_memory.h",
    "rte_memzone.h",
    "rte_malloc.h",
    "rte_mempool.h",
    "rte_mbuf.h",
    "rte_mbuf_dyn.h",
    "rte_ring.h",
    "rte_ethdev.h",
    "rte_pdump.h",
    "rte_meter.h",
    "rte_fib.h",
    "pyd_gate.h",
    "pyd_eal.h",
    "pyd_log.h",
    "pyd_walk.h",
    "pyd_process_table.h",
    "pyd_mempool.h",
    "pyd_objects.h",
    "pyd_events.h",
    "pyd_burst.h",
    "pyd_mbuf.h",
    "pyd_columns.h",
    "pyd_where.h",
    "pyd_masks.h",
    "pyd_headers.h",
    "pyd_meter.h",
    "pyd_fib.h",
    "pyd_bpf.h",
    "pyd_hash.h",
    "pyd_free_list.h",
    "pyd_ring.h",
    "pyd_ethdev.h",
    "pyd_queue.h",
    "pyd_messages.h",
    "pyd_recover.h",
    "pyd_locks.h",
    "pyd_channel.h",
    "pyd_worker.h",
    "python.h",  # callbacks from C; for cffi only
]
PYTHON = NATIVE / "python"  # the sources of _crossing
SOURCES = sorted(
    str(path.relative_to(NATIVE)) for path in NATIVE.rglob("*.c") if path.parent != PYTHON
)
DEPENDS = sorted(str(path.relative_to(ROOT)) for path in NATIVE.rglob("*.h"))

WARNINGS = ["-Wall", "-Wextra", "-Werror"]
# Aligned functions: else the speed of a loop depends on the size of the code that is linked before
# it (gathering eight columns became 16 % slower by changes in other files).
OPTIMIZED = ["-O3", "-falign-functions=32", "-g0"]
# The generated wrappers ignore `self`; any other warning means that a declaration is wrong.
PREAMBLE = """
#include "pyd.h"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
"""

INSTALL = {
    "libdpdk": ("libdpdk-dev", "dpdk-devel"),
    "pkg-config": ("pkg-config", "pkgconf-pkg-config"),
    "a C compiler": ("gcc", "gcc"),
    "the Python headers": ("python3-dev", "python3-devel"),
}


class MissingError(SetupError):
    """The build needs something that is not installed on this machine."""

    def __init__(self, what: str) -> None:
        debian, fedora = INSTALL[what]
        super().__init__(
            f"pydpdk needs {what}: apt install {debian} (Debian, Ubuntu)"
            f" or dnf install {fedora} (Fedora)"
        )


def pkg_config(*arguments: str) -> list[str]:
    """Ask pkg-config about libdpdk; if it fails, say what to install."""
    program = os.environ.get("PKG_CONFIG", "pkg-config")
    if shutil.which(program) is None:
        raise MissingError("pkg-config")
    asked = subprocess.run(  # noqa: S603
        [program, *arguments, "libdpdk"], capture_output=True, text=True, check=False
    )
    if asked.returncode != 0:
        raise MissingError("libdpdk")
    return asked.stdout.split()


def check_machine() -> None:
    """Raise, in one sentence, if the build cannot succeed on this machine."""
    compiler = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
    if shutil.which(compiler.split()[0]) is None:
        raise MissingError("a C compiler")
    if not Path(sysconfig.get_paths()["include"], "Python.h").exists():
        raise MissingError("the Python headers")
    version = pkg_config("--modversion")[0]
    if tuple(map(int, version.split(".")[:2])) < tuple(map(int, MINIMUM_DPDK.split("."))):
        raise SetupError(
            f"pydpdk needs DPDK {MINIMUM_DPDK} or newer, this is {version}:"
            " install a newer libdpdk-dev (Debian, Ubuntu) or dpdk-devel (Fedora)"
        )


def make_ffi() -> Any:
    """Return the cffi builder that holds all declarations."""
    from cffi import FFI  # here, so that check_machine() reports first

    builder = FFI()
    for name in DECLARATIONS:
        builder.cdef((NATIVE / "decl" / name).read_text())
    builder.cdef(declarations())
    builder.set_source("pydpdk._dpdk", PREAMBLE)
    return builder


def numpy_include() -> str:
    """Return where numpy's headers are."""
    import numpy as np  # here, so that check_machine() reports first

    return np.get_include()


def generate(place: Path) -> list[Path]:
    """Write all generated C below a directory; the first file is the source, the others headers."""
    source = place / "_dpdk.c"
    made = {place / name: text for name, text in files().items()}
    for path, text in made.items():
        write(path, text)
    make_ffi().emit_c_code(str(source))
    return [source, *made]


def write(path: Path, text: str) -> None:
    """Write a generated file, unless it is there: its time says what to compile again."""
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


class BuildExt(build_ext):
    """`build_ext` that fills in the extensions of this project."""

    def build_extension(self, ext: Extension) -> None:
        """Compile one of the two extensions."""
        check_machine()
        (self._crossing if ext.name == CROSSING else self._binding)(ext)
        super().build_extension(ext)

    def _crossing(self, ext: Extension) -> None:
        """Set up `_crossing`: it uses Python's headers only."""
        ext.depends = DEPENDS
        ext.extra_compile_args = [*OPTIMIZED, *WARNINGS]

    def _binding(self, ext: Extension) -> None:
        """Set up `_dpdk`: generate the cffi source, to be compiled with our C and DPDK's flags."""
        place = Path(self.build_temp)
        place.mkdir(parents=True, exist_ok=True)
        generated, *headers = generate(place)
        ext.sources = [str(generated), *(str(Path("pydpdk/_native") / name) for name in SOURCES)]
        ext.depends = [*DEPENDS, *map(str, headers)]
        ext.include_dirs = [str(NATIVE), str(place)]
        # no limited API: the wheel is for this Python and DPDK only, and calls into C are cheaper
        ext.define_macros = [("_CFFI_NO_LIMITED_API", None), ("_GNU_SOURCE", None)]
        # as system headers: DPDK's own headers do not compile cleanly under -Wextra
        cflags = [
            flag.replace("-I", "-isystem", 1) if flag.startswith("-I") else flag
            for flag in pkg_config("--cflags")
        ]
        ext.extra_compile_args = [*cflags, "-isystem", numpy_include(), *OPTIMIZED, *WARNINGS]
        ext.extra_link_args = [*pkg_config("--libs"), "-pthread"]
