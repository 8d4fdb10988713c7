"""Reasons that keep a secondary from attaching, and the message for the user."""

import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import pydpdk
from pydpdk import Eal
from pydpdk.host import primary as host_primary, program, reap, registry, runtime

ATTACH = "tried(lambda: pydpdk.attach(PREFIX)); print(pydpdk.eal.state())"
huge = pytest.mark.hugepages


def start(second, prefix: str, **options: object):
    """Start a primary with these options; it waits."""
    wanted = {"lcores": "0@0", "hugepages": True, **options}
    primary = second(
        f"eal = pydpdk.init(file_prefix=PREFIX, **{wanted!r})\nwait()\neal.close()", prefix
    )
    primary.until_ready()
    return primary


@pytest.fixture
def prefix(name: str) -> str:
    return f"test-{os.getpid()}-{name}"


@pytest.fixture
def safe_directory(prefix: str) -> Iterator[Path]:
    """Make a directory that only its owner may write to: the EAL demands that for plugins."""
    directory = runtime.runtime_dir(f"{prefix}-lib")
    directory.mkdir(parents=True)
    yield directory
    shutil.rmtree(directory)


def test_no_primary(second, prefix: str):
    said, state = second(ATTACH, prefix).end().splitlines()
    assert "NotFoundError [Errno 2] no DPDK program runs with file prefix" in said
    assert repr(prefix) in said
    assert state == "new"


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"hugepages": False}, "runs without hugepages or in memory: it shares its memory with"),
        ({"hugepages": False, "extra": ("--no-shconf",)}, "runs without hugepages or in memory"),
        pytest.param({"in_memory": True}, "runs without hugepages or in memory", marks=huge),
        pytest.param({"extra": ("--huge-unlink",)}, "(--huge-unlink)", marks=huge),
    ],
)
def test_memory_that_is_not_shared_rejects_a_secondary(
    second, prefix: str, options: dict, text: str
):
    primary = start(second, prefix, **options)
    said, state = second(ATTACH, prefix).end().splitlines()
    assert said.startswith("NotSupportedError")
    assert text in said
    assert state == "new"
    (there,) = pydpdk.process.processes(prefix)
    assert (there.pid, there.ours) == (primary.pid, True)
    assert reap.dead_prefixes([prefix]) == []
    assert prefix in host_primary.running_prefixes()
    primary.end()
    assert runtime.leftovers(prefix) == []
    assert pydpdk.process.processes(prefix) == []


