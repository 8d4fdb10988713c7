"""Bad files on the command line: exit code 2, every fault with its line, nothing made."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from bad_yaml import bad_files

from pydpdk.host.hugepages import read_mounts

N_FILES = 210


def _everything(directory: Path) -> set[Path]:
    """Return all hugepage files that may be ours, and the runtime directories of these runs."""
    files = {path for mount in read_mounts() for path in Path(mount.path).iterdir()}
    ours = {path for path in files if path.name.startswith(("pydpdk-", "fuzz"))}
    return ours | set((directory / "dpdk").rglob("*"))


def _run(file: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pydpdk", "run", str(file), "--duration", "1"]
    env = {**os.environ, "RUNTIME_DIRECTORY": str(file.parent)}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=env)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory):
    directory = tmp_path_factory.mktemp("bad")
    files = list(bad_files())
    files = files[:: max(1, len(files) // N_FILES)]
    for i, (_, text) in enumerate(files):
        (directory / f"bad{i}.yaml").write_text(text, newline="")
    before = _everything(directory)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        paths = [directory / f"bad{i}.yaml" for i in range(len(files))]
        finished = list(pool.map(_run, paths))
    return [label for label, _ in files], paths, finished, _everything(directory) - before


def test_at_least_two_hundred_files_were_run(runs):
    assert len(runs[2]) >= 200


def test_every_file_ends_with_exit_code_2(runs):
    labels, _, finished, _ = runs
    assert {
        label: run.returncode
        for label, run in zip(labels, finished, strict=True)
        if run.returncode != 2
    } == {}


def test_every_message_names_file_and_line(runs):
    labels, paths, finished, _ = runs
    for label, path, run in zip(labels, paths, finished, strict=True):
        lines = run.stderr.splitlines()
        assert lines, label
        assert all(line.startswith(f"{path}:") for line in lines), (label, run.stderr)
        assert run.stdout == "", label


def test_nothing_is_left_on_disk(runs):
    assert runs[3] == set()
