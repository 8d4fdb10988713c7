"""`pydpdk doctor` where DPDK itself is broken: libraries, drivers, the binding.

Removing and installing happens in overlays that vanish with the namespace.
"""

import os
import shutil
import subprocess

import bad_machine
import pytest

from pydpdk import version

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="makes namespaces: needs root"),
    pytest.mark.skipif(
        subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode != 0,
        reason="no mount namespace can be made here",
    ),
]
OVERLAY = "overlay /usr /etc; for each in /var/lib/* /var/cache /var/log; do"
OVERLAY += ' test "$each" = /var/lib/docker || test ! -d "$each" || overlay "$each"; done'
PLUGINS = "/usr/lib*/*/dpdk/pmds-*"


def apt_finds(package: str) -> bool:
    """Whether apt knows where to fetch this package, or already has it."""
    if shutil.which("apt-get") is None:
        return False
    asked = ["apt-get", "install", "--reinstall", "--print-uris", "-y", package]
    said = subprocess.run(asked, capture_output=True, text=True)
    return said.returncode == 0 and "1 reinstalled" in said.stdout


ABI = {"22": "23", "23": "24", "24": "25", "25": "26"}[version.RUNNING[:2]]
with_apt = pytest.mark.skipif(
    not apt_finds(f"librte-net-null{ABI}"), reason="apt has no package of DPDK's to install"
)


@with_apt
def test_a_driver_that_was_removed():
    remove = f"{OVERLAY}; rm {PLUGINS}/librte_net_null.so*"
    machine = bad_machine.make("pmd-missing", remove, "eal: {vdevs: [net_null0]}")
    assert machine.command == f"apt-get install --reinstall -y librte-net-null{ABI}"
    assert "pmd-missing" in machine.found, machine
    assert "pmd-missing" not in machine.left, machine


@with_apt
def test_a_library_that_was_removed():
    remove = f"{OVERLAY}; rm /usr/lib*/*/librte_eal.so.{ABI}*"
    machine = bad_machine.make("libdpdk-missing", remove)
    assert machine.command == f"apt-get install --reinstall -y librte-eal{ABI}"
    assert "libdpdk-missing" in machine.found, machine
    assert "libdpdk-missing" not in machine.left, machine


def test_no_driver_at_all():
    """The command that installs them all takes minutes: the test reads it and does not run it."""
    machine = bad_machine.make("pmd-directory-missing", f"overlay /usr; rm {PLUGINS}/*", run=False)
    assert "pmd-directory-missing" in machine.found, machine
    assert machine.command.startswith("apt-get install --reinstall -y librte-meta-net ")


def test_another_libdpdk_than_was_compiled_against():
    """Library and headers of a release that does not exist; a copy of the tree is compiled."""
    old, new = version.RUNNING, version.RUNNING.replace(".11.", ".12.", 1)
    if old == new:
        pytest.skip("makes 22.11 into 22.12: the sources of no other release are sure to compile")
    setup = f"""
        overlay /usr; copy_tree
        for file in $(grep -rl 'RTE_VER_MONTH 11' /usr/include); do
            sed -i 's/RTE_VER_MONTH 11/RTE_VER_MONTH 12/' "$file"
        done
        echo 'const char *rte_version(void) {{ return "DPDK {new}"; }}' >$T/version.c
        cc -shared -fPIC -o $T/version.so $T/version.c; export LD_PRELOAD=$T/version.so
    """
    machine = bad_machine.make("libdpdk-version", setup)
    assert f"compiled against DPDK {old}, libdpdk is {new}" in str(machine.before)
    assert "libdpdk-version" not in machine.left, machine


def test_a_tree_that_was_never_compiled():
    setup = "copy_tree; rm $T/pydpdk/*.so"
    machine = bad_machine.make("binding-missing", setup, run=False)
    assert machine.found >= {"binding-missing"}
    assert "build_ext --inplace" in machine.command


def test_commands_that_need_no_libdpdk_work_without_it():
    """Help, files, schema, hugepages, devices, leftovers; the rest says what to do."""
    script = f"""
        overlay /usr; rm /usr/lib*/*/librte_*.so.{ABI}*; cd "$TREE"
        python() {{ "$PYTHON" "$@"; }}
        python -c 'import pydpdk, pydpdk.host; pydpdk.ConfigError; pydpdk.EalOptions'
        file=configs/null.yaml
        for command in --help "plan $file" schema "hugepages show" "devices list --all" \
            "doctor $file --docker" "reap --dry-run"; do
            pydpdk $command >$T/said || echo "$command failed"
            test -s $T/said || echo "$command said nothing"
        done
        pydpdk run configs/null.yaml 2>&1 >/dev/null && echo "run went through"; true
    """
    done = bad_machine.script(script)
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert len(said) == 2, done.stdout
    assert "librte_" in said[0]
    assert "cannot open shared object file" in said[0]
    assert "`pydpdk doctor` says" in said[1]
