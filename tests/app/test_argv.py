"""`pydpdk plan` shows the arguments that `rte_eal_init` gets from `pydpdk run`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

CONFIGS = Path(__file__).parents[2] / "configs"
FILES = sorted(path.stem for path in CONFIGS.glob("*.yaml"))

UP_TO_THE_START = """
import json, sys
from pydpdk.app import session
from pydpdk.eal import start

class Caught(BaseException):
    pass

class Instead:
    def __getattr__(self, name):
        return getattr(real, name)
    def pyd_eal_init(self, argc, argv):
        print(json.dumps([start.ffi.string(argv[i]).decode() for i in range(argc)]))
        raise Caught

real, start.lib = start.lib, Instead()
try:
    session.open_file(sys.argv[1])
except Caught:
    pass
"""
RUNNING = """
import json, sys
with pydpdk.open(sys.argv[1]) as app:
    print(json.dumps(app.eal.argv))
"""


def planned(file: str, cwd: Path) -> list[str]:
    command = [sys.executable, "-m", "pydpdk", "plan", "--json", str(CONFIGS / f"{file}.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=cwd)
    return json.loads(done.stdout)["argv"]


def shown(argv: list[str]) -> list[str]:
    """Return an argv with the words of the plan for a generated prefix."""
    i = argv.index("--file-prefix") + 1
    prefix = "pydpdk-<unique>" if argv[i].startswith("pydpdk-") else argv[i]
    return [*argv[:i], prefix, *argv[i + 1 :]]


@pytest.mark.parametrize("file", FILES)
def test_the_planned_arguments_are_those_of_the_start(run_script, tmp_path, file):
    done = run_script(UP_TO_THE_START, CONFIGS / f"{file}.yaml")
    assert shown(json.loads(done.stdout)) == planned(file, tmp_path), done.stderr


@pytest.mark.parametrize("file", ["quickstart", "null", "ring", "worker", "memif_server"])
def test_the_planned_arguments_are_those_of_the_running_eal(run_script, tmp_path, file):
    done = run_script(RUNNING, CONFIGS / f"{file}.yaml")
    assert shown(json.loads(done.stdout)) == planned(file, tmp_path), done.stderr
