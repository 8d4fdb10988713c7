"""Devices: errors on real interfaces; binding on a PCI bus made of files."""

import os
import shutil
import textwrap
from pathlib import Path

import bad_machine
import pytest

from pydpdk.host import binding, devices
from pydpdk.host.devices import PciDevice, full_address, read_device, read_devices
from pydpdk.host.doctor import examine
from pydpdk.host.errors import HostError, InterfaceInUseError
from pydpdk.host.needs import Needs

NIC = "0000:01:00.0"


class Bus:
    """A PCI bus of files, and the part of the kernel that reacts to writes to them."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch):
        self.root, self.rejects = root, set[str]()
        self.writes: list[tuple[str, str]] = []
        monkeypatch.setattr(binding, "_write", self.write)
        for driver in ("e1000e", "vfio-pci"):
            self.path(f"drivers/{driver}").mkdir(parents=True)
        self.path("devices").mkdir()
        (root / "sys/class/net").mkdir(parents=True)

    def path(self, name: str) -> Path:
        return self.root / "sys/bus/pci" / name

    def add(self, address: str = NIC, *, group: int | None = 7, interface: str = "") -> Path:
        where = self.path(f"devices/{address}")
        where.mkdir()
        values = {"class": "0x020000", "vendor": "0x8086", "device": "0x10d3", "numa_node": "0"}
        for name, value in values.items():
            (where / name).write_text(f"{value}\n")
        (where / "driver_override").write_text("(null)\n")
        if group is not None:
            (where / "iommu_group").symlink_to(f"../../../kernel/iommu_groups/{group}")
        if interface:
            (where / "net" / interface).mkdir(parents=True)
        self.probe(where)
        return where

    def write(self, file: Path, text: str) -> None:
        assert file.parent.exists(), file
        self.writes.append((file.name, text.strip()))
        if file.name == "driver_override":
            file.write_text(text)
        elif file.name == "unbind":
            (self.path("devices") / text / "driver").unlink()
        elif file.name == "drivers_probe":
            self.probe(self.path("devices") / text)

    def probe(self, where: Path) -> None:
        """Bind a device to its requested driver, or else to the driver that knows it."""
        wanted = (where / "driver_override").read_text().strip().replace("(null)", "") or "e1000e"
        if wanted not in self.rejects and not (where / "driver").is_symlink():
            (where / "driver").symlink_to(f"../../drivers/{wanted}")


@pytest.fixture
def bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bus:
    return Bus(tmp_path, monkeypatch)


def test_the_description_of_a_device(bus: Bus):
    bus.add(interface="no-such-if0")
    device = read_device("01:00.0", root=bus.root)
    assert device == PciDevice(NIC, 0x020000, 0x8086, 0x10D3, "e1000e", 0, 7, ("no-such-if0",), ())
    assert read_devices(root=bus.root) == [device]
    assert device.is_network


@pytest.mark.parametrize("address", ["", "x", "01:00", "01:00.8", "../../etc", "0000:01:00.0\n"])
def test_invalid_addresses(bus: Bus, address: str):
    for call in (full_address, binding.bind, binding.unbind, read_device):
        with pytest.raises(ValueError, match=r"a PCI address such as 0000:01:00\.0"):
            call(address)


def test_a_device_is_bound_and_restored_to_its_driver(bus: Bus):
    where = bus.add()
    assert binding.bind(NIC, root=bus.root).driver == "vfio-pci"
    assert binding.remembered(NIC, root=bus.root) == "e1000e"
    bound = list(bus.writes)
    assert bound == [("driver_override", "vfio-pci"), ("unbind", NIC), ("drivers_probe", NIC)]
    assert binding.bind(NIC, root=bus.root).driver == "vfio-pci"
    assert bus.writes == bound, "what is bound is left alone"
    assert binding.unbind(NIC, root=bus.root).driver == "e1000e"
    assert (where / "driver_override").read_text() == "\n", "hotplug would bind it to vfio again"
    assert binding.remembered(NIC, root=bus.root) is None
    assert binding.unbind(NIC, root=bus.root).driver == "e1000e"


def test_a_driver_that_does_not_bind_changes_nothing(bus: Bus):
    where = bus.add()
    bus.rejects = {"vfio-pci"}
    with pytest.raises(HostError, match="the kernel did not give it to vfio-pci"):
        binding.bind(NIC, root=bus.root)
    assert read_device(NIC, root=bus.root).driver == "e1000e"
    assert (where / "driver_override").read_text() == "\n"


def test_devices_that_cannot_be_bound(bus: Bus):
    bus.add(group=None)
    with pytest.raises(HostError, match=r"0000:09:00\.0 is not on the PCI bus"):
        binding.bind("09:00.0", root=bus.root)
    with pytest.raises(HostError, match="`modprobe igb_uio` loads it"):
        binding.bind(NIC, "igb_uio", root=bus.root)
    with pytest.raises(HostError, match=r"no PCI driver '\.\./\.\./etc'"):
        binding.bind(NIC, "../../etc", root=bus.root)
    with pytest.raises(HostError, match="is behind no IOMMU"):
        binding.bind(NIC, root=bus.root)
    unsafe = bus.root / "sys/module/vfio/parameters/enable_unsafe_noiommu_mode"
    unsafe.parent.mkdir(parents=True)
    unsafe.write_text("Y\n")
    assert binding.bind(NIC, root=bus.root).driver == "vfio-pci"


def test_a_member_of_a_bond_is_bound_only_by_force(bus: Bus):
    bus.add(interface="no-such-if0")
    master = bus.root / "sys/class/net/no-such-if0/master"
    master.parent.mkdir()
    master.symlink_to("../bond0")
    with pytest.raises(InterfaceInUseError, match="no-such-if0 is a member of bond0"):
        binding.bind(NIC, root=bus.root)
    assert bus.writes == []
    assert binding.bind(NIC, force=True, root=bus.root).driver == "vfio-pci"


def codes(needs: Needs, root: Path) -> dict[str, str]:
    return {finding.code: finding.command for finding in examine(needs, root=root)}


def test_findings_about_a_device(bus: Bus):
    needs = Needs(pci=(NIC,), hugepages=False)
    assert "device-missing" in codes(needs, bus.root)
    where = bus.add(group=None)
    bus.path("drivers/vfio-pci").rmdir()
    found = codes(needs, bus.root)
    assert found["device-kernel-driver"] == f"pydpdk devices bind {NIC}"
    assert found["vfio-not-loaded"] == "modprobe vfio-pci"
    unsafe = "sys/module/vfio/parameters/enable_unsafe_noiommu_mode"
    assert found["iommu-missing"] == f"echo 1 > {bus.root / unsafe}"
    bus.path("drivers/vfio-pci").mkdir()
    (where / "iommu_group").symlink_to("../../../kernel/iommu_groups/7")
    binding.bind(NIC, root=bus.root)
    assert not {c for c in codes(needs, bus.root) if c.startswith(("device-", "vfio-", "iommu-"))}


def test_findings_about_nodes_and_clocks(bus: Bus):
    where = bus.add()
    (where / "numa_node").write_text("1\n")
    governor = bus.root / "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"
    governor.parent.mkdir(parents=True)
    governor.write_text("powersave\n")
    for node, free in ((0, 0), (1, 8)):
        pool = bus.root / f"sys/devices/system/node/node{node}/hugepages/hugepages-2048kB"
        pool.mkdir(parents=True)
        (pool / "nr_hugepages").write_text("8\n")
        (pool / "free_hugepages").write_text(f"{free}\n")
    needs = Needs(pci=(NIC,), lcores={0: frozenset({0})}, in_memory=True)
    found = codes(needs, bus.root)
    assert found["cpu-governor"] == f"echo performance | tee {governor}"
    assert found["device-other-node"] == ""
    wrong_node = "/sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages"
    assert found["hugepages-wrong-node"].endswith(f"> {wrong_node}")


USES = """
    ip link add t0 type veth peer name t1; ip link set t0 up; ip link set t1 up
    uses() { "$PYTHON" -c 'import sys; from pydpdk.host import interfaces as i
print("|".join(i.uses(sys.argv[1])))' t0; }
    mount -t sysfs sysfs /sys
"""


@pytest.mark.parametrize(
    ("setup", "said"),
    [
        ("true", ""),
        ("ip addr add 192.0.2.9/24 dev t0", "has the address 192.0.2.9"),
        (
            "ip addr add 192.0.2.9/24 dev t0; ip addr add 192.0.2.10/24 dev t0 label t0:second",
            "has the address 192.0.2.9, 192.0.2.10",
        ),
        ("ip addr add 2001:db8::9/64 dev t0 nodad", "has the address 2001:db8::9"),
        ("ip route add default dev t0", "carries the default route"),
        ("ip -6 route add default dev t0", "carries the default route"),
        ("ip link add br0 type bridge; ip link set t0 master br0", "is a member of br0"),
        (
            "ip addr add 192.0.2.9/24 dev t0; export SSH_CONNECTION='192.0.2.1 1 192.0.2.9 22'",
            "carries this SSH session|has the address 192.0.2.9",
        ),
    ],
)
@pytest.mark.net_admin
@pytest.mark.skipif(os.geteuid() != 0, reason="makes network interfaces: needs root")
@pytest.mark.skipif(shutil.which("ip") is None, reason="needs ip, from iproute2")
def test_interfaces_in_use_raise(setup: str, said: str):
    done = bad_machine.script(f"{textwrap.dedent(USES)}\n{setup}\nuses", net=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == said


def test_this_host_is_readable():
    assert all(full_address(device.address) == device.address for device in read_devices())
    with pytest.raises(HostError):
        binding.bind("ffff:ff:1f.7")
    assert devices.read_device("ffff:ff:1f.7") is None
