"""The `docker run` line: what each need adds, and nothing else."""

import shlex
from pathlib import Path

import pytest

from pydpdk.host.docker import run_line
from pydpdk.host.needs import Needs


@pytest.mark.parametrize(
    ("needs", "adds"),
    [
        (Needs(hugepages=False), ""),
        (Needs(hugepages=False, vdevs=("net_pcap0,rx_pcap=x.pcap",)), ""),
        (
            Needs(hugepages=False, vdevs=("net_af_packet0,iface=eth0",)),
            "--user 0 --cap-add NET_ADMIN --cap-add NET_RAW",
        ),
        (
            Needs(hugepages=False, vdevs=("net_af_packet0,iface=veth7",)),
            "--network host --user 0 --cap-add NET_ADMIN --cap-add NET_RAW",
        ),
        (
            Needs(hugepages=False, vdevs=("net_tap0",)),
            "--device /dev/net/tun --user 0 --cap-add NET_ADMIN",
        ),
        (
            Needs(hugepages=True),
            "-v /dev/hugepages:/dev/hugepages --user 0 --cap-add SYS_NICE",
        ),
        (
            Needs(hugepages=True, pci=("0000:01:00.0",)),
            "-v /dev/hugepages:/dev/hugepages --ulimit memlock=-1 --device /dev/vfio/vfio"
            " --device /dev/vfio/7 --user 0 --cap-add IPC_LOCK --cap-add SYS_NICE",
        ),
    ],
)
def test_each_need_adds_its_options(needs: Needs, adds: str, tmp_path: Path):
    nic = tmp_path / "sys/bus/pci/devices/0000:01:00.0"
    nic.mkdir(parents=True)
    (nic / "iommu_group").symlink_to("../../../kernel/iommu_groups/7")
    (tmp_path / "sys/class/net/veth7").mkdir(parents=True)
    line = run_line(needs, None, root=tmp_path)
    assert shlex.split(line) == [
        "docker",
        "run",
        "--rm",
        "--cap-drop",
        "ALL",
        *adds.split(),
        "pydpdk",
    ]


def test_a_file_is_mounted_read_only(tmp_path: Path):
    file = tmp_path / "my file.yaml"
    words = shlex.split(run_line(Needs(hugepages=False), file, root=tmp_path))
    assert words[5:] == [
        "-v", f"{file}:/tmp/my file.yaml:ro", "pydpdk", "run", "/tmp/my file.yaml",
    ]  # fmt: skip