def attach_in(setup: str, prefix: str, *flags: str) -> str:
    """Try to attach in new namespaces that shell commands have changed."""
    code = f"import pydpdk\ntry: print(pydpdk.attach({prefix!r}))\nexcept OSError as e: print(e)"
    command = ["unshare", *flags, "sh", "-ec", f'{setup}; exec "$0" -c "$1"', sys.executable, code]
    done = subprocess.run(command, capture_output=True, text=True)
    if "Operation not permitted" in done.stderr and "unshare" in done.stderr:
        pytest.skip(f"this machine makes no namespace: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    return done.stdout


@huge
def test_another_pid_namespace(eal: Eal):
    said = attach_in("true", eal.file_prefix, "--pid", "--fork", "--mount-proc")
    assert "runs in another PID namespace: run both in one container" in said


@huge
def test_another_hugetlbfs(eal: Eal):
    """As in a container without the primary's volume: a file of the same name is another file."""
    pages = runtime.hugepage_files(eal.file_prefix)
    setup = f"mount -t hugetlbfs nodev {pages[0].parent}; touch {' '.join(map(str, pages))}"
    said = attach_in(setup, eal.file_prefix, "--mount")
    assert "the hugepages of the primary" in said
    assert "are not mounted here: run both in one container" in said


@huge
def test_another_mount_namespace_with_the_same_mounts(eal: Eal):
    assert attach_in("true", eal.file_prefix, "--mount").startswith("<Eal")


@huge
def test_the_same_dpdk_in_another_file(eal: Eal):
    """Two containers of one image: the same bytes in another file."""
    (library,) = [x for n, x in (program.libraries("self") or {}).items() if n == "eal"]
    copy = f"cp {library.path} /mnt/eal; mount --bind /mnt/eal {library.path}"
    setup = f"mount -t tmpfs tmpfs /mnt; {copy}"
    assert attach_in(setup, eal.file_prefix, "--mount").startswith("<Eal")
    setup = f"{setup}; printf x >>{library.path}"
    assert "another build of DPDK" in attach_in(setup, eal.file_prefix, "--mount")


@huge
def test_another_dpdk_version(second, prefix: str):
    """The check reads the version that the primary published; for a moment it is another."""
    primary = start(second, prefix)
    config = runtime.runtime_dir(prefix) / "config"
    magic, right = struct.unpack("=II", config.read_bytes()[:8])
    with config.open("r+b") as file:
        file.write(struct.pack("=II", magic, 24 << 24 | 3 << 16 | 4 << 8 | 99))
    said = second(ATTACH, prefix).end()
    with config.open("r+b") as file:
        file.write(struct.pack("=II", magic, right))
    assert f"runs DPDK 24.03.4, this process DPDK {pydpdk.version.RUNNING}" in said
    assert "both must be of one installation" in said
    assert said.endswith("new\n")
    primary.end()


@huge
def test_a_driver_from_another_directory(eal: Eal, second, prefix: str, safe_directory: Path):
    library = (program.libraries("self") or {})["net_null"]  # which the EAL of the tests loaded
    mine = safe_directory / "librte_net_mine.so"
    shutil.copy(library.path, mine)
    primary = start(second, prefix, extra=("-d", str(mine)))
    said = second(ATTACH, prefix).end()
    assert "has drivers that this process would not load" in said
    remedy = f"extra=('-d', '{mine.resolve()}')"
    assert remedy in said
    assert second(f"print(pydpdk.attach(PREFIX, {remedy}))", prefix).end().startswith("<Eal")
    primary.end()


@huge
def test_devices_and_memory_come_from_the_primary(second, prefix: str):
    primary = start(second, prefix, vdevs=("net_null0",))
    said = second(
        """
        tried(lambda: pydpdk.attach(PREFIX, vdevs=("net_null1",)))
        tried(lambda: pydpdk.attach(PREFIX, allow=("0000:01:00.0",)))
        tried(lambda: pydpdk.attach(PREFIX, memory_mb=64))
        """,
        prefix,
    ).end()
    vdevs, allow, memory = said.splitlines()
    assert "none: a secondary has the devices of its primary" in vdevs
    assert "allow must be the primary's, (), or none (got ('0000:01:00.0',))" in allow
    assert "memory_mb=64: none: the memory is the primary's" in memory
    primary.end()


@huge
@pytest.mark.parametrize("name", ["net_pcap0", "eth_pcap_out"])
def test_a_port_that_a_probe_in_the_secondary_would_damage(
    second, prefix: str, tmp_path: Path, name: str
):
    """net_pcap opens its files again in each process, and opening for writing truncates them."""
    file = tmp_path / "out.pcap"
    device = f"{name},tx_pcap={file}"
    primary = start(second, prefix, vdevs=(device,))
    said = second(ATTACH, prefix).end()
    assert f"has {name}: its driver opens the files in every process" in said
    assert said.endswith("new\n")
    primary.end()


@huge
def test_a_device_that_secondaries_would_damage_is_not_added(eal: Eal, second, tmp_path: Path):
    other = second("with pydpdk.attach(PREFIX, name='there'): wait()")
    other.until_ready()
    with pytest.raises(pydpdk.NotSupportedError, match=r"attached are secondary 'there'"):
        eal.add_device(f"net_pcap7,tx_pcap={tmp_path / 'out.pcap'}")
    other.end()


@huge
def test_a_new_primary_beside_secondaries_of_a_dead_one(second, prefix: str):
    """DPDK would map other memory over theirs: the old secondary died of a SIGFPE."""
    primary = start(second, prefix)
    other = second("eal = pydpdk.attach(PREFIX)\nwait()\neal.close()", prefix)
    other.until_ready()
    primary.kill()
    said = second("tried(lambda: pydpdk.init(file_prefix=PREFIX, lcores='3@0'))", prefix).end()
    assert said.startswith("BusyError")
    assert "is gone, only secondaries of it still run" in said
    assert f"(PID {other.pid}): end them first" in said
    late = second(ATTACH, prefix).end()
    assert "is gone, only secondaries of it still run" in late
    assert other.end().splitlines()[0].startswith("the primary of")
    assert runtime.leftovers(prefix) == []


@huge
def test_more_than_128_processes(eal: Eal, second):
    registrations = [
        registry.register(eal.file_prefix, "secondary", "x", lambda _, i=i: [500 + i])
        for i in range(registry.MAX_PROCESSES - 1)
    ]
    said = second(ATTACH).end()
    assert "NoRoomError" in said
    assert f"128 processes share {eal.file_prefix!r}: no more can attach" in said
    for registration in registrations:
        registration.give_back()


@huge
def test_the_named_main_lcore_is_used(eal: Eal, second):
    (primary,) = pydpdk.processes()
    lcore = min(primary.lcores)
    said = second(f"tried(lambda: pydpdk.attach(PREFIX, main_lcore={lcore}))").end()
    assert f"{lcore} by the primary" in said


@pytest.mark.parametrize("wrong", ["", "a/b", None, 3, "x" * 65])
def test_an_invalid_prefix(wrong: object):
    for function in (pydpdk.attach, pydpdk.processes):
        if wrong is None and function is pydpdk.processes:
            continue
        with pytest.raises((ValueError, TypeError), match="file prefix"):
            function(wrong)
