from pathlib import Path

import pytest

from pydpdk.host import hugepages
from pydpdk.host.cgroup import hugepage_limit
from pydpdk.host.hugepages import HugepagePool, available, read_mounts, read_pools

MB = 1 << 20
GB = 1 << 30


class FakeHost:
    """Files below /sys and /proc about hugepages."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(hugepages, "memory_policy_allowed", lambda: True)
        monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
        self.root = root
        self.write("proc/meminfo", "MemTotal: 1 kB\nHugepagesize:       2048 kB\n")
        self.write("proc/mounts", "proc /proc proc rw 0 0\n")
        self.write("proc/self/cgroup", "0::/\n")

    def write(self, path: str, text: object) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(str(text))

    def pool(self, node: int | None, size_kb: int, total: int, free: int) -> None:
        base = "kernel/mm" if node is None else f"devices/system/node/node{node}"
        self.write(f"sys/{base}/hugepages/hugepages-{size_kb}kB/nr_hugepages", f"{total}\n")
        self.write(f"sys/{base}/hugepages/hugepages-{size_kb}kB/free_hugepages", f"{free}\n")

    def mount(self, path: str = "/dev/hugepages", options: str = "rw,pagesize=2M") -> Path:
        where = self.root / path.lstrip("/")
        where.mkdir(parents=True)
        mounts = (self.root / "proc/mounts").read_text()
        escaped = path.replace(" ", "\\040")
        self.write("proc/mounts", f"{mounts}none {escaped} hugetlbfs {options} 0 0\n")
        return where

    def available(self, need_bytes: int = 0, *, in_memory: bool = False):
        return available(need_bytes, in_memory=in_memory, root=self.root)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeHost:
    return FakeHost(tmp_path, monkeypatch)


def test_pools_by_node(host: FakeHost):
    host.pool(0, 2048, 512, 500)
    host.pool(0, 1048576, 1, 1)
    host.pool(1, 2048, 8, 0)
    host.pool(None, 2048, 520, 500)
    assert read_pools(root=host.root) == [
        HugepagePool(GB, 0, 1, 1),
        HugepagePool(2 * MB, 0, 512, 500),
        HugepagePool(2 * MB, 1, 8, 0),
    ]


def test_pools_without_nodes(host: FakeHost):
    assert read_pools(root=host.root) == []
    host.pool(None, 2048, 4, 3)
    assert read_pools(root=host.root) == [HugepagePool(2 * MB, 0, 4, 3)]


def test_mounts(host: FakeHost):
    host.mount("/dev/huge pages", "rw,relatime")
    host.mount("/mnt/1g", "rw,pagesize=1024M")
    host.mount("/mnt/64k", "rw,pagesize=64K,size=1G")
    found = {m.path.relative_to(host.root): m.page_size_bytes for m in read_mounts(root=host.root)}
    assert found == {Path("dev/huge pages"): 2 * MB, Path("mnt/1g"): GB, Path("mnt/64k"): 65536}
    assert all(mount.writable for mount in read_mounts(root=host.root))


def test_no_hugepages_in_this_kernel(host: FakeHost):
    assert not host.available().usable
    assert "no hugepages at all" in host.available().reason


def test_none_reserved(host: FakeHost):
    host.pool(0, 2048, 0, 0)
    host.mount()
    answer = host.available()
    assert not answer.usable
    assert "`echo 512 > /proc/sys/vm/nr_hugepages`" in answer.reason
    assert "`echo 1024 > /proc/sys/vm/nr_hugepages`" in host.available(2 * GB).reason


def test_none_reserved_nor_mounted(host: FakeHost):
    """One command for both faults, not one after the other."""
    host.pool(0, 2048, 0, 0)
    assert (
        "`echo 512 > /proc/sys/vm/nr_hugepages && mkdir -p /dev/hugepages && mount -t hugetlbfs "
        "-o pagesize=2M nodev /dev/hugepages`" in host.available().reason
    )
    assert "mount" not in host.available(in_memory=True).reason


def test_not_mounted(host: FakeHost):
    host.pool(0, 2048, 512, 512)
    assert "-t hugetlbfs -o pagesize=2M nodev /dev/hugepages`" in host.available().reason
    assert host.available(in_memory=True).usable
    host.mount("/mnt/1g", "rw,pagesize=1024M")
    assert "No hugetlbfs with pages of 2 MB" in host.available().reason


def test_in_a_container_docker_mounts(host: FakeHost):
    host.pool(0, 2048, 512, 512)
    host.write(".dockerenv", "")
    assert "-v /dev/hugepages:/dev/hugepages`" in host.available().reason


def test_a_seccomp_filter_that_blocks_memory_policies(
    host: FakeHost, monkeypatch: pytest.MonkeyPatch
):
    host.pool(0, 2048, 512, 512)
    monkeypatch.setattr(hugepages, "memory_policy_allowed", lambda: False)
    answer = host.available(in_memory=True)
    assert not answer.usable
    assert "`docker run --cap-add SYS_NICE`" in answer.reason


def test_not_writable(host: FakeHost, monkeypatch: pytest.MonkeyPatch):
    host.pool(0, 2048, 512, 512)
    where = host.mount()
    monkeypatch.setattr(hugepages, "_writable", lambda path: False)
    assert f"{where} is not writable" in host.available().reason
    assert "`chown" in host.available().reason


def test_too_few(host: FakeHost):
    host.pool(0, 2048, 100, 4)
    host.mount()
    assert host.available().usable
    assert host.available(8 * MB).usable
    answer = host.available(16 * MB)
    assert (answer.usable, answer.free_bytes) == (False, 8 * MB)
    assert answer.reason == (
        "8 MB of hugepages are free, 16 MB are needed: "
        "`echo 104 > /proc/sys/vm/nr_hugepages` as root on the host fixes it."
    )


def test_all_taken(host: FakeHost):
    host.pool(0, 2048, 100, 0)
    host.mount()
    assert "`echo 101 > " in host.available().reason


def test_reserved_pages_are_not_free(host: FakeHost):
    host.pool(0, 2048, 10, 10)
    host.mount()
    host.write("sys/kernel/mm/hugepages/hugepages-2048kB/resv_hugepages", 9)
    assert host.available().free_bytes == 2 * MB


def test_both_sizes_count_where_both_are_mounted(host: FakeHost):
    host.pool(0, 2048, 10, 10)
    host.pool(1, 1048576, 1, 1)
    host.mount()
    assert host.available().free_bytes == 20 * MB
    host.mount("/mnt/1g", "rw,pagesize=1024M")
    assert host.available(GB).free_bytes == GB + 20 * MB


def test_control_group_v2_limits_in_any_parent(host: FakeHost):
    host.pool(0, 2048, 100, 100)
    host.mount()
    host.write("proc/self/cgroup", "0::/a/b\n")
    host.write("sys/fs/cgroup/a/b/hugetlb.2MB.max", "max\n")
    host.write("sys/fs/cgroup/a/b/hugetlb.2MB.current", "0\n")
    assert hugepage_limit(2 * MB, root=host.root) is None
    host.write("sys/fs/cgroup/a/hugetlb.2MB.max", 10 * MB)
    host.write("sys/fs/cgroup/a/hugetlb.2MB.current", 4 * MB)
    assert host.available(6 * MB).usable
    answer = host.available(8 * MB)
    assert (answer.usable, answer.free_bytes) == (False, 6 * MB)
    file = host.root / "sys/fs/cgroup/a/hugetlb.2MB.max"
    assert f"leaves it 6 MB of hugepages, 8 MB are needed: `echo {12 * MB} > {file}`" in (
        answer.reason
    )


def test_control_group_v1_and_its_reservations(host: FakeHost):
    host.pool(0, 2048, 100, 100)
    host.write("proc/self/cgroup", "9:cpu,hugetlb:/x\n0::/\n")
    for name, limit, used in (("", 1 << 63, 0), ("rsvd.", 4 * MB, 2 * MB)):
        stem = f"sys/fs/cgroup/hugetlb/x/hugetlb.2MB.{name}"
        host.write(f"{stem}limit_in_bytes", limit)
        host.write(f"{stem}usage_in_bytes", used)
    assert host.available(2 * MB, in_memory=True).usable
    assert not host.available(4 * MB, in_memory=True).usable


def test_control_group_of_another_size_does_not_matter(host: FakeHost):
    host.pool(0, 2048, 100, 100)
    host.write("sys/fs/cgroup/hugetlb.1GB.max", 0)
    host.write("sys/fs/cgroup/hugetlb.1GB.current", 0)
    assert host.available(in_memory=True).usable
    assert hugepage_limit(GB, root=host.root) is not None
    assert hugepage_limit(64 << 10, root=host.root) is None


def test_this_host_is_readable():
    answer = available()
    assert answer.usable == (answer.reason == "")
    assert all(0 <= pool.free <= pool.total for pool in read_pools())
