"""Both extensions under AddressSanitizer: the tests of verbs once more, in a build of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FLAGS = "-g -O1 -fsanitize=address -fno-omit-frame-pointer"
TESTS = ("verbs", "burst", "columns", "ring", "tables", "memory", "core/test_fixed.py")
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "build", "__pycache__", ".*_cache", "*.so")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the project and build it there."""
    made = tmp_path_factory.mktemp("asan") / "tree"
    shutil.copytree(ROOT, made, ignore=LEFT_OUT)
    build = "from setuptools import setup; setup()"
    done = subprocess.run(
        [sys.executable, "-c", build, "-q", "build_ext", "--inplace"],
        cwd=made, env={**os.environ, "CFLAGS": FLAGS, "LDFLAGS": "-fsanitize=address"},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return made


def preload() -> str:
    found = subprocess.run(
        ["cc", "-print-file-name=libasan.so"], capture_output=True, text=True, check=True
    )
    return found.stdout.strip()


def test_verbs_stay_inside_their_memory(tree: Path):
    """Objects of Python come from malloc too, so that C's writes behind one are seen."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "--memory=no-huge", "-p", "no:cacheprovider",
         "-m", "not net_admin", *(f"tests/{name}" for name in TESTS)],
        cwd=tree, capture_output=True, text=True, timeout=3000,
        env={
            **os.environ, "PYTHONPATH": str(tree), "PYTHONMALLOC": "malloc",
            "LD_PRELOAD": preload(), "ASAN_OPTIONS": f"detect_leaks=0:log_path={tree / 'report'}",
        },
    )  # fmt: skip
    reports = [file.read_text() for file in tree.glob("report.*")]
    assert reports == []
    assert done.returncode == 0, (done.stdout + done.stderr)[-5000:]
