"""A machine made bad for a moment, in namespaces where only the tested process runs.

Mounts, network and limits change where no other process sees it. A script sets the machine up, runs
`pydpdk doctor --json`, runs the command that the finding prints, and runs doctor again.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
NOBODY = 65534

_PRELUDE = r"""
set -eu
export PATH="$T/bin:$PATH" PYTHONPATH="$TREE" PYTHONDONTWRITEBYTECODE=1
# a user other than root must reach the interpreter, wherever it is installed
open_root() {
    case "$BASE" in /root/*)
        mkdir -p "$T/base"; mount --bind "$BASE" "$T/base"
        mount -t tmpfs -o mode=755 tmpfs /root; mkdir -p "$BASE"; mount --bind "$T/base" "$BASE"
    esac
}
# private counters of hugepages that a write changes: total and free are one
fake_pages() {
    local size="$T/pages/hugepages-2048kB"
    mkdir -p "$size"; echo "$1" >"$size/nr_hugepages"
    ln -s nr_hugepages "$size/free_hugepages"; echo 0 >"$size/resv_hugepages"
    for place in /sys/devices/system/node/node*/hugepages /sys/kernel/mm/hugepages; do
        mount --bind "$T/pages" "$place"
    done
    mount --bind "$size/nr_hugepages" /proc/sys/vm/nr_hugepages
}
# what is written below these directories goes with the namespace
overlay() {
    for where in "$@"; do
        mkdir -p "$T/over$where" "$T/work$where"
        mount -t overlay -o "lowerdir=$where,upperdir=$T/over$where,workdir=$T/work$where" \
            overlay "$where"
    done
}
# a copy of the tree, which no editable installation of another completes
copy_tree() {
    for link in "$PREFIX"/lib/python*/site-packages/__editable__*pydpdk*.pth; do
        test ! -f "$link" || mount --bind /dev/null "$link"
    done
    cp -r "$TREE/pydpdk" "$TREE"/build_*.py "$TREE/pyproject.toml" "$TREE/README.md" "$T/"
    export PYTHONPATH="$T" TREE="$T"
}
as_nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
sudo() { "$@"; }  # this shell is root's; a user would be asked for a password
as_user() { "$@"; }
doctor() { as_user pydpdk doctor $FILE --json 2>"$T/errors" || test $? = 1 || cat "$T/errors" >&2; }
"""

_FIX = r"""
eval "$({python} -c '
import json, sys
print(next((f["command"] for f in json.load(open(sys.argv[1])) if f["code"] == sys.argv[2]), ""))
' "$T/before" {code})" >"$T/fixing" 2>&1 || {{ echo "it failed:"; cat "$T/fixing"; }} >&2
wait  # for what the command has terminated
"""


@dataclass
class Machine:
    """Findings of doctor before and after its command was run."""

    code: str
    before: list[dict[str, Any]]
    after: list[dict[str, Any]]
    stderr: str = ""
    command: str = field(init=False)

    def __post_init__(self) -> None:
        commands = [f["command"] for f in self.before if f["code"] == self.code]
        self.command = commands[0] if commands else ""

    @property
    def found(self) -> set[str]:
        return {finding["code"] for finding in self.before}

    @property
    def left(self) -> set[str]:
        return {finding["code"] for finding in self.after}


def make(
    code: str,
    setup: str,
    file: str = "",
    *,
    teardown: str = ":",
    net: bool = False,
    run: bool = True,
) -> Machine:
    """Set a machine up, run doctor, the command for this code (with `run`), and doctor again."""
    with _place() as place:
        text = "\n".join([
            _PRELUDE,
            *([f"printf %s {shlex.quote(file)} >$T/file.yaml; FILE=$T/file.yaml"] if file else []),
            f"ending() {{ {teardown}; }}; trap ending EXIT",
            f'{{ {setup}\n}} >&2',
            'doctor >"$T/before"',
            _FIX.format(python=shlex.quote(sys.executable), code=code) if run else '',
            'test -s "$T/after" || doctor >"$T/after"',
            'cat "$T/before"; echo; echo @@; cat "$T/after"',
        ])  # fmt: skip
        done = _run(text, place, net)
    assert done.returncode == 0, done.stdout + done.stderr
    before, after = done.stdout.split("@@")
    assert before.strip() and after.strip(), done.stderr
    return Machine(code, json.loads(before), json.loads(after), done.stderr)


def script(text: str, *, net: bool = False) -> subprocess.CompletedProcess[str]:
    """Run a script in its own namespaces, with the functions of the prelude."""
    with _place() as place:
        return _run(f"{_PRELUDE}\n{text}", place, net)


def _run(text: str, place: Path, net: bool) -> subprocess.CompletedProcess[str]:
    namespaces = ["--mount", *(["--net"] if net else [])]
    env = {
        **{k: v for k, v in os.environ.items() if not k.startswith(("XDG_", "SSH_"))},
        "T": str(place), "TREE": str(ROOT), "FILE": "", "BASE": sys.base_prefix,
        "PYTHON": sys.executable, "PREFIX": sys.prefix,
        "DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_MODE": "l",
    }  # fmt: skip
    first = 'mount -t tmpfs -o mode=755 tmpfs "$T"; cd "$T"; mkdir bin; cp "$PLACE_BIN" bin/pydpdk;'
    shim = place.with_suffix(".sh")
    shim.write_text('#!/bin/sh\nexec "$PYTHON" -m pydpdk "$@"\n')
    shim.chmod(0o755)
    try:
        return subprocess.run(
            ["unshare", *namespaces, "bash", "-c", first + text],
            capture_output=True, text=True, timeout=300, env={**env, "PLACE_BIN": str(shim)},
        )  # fmt: skip
    finally:
        shim.unlink()


@contextmanager
def _place() -> Iterator[Path]:
    place = Path(tempfile.mkdtemp(prefix="bad-machine-"))
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)
