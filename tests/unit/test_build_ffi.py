"""Causes that stop the build, and the message that says what to install."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

import build_ffi  # beside the package, not in it


def _pkg_config(tmp_path: Path, version: str) -> str:
    program = tmp_path / "pkg-config"
    program.write_text(f"#!/bin/sh\necho {version}\n")
    program.chmod(0o755)
    return str(program)


@pytest.mark.parametrize(
    ("variable", "debian", "fedora"),
    [
        ("PKG_CONFIG", "pkg-config", "pkgconf-pkg-config"),
        ("CC", "gcc", "gcc"),
        ("PKG_CONFIG_LIBDIR", "libdpdk-dev", "dpdk-devel"),
    ],
)
def test_what_is_missing_is_named_for_both_families(monkeypatch, variable, debian, fedora):
    monkeypatch.setenv(variable, "/nonexistent")
    monkeypatch.delenv("PKG_CONFIG_PATH", raising=False)
    with pytest.raises(build_ffi.MissingError) as caught:
        build_ffi.check_machine()
    assert f"apt install {debian} " in str(caught.value)
    assert f"dnf install {fedora} " in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_python_headers_are_reported(monkeypatch, tmp_path):
    monkeypatch.setattr(build_ffi.sysconfig, "get_paths", lambda: {"include": str(tmp_path)})
    with pytest.raises(build_ffi.MissingError, match=r"apt install python3-dev .*python3-devel"):
        build_ffi.check_machine()


@pytest.mark.parametrize("version", ["21.11.3", "20.11.0", "22.07.0"])
def test_dpdk_that_is_too_old_raises(monkeypatch, tmp_path, version):
    monkeypatch.setenv("PKG_CONFIG", _pkg_config(tmp_path, version))
    with pytest.raises(build_ffi.SetupError, match=f"needs DPDK 22.11 or newer, this is {version}"):
        build_ffi.check_machine()


@pytest.mark.parametrize("version", ["22.11.0", "24.11.3", "26.07.0-rc1"])
def test_newer_dpdk_is_accepted(monkeypatch, tmp_path, version):
    monkeypatch.setenv("PKG_CONFIG", _pkg_config(tmp_path, version))
    build_ffi.check_machine()
