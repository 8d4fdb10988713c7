"""Checks of DPDK itself: the binding, libdpdk, and the driver plugins."""

from __future__ import annotations

import difflib
import re
import shlex
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from pydpdk.host import program
from pydpdk.host.devargs import parse
from pydpdk.host.finding import Finding, as_root, error
from pydpdk.host.needs import Needs
from pydpdk.host.probe import Binding, plugin_directory, probe

_MISSING = re.compile(r"lib(rte_\w+)\.so\.(\d+)[\d.]*: cannot open shared object")
_PLUGIN_OF = {
    "net_bonding": "net_bond",
    "net_tun": "net_tap",
    "net_virtio_user": "net_virtio",
}
_PACKAGE_ROOT = Path(__file__).parents[3]


def _dpdk(needs: Needs, _root: Path) -> Iterator[Finding]:
    found = probe()
    if found.error:
        yield _not_loaded(found.error)
        return
    if found.compiled.split(".")[:2] != found.running.split(".")[:2]:
        what = f"pydpdk was compiled against DPDK {found.compiled}, libdpdk is {found.running}"
        yield error("libdpdk-version", what, _rebuild())
    yield from _drivers(needs, found)


def _not_loaded(why: str) -> Finding:
    missing = _MISSING.search(why)
    if missing:
        package = f"lib{missing[1].replace('_', '-')}{missing[2]}"
        what = f"lib{missing[1]}.so.{missing[2]} is not installed"
        return error("libdpdk-missing", what, _install(package))
    if "No module named" in why:
        return error("binding-missing", "pydpdk is not compiled here", _rebuild())
    what = f"The binding does not load: {why}"
    return error("libdpdk-version", what, _rebuild())


def _drivers(needs: Needs, found: Binding) -> Iterator[Finding]:
    directory = plugin_directory(found.eal)
    if directory is None:
        return  # some builds link the drivers into the library
    abi = directory.name.removeprefix("pmds-").partition(".")[0]
    there = program.plugins(str(directory))
    if not there:
        command = _install(f"librte-meta-net librte-mempool-ring{abi}")
        yield error("pmd-directory-missing", f"There is no driver in {directory}", command)
        return
    yield from _insecure(directory)
    for driver in needs.drivers:
        known = parse(driver).known_driver
        plugin = _PLUGIN_OF.get(known or "", known or driver)
        if plugin in there:
            continue
        what = f"{driver} is not in {directory}"
        if known is None:  # it may not exist at all, so name no package
            close = difflib.get_close_matches(driver, there, n=3)
            what += f": similar names: {', '.join(close) or 'none'}"
            yield error("pmd-missing", what)
        else:
            package = f"librte-{plugin.replace('_', '-')}{abi}"
            yield error("pmd-missing", what, _install(package))


def _insecure(directory: Path) -> Iterator[Finding]:
    """Check all parent directories: the EAL loads no plugin if others may write to one of them."""
    real = directory.resolve()
    for path in (real, *real.parents):
        if path.stat().st_mode & stat.S_IWOTH:
            what = f"{path} is writable for everybody, so no driver is loaded from {directory}"
            command = as_root(f"chmod o-w {shlex.quote(str(path))}")
            yield error("pmd-directory-writable", what, command, True)


def _install(packages: str) -> str:
    return as_root(f"apt-get install --reinstall -y {packages}")


def _rebuild() -> str:
    """Return the command that recompiles the binding; in a source tree, in place."""
    python = shlex.quote(sys.executable)
    if (_PACKAGE_ROOT / "build_ffi.py").is_file():
        setup = shlex.quote("import setuptools; setuptools.setup()")
        where = shlex.quote(str(_PACKAGE_ROOT))
        return f"cd {where} && {python} -c {setup} build_ext --inplace --force"
    return f"{python} -m pip install --force-reinstall --no-deps --no-binary pydpdk pydpdk"


CHECKS = (_dpdk,)
