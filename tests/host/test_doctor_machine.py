"""`pydpdk doctor` on a machine made bad: the right code, and a command that fixes it."""

import os
import shutil
import subprocess
from pathlib import Path

import bad_machine
import pytest

needed = ("unshare", "setpriv", "mount", "prlimit", "taskset")
pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="makes namespaces: needs root"),
    pytest.mark.skipif(
        not all(map(shutil.which, needed)), reason=f"needs {', '.join(needed)}, from util-linux"
    ),
    pytest.mark.skipif(
        subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode != 0,
        reason="no mount namespace can be made here",
    ),
]

POOL = "mempools: {p: {n: 8191}}\n"
ON_HUGEPAGES = "eal: {hugepages: true}\n" + POOL
PAGES = (
    "fake_pages 64; umount -a -t hugetlbfs; mount -t hugetlbfs -o pagesize=2M none /dev/hugepages"
)
NOBODY = 'open_root; as_user() { as_nobody "$@"; }; export XDG_RUNTIME_DIR=$T/run;'
NOBODY += " install -d -o 65534 $T/run; " + PAGES

BAD = {
    "no hugepages": ("hugepages-none", "fake_pages 0", ON_HUGEPAGES),
    "too few": ("hugepages-too-few", PAGES.replace("64", "3"), ON_HUGEPAGES),
    "counters not readable": (
        "hugepages-unreadable",
        f"{NOBODY}; chmod 000 $T/pages/*/nr_hugepages",
        ON_HUGEPAGES,
    ),
    "not mounted": (
        "hugetlbfs-not-mounted",
        "fake_pages 64; umount -a -t hugetlbfs",
        ON_HUGEPAGES,
    ),
    "mounted read-only": (
        "hugetlbfs-not-writable",
        f"{PAGES}; mount -o remount,ro /dev/hugepages",
        ON_HUGEPAGES,
    ),
    "of another user": (
        "hugetlbfs-not-writable",
        f"{NOBODY}; chmod 755 /dev/hugepages",
        ON_HUGEPAGES,
    ),
    "mounted with a small size": (
        "hugetlbfs-size-limit",
        "fake_pages 64; umount -a -t hugetlbfs;"
        " mount -t hugetlbfs -o pagesize=2M,size=2M none /dev/hugepages",
        ON_HUGEPAGES,
    ),
    "control group limits hugepages": (
        "hugepages-cgroup-limit",
        f"{PAGES}; mount -t tmpfs tmpfs /sys/fs/cgroup; cd /sys/fs/cgroup;"
        " echo 4194304 >hugetlb.2MB.max; echo 0 >hugetlb.2MB.current; cd $T",
        ON_HUGEPAGES,
    ),
    "few open files": ("limit-nofile", "ulimit -Sn 60", ""),
    "little address space": ("limit-address-space", "ulimit -Sv 8000000", ""),
    "small files": ("limit-file-size", "ulimit -Sf 4000", ""),
    "few threads": ("limit-nproc", f"{NOBODY}; ulimit -Su 5", ON_HUGEPAGES),
    "affinity": ("cpus-outside-affinity", "taskset -pc 0 $$", "eal: {lcores: '0,1'}"),
    "runtime directory": (
        "runtime-dir-not-writable",
        f"{NOBODY}; chown 0 $T/run",
        ON_HUGEPAGES,
    ),
    "all may write where the drivers are": (
        "pmd-directory-writable",
        'overlay /usr; chmod o+w "$(echo /usr/lib*/*/dpdk/pmds-*)"',
        "",
    ),
    "addresses drawn by chance": (
        "aslr",
        "echo 2 >$T/aslr; mount --bind $T/aslr /proc/sys/kernel/randomize_va_space",
        "workers: {w: {python: 'os:getpid'}}",
    ),
}


AF_PACKET = POOL + "ports: {a: {device: 'net_af_packet0,iface=bad0'}}"


@pytest.mark.parametrize("bad", BAD)
def test_the_printed_command_fixes_it(bad: str):
    code, setup, file = BAD[bad]
    machine = bad_machine.make(code, setup, file)
    assert code in machine.found, machine
    assert code not in machine.left, machine


def group(controller: str, *settings: tuple[str, int]) -> tuple[str, str]:
    """Return shell code that puts the shell in its own control group, and takes it out."""
    top = Path("/sys/fs/cgroup", controller)
    if not os.access(top / "cgroup.procs", os.W_OK):
        pytest.skip(f"no control groups of version 1 for {controller} here")
    where = f"{top}/bad-machine-$$"
    setup = "; ".join([f"mkdir {where}", *(f"echo {s} > {where}/{f}" for f, s in settings)])
    leave = f"echo $$ > {top}/cgroup.procs; until rmdir {where}; do sleep 0.01; done"
    return f"{setup}; echo $$ > {where}/cgroup.procs", leave


def test_a_cpuset_without_the_cpu_of_an_lcore():
    setup, leave = group("cpuset", ("cpuset.cpus", 0), ("cpuset.mems", 0))
    lcores = "eal: {lcores: '0,1'}"
    machine = bad_machine.make("cpus-outside-affinity", setup, lcores, teardown=leave)
    assert "> /sys/fs/cgroup/cpuset/bad-machine-" in machine.command
    assert "cpus-outside-affinity" in machine.found, machine
    assert "cpus-outside-affinity" not in machine.left, machine


