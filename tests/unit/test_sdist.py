"""The source distribution and the wheel contain all that is needed, and no more."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LISTS = """
import json, sys
from setuptools.dist import Distribution
made = Distribution({"script_name": "setup.py"})
made.parse_config_files()
made.get_command_obj("egg_info").egg_base = sys.argv[1]
made.run_command("egg_info")
build = made.get_command_obj("build_py")
build.ensure_finalized()
print(json.dumps({
    "sdist": made.get_command_obj("egg_info").filelist.files,
    "modules": [path for _, _, path in build.find_all_modules()],
    "data": [f"{where}/{name}" for _, where, _, names in build.data_files for name in names],
}))
"""


@pytest.fixture(scope="module")
def lists(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Files of the source distribution, and of the wheel beside the compiled modules."""
    command = [sys.executable, "-W", "ignore", "-c", LISTS, str(tmp_path_factory.mktemp("egg"))]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return {name: set(files) for name, files in json.loads(done.stdout.splitlines()[-1]).items()}


def below(*names: str) -> set[str]:
    files = [path for name in names for path in (ROOT / name).rglob("*") if path.is_file()]
    made = {".pyc", ".so"}
    return {str(path.relative_to(ROOT)) for path in files if path.suffix not in made}


def test_the_source_distribution_has_the_package_and_what_builds_it(lists: dict[str, set[str]]):
    assert below("pydpdk", "configs") - lists["sdist"] == set()
    files = {
        "build_ffi.py",
        "build_verbs.py",
        "pyproject.toml",
        "LICENSE",
        "README.md",
        "CHANGELOG.md",
    }
    assert files - lists["sdist"] == set()


def test_the_source_distribution_has_nothing_that_is_made(lists: dict[str, set[str]]):
    assert [name for name in lists["sdist"] if name.endswith((".so", ".pyc"))] == []


def test_the_wheel_has_what_runs(lists: dict[str, set[str]]):
    assert lists["modules"] == {name for name in below("pydpdk") if name.endswith(".py")}
    types = {"pydpdk/py.typed", "pydpdk/_dpdk.pyi", "pydpdk/_crossing.pyi"}
    types.add("pydpdk/_objects.pyi")
    assert lists["data"] == {*below("pydpdk/explorer/web"), *types, "pydpdk/config/schema.json"}