def test_a_share_of_a_cpu():
    setup, leave = group("cpu", ("cpu.cfs_quota_us", 90_000))
    machine = bad_machine.make("cpu-quota", setup, "eal: {lcores: [0]}", teardown=leave)
    assert "gives 0.90 CPUs of time, 1 poll" in str(machine.before)
    assert "cpu-quota" not in machine.left, machine


def test_an_interface_that_is_down():
    setup = "ip link add bad0 type veth peer name bad1"
    machine = bad_machine.make("interface-down", setup, AF_PACKET, net=True)
    assert machine.command == "ip link set bad0 up"
    assert "interface-down" in machine.found, machine
    assert "interface-down" not in machine.left, machine
    gone = bad_machine.make("interface-missing", ":", AF_PACKET, net=True, run=False)
    assert "interface-missing" in gone.found


def test_a_missing_capability():
    """The command opens a shell with the capability; the test runs doctor again in it."""
    shell = """
        install -o 65534 /dev/null $T/after
        printf '#!/bin/sh\\npydpdk doctor $FILE --json >$T/after; true\\n' >$T/shell
        chmod 755 $T/shell; export SHELL=$T/shell FILE
    """
    machine = bad_machine.make("capability-missing", NOBODY + shell, AF_PACKET)
    assert "net_af_packet needs cap_net_admin,cap_net_raw" in str(machine.before)
    assert "capability-missing" not in machine.left, machine


OWN = "umount -a -t hugetlbfs; mount -t hugetlbfs -o pagesize=2M none /dev/hugepages;"
OWN += " mount -t tmpfs tmpfs /run; "
PRIMARY = """"$PYTHON" -c '
import os, signal, sys, pydpdk
eal = pydpdk.init(file_prefix="bad", hugepages=True, lcores=[min(os.sched_getaffinity(0))])
pool = pydpdk.Mempool.create("p", 511)
os.kill(os.getpid(), 9) if sys.argv[1] == "die" else signal.pause()
' """


@pytest.mark.hugepages
def test_leftovers_of_a_dead_primary():
    machine = bad_machine.make("leftovers", f"{OWN} {PRIMARY} die || true")
    assert machine.command == "pydpdk reap bad"
    assert [f["severity"] for f in machine.before if f["code"] == "leftovers"] == ["warning"]
    assert "leftovers" not in machine.left, machine


@pytest.mark.hugepages
def test_a_running_primary_of_the_same_prefix():
    setup = f"{OWN} {PRIMARY} live & until test -e /run/dpdk/bad/mp_socket; do sleep 0.1; done"
    end = "kill %1 || true"
    file = "eal: {file_prefix: bad, hugepages: true}"
    machine = bad_machine.make("prefix-in-use", setup, file, teardown=end)
    assert "prefix-in-use" in machine.found, machine
    assert "prefix-in-use" not in machine.left, machine
    assert "leftovers" in machine.left


def test_no_hugepages_in_this_kernel():
    setup = "mkdir $T/none; for d in /sys/devices/system/node/node*/hugepages; do"
    setup += " mount --bind $T/none $d; done; mount --bind $T/none /sys/kernel/mm/hugepages"
    machine = bad_machine.make("hugepages-unsupported", setup, run=False)
    assert "hugepages-unsupported" in machine.found
    assert machine.command == ""


def test_fix_asks_and_runs_safe_commands():
    # its own places for files of the EAL: a fix is to reap all that is dead, of other tests too
    done = bad_machine.script("""
        mkdir -p /var/run/dpdk; mount -t tmpfs tmpfs /var/run/dpdk
        umount -a -t hugetlbfs; mkdir -p /dev/hugepages; mount -t hugetlbfs none /dev/hugepages
        fake_pages 0
        echo n | pydpdk doctor --fix >$T/no 2>&1 || true
        cat /proc/sys/vm/nr_hugepages
        yes | pydpdk doctor --fix >$T/yes 2>&1 || true
        cat /proc/sys/vm/nr_hugepages $T/yes
    """)
    before, after, *said = done.stdout.splitlines()
    assert (before, after) == ("0", "512"), done.stdout + done.stderr
    assert any("run `echo 512 > /proc/sys/vm/nr_hugepages`?" in line for line in said)
    assert not any("hugepages-none" in line for line in said)


def test_hugepages_reserved_and_released():
    """Private counters: those of this machine belong to other processes too."""
    done = bad_machine.script("""
        fake_pages 0; overlay /etc
        pydpdk hugepages reserve 64 --size 2M --node 0 --persistent
        cat /proc/sys/vm/nr_hugepages /etc/tmpfiles.d/pydpdk-hugepages.conf
        pydpdk hugepages release 60 --persistent
        cat /proc/sys/vm/nr_hugepages; grep -c 'nr_hugepages - - - - 4$' /etc/tmpfiles.d/*
        pydpdk hugepages release 5 2>&1 || pydpdk hugepages reserve 1 --size 3M 2>&1 || true
    """)
    assert done.returncode == 0, done.stderr
    assert "2,048 kB     0     64    64  128 MB" in done.stdout
    node = "/sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages"
    assert f"w {node} - - - - 64" in done.stdout
    assert "pages must be 0..4, which are free (got 5)" in done.stdout
    assert "size=3072 kB: this host has pages of 2048 kB" in done.stdout
