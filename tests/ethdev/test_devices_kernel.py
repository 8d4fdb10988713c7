"""Devices on kernel interfaces: bytes in both directions, and every mbuf back in its pool."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import struct
import time
from contextlib import suppress

import pytest
from children import Child
from waiting import LIMIT, until

from pydpdk import Burst, Eal, Mempool, Port
from pydpdk._dpdk import lib
from pydpdk.errors import BusyError, InUseError
from pydpdk.host.doctor.virtual import af_xdp_missing

pytestmark = [
    pytest.mark.net_admin,
    pytest.mark.skipif(os.geteuid() != 0, reason="makes network interfaces: needs root"),
    pytest.mark.skipif(shutil.which("ip") is None, reason="needs ip, from iproute2"),
    pytest.mark.skipif(shutil.which("ethtool") is None, reason="needs ethtool"),
]
EXPERIMENT = 0x88B5  # IEEE 802 local experimental: the kernel sends none
COUNT = 40


def need_af_xdp() -> None:
    if missing := af_xdp_missing():
        pytest.skip(missing)


def frame(i: int) -> bytes:
    payload = i.to_bytes(4, "big") + bytes([i % 256]) * (46 + i * 29 % 1200)
    return bytes.fromhex("020000000002 020000000001") + EXPERIMENT.to_bytes(2, "big") + payload


FRAMES = [frame(i) for i in range(COUNT)]


def on(interface: str) -> socket.socket:
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)  # of no protocol until it is bound
    raw.bind((interface, EXPERIMENT))
    raw.settimeout(LIMIT)
    return raw


def start(port: Port, pool: Mempool) -> Port:
    port.configure(mempool=pool)
    port.start()
    until(lambda: port.link().up)
    return port


def receive(port: Port, burst: Burst, count: int) -> list[bytes]:
    found: list[bytes] = []

    def poll() -> bool:
        port.rx_queues[0].rx(burst)
        packets = [burst.bytes(i) for i in range(len(burst))]
        found.extend(packet for packet in packets if packet[12:14] == b"\x88\xb5")
        burst.free()
        return len(found) >= count

    until(poll, every=0, what=lambda: found)
    return found


def send(port: Port, pool: Mempool, burst: Burst) -> None:
    for packet in FRAMES:
        burst.alloc(pool, 1)
        burst.fill(packet)
        until(lambda: port.tx_queues[0].tx(burst) and not burst, every=0)


def received(raw: socket.socket, count: int) -> list[bytes]:
    found = []
    while len(found) < count:
        packet, (_, _, kind, *_) = raw.recvfrom(2048)
        if kind != socket.PACKET_OUTGOING:
            found.append(packet)
    return found


def both_ways(port: Port, pool: Mempool, interface: str) -> None:
    with Burst(32) as burst, on(interface) as kernel:
        for packet in FRAMES:
            kernel.send(packet)
        assert receive(port, burst, COUNT) == FRAMES
        send(port, pool, burst)
        assert received(kernel, COUNT) == FRAMES


@pytest.fixture
def big(eal, name: str):
    with Mempool.create(f"{name}-big", 4095) as pool:
        yield pool


@pytest.mark.parametrize("driver", ["net_af_packet", "net_pcap", "net_af_xdp"])
def test_a_veth_pair_carries_bytes_both_ways(device, veth: str, big: Mempool, driver: str):
    if driver == "net_af_xdp":
        need_af_xdp()
    port = start(device(f"{driver}_z,iface={veth}1"), big)
    both_ways(port, big, f"{veth}0")
    port.close()
    assert big.in_use_count == 0


@pytest.mark.usefixtures("tun")
def test_a_tap_interface_carries_bytes_both_ways(device, big: Mempool):
    port = start(device(f"net_tap_z,iface=z{os.getpid()}"), big)
    both_ways(port, big, f"z{os.getpid()}")
    port.close()
    assert big.in_use_count == 0


class TestAfXdp:
    @pytest.fixture(autouse=True)
    def _kernel_has_it(self):
        need_af_xdp()

    def test_the_kernel_keeps_mbufs_until_the_port_is_closed(self, device, veth: str, big: Mempool):
        port = start(device(f"net_af_xdp_k,iface={veth}1"), big)
        assert big.in_use_count >= 2048
        port.close()
        assert big.in_use_count == 0

    def test_its_interface_can_be_used_again(self, device, veth: str, big: Mempool, eal):
        """DPDK 22.11 does not close the socket, and the kernel allows one for each queue."""
        for _ in range(3):
            eal.add_device(f"net_af_xdp_a,iface={veth}1")
            port = start(Port.lookup("net_af_xdp_a"), big)
            both_ways(port, big, f"{veth}0")
            eal.remove_device("net_af_xdp_a")
            assert big.in_use_count == 0

    def test_two_ports_with_one_pool_raise(self, device, veth: str, big: Mempool):
        start(first := device(f"net_af_xdp_0,iface={veth}1"), big)
        second = device(f"net_af_xdp_1,iface={veth}2")
        with pytest.raises(ValueError, match="'net_af_xdp_0' has it already"):
            second.configure(mempool=big)
        first.close()

    def test_a_pool_without_mbufs_for_the_kernel_raises(self, device, veth, pool: Mempool):
        port = device(f"net_af_xdp_s,iface={veth}1")
        with pytest.raises(ValueError, match="2112 or more must be free: "):
            port.configure(mempool=pool)

    def test_mbufs_out_of_its_reach_must_be_in_the_pool(self, device, veth, big: Mempool):
        beyond = lib.pyd_beyond_count(big.handle)
        port = device(f"net_af_xdp_b,iface={veth}1")
        with Burst(big.capacity - 1) as most, Burst(1) as last:
            most.alloc(big, big.capacity - 1)
            last.alloc(big, 1)  # the last mbuf in memory: none was taken before
            most.free()
            if beyond:
                with pytest.raises(InUseError, match=f"its last {beyond} mbufs, and some are in"):
                    port.configure(mempool=big)
            assert big.in_use_count == 1
            last.free()
        port.configure(mempool=big)
        assert big.in_use_count == 2048 + beyond
        port.close()
        assert big.in_use_count == 0

    def test_descriptors_must_be_a_power_of_two(self, device, veth: str, big: Mempool):
        port = device(f"net_af_xdp_d,iface={veth}1")
        with pytest.raises(ValueError, match=r"nb_tx_desc .* must be a power of two \(got 100\)"):
            port.configure(mempool=big, nb_tx_desc=100)

    def test_it_is_set_up_once(self, device, veth: str, big: Mempool):
        port = device(f"net_af_xdp_o,iface={veth}1")
        port.configure(mempool=big)
        with pytest.raises(ValueError, match="set up once"):
            port.configure(mempool=big)
        port.close()
        assert big.in_use_count == 0


class TestBond:
    @pytest.fixture
    def members(self, device, veth: str) -> list[Port]:
        return [device(f"net_af_packet_m{i},iface={veth}{i}") for i in (1, 2)]

    def test_packets_go_out_of_its_members_in_turn(self, device, members, veth, big: Mempool):
        bond = device("net_bonding_z,mode=0,member=net_af_packet_m1,member=net_af_packet_m2")
        start(bond, big)
        with Burst(32) as burst, on(f"{veth}0") as one, on(f"{veth}3") as other:
            for raw in (one, other):
                for packet in FRAMES[:10]:
                    raw.send(packet)
            assert sorted(receive(bond, burst, 20)) == sorted(FRAMES[:10] * 2)
            send(bond, big, burst)
            halves = [received(raw, COUNT // 2) for raw in (one, other)]
        assert sorted(halves[0] + halves[1]) == FRAMES
        bond.close()
        assert big.in_use_count == 0

    def test_members_cannot_be_used_alone(self, device, members, eal, big: Mempool):
        bond = device("net_bonding_o,mode=1,member=net_af_packet_m1,member=net_af_packet_m2")
        bond.configure(mempool=big)
        for state in ("stopped", "started"):
            assert bond.state == state
            with pytest.raises(BusyError, match="net_af_packet_m1 is a member of a bond"):
                members[0].configure(mempool=big)
            with pytest.raises(InUseError, match="it is a member of a bond"):
                members[0].close()
            with pytest.raises(InUseError, match="it is a member of a bond"):
                eal.remove_device("net_af_packet_m1")
            bond.start()
        bond.close()
        members[0].configure(mempool=big)
        members[0].close()

    def test_a_member_that_is_started_is_seen(self, device, members, big: Mempool):
        start(members[0], big)
        bond = device("net_bonding_s,mode=1,member=net_af_packet_m1,slave=net_af_packet_m2")
        bond.configure(mempool=big)
        with pytest.raises(InUseError, match=r"its member <Port 'net_af_packet_m1' .* is started"):
            bond.start()
        members[0].stop()
        bond.start()
        bond.close()
        members[0].close()

    def test_a_bond_that_cannot_start_can_be_closed(self, device, pool: Mempool):
        """net_ring accepts no MAC address: the bond fails after it has started one member."""
        rings = [device("net_ring_b0"), device("net_ring_b1")]
        bond = device("net_bonding_f,mode=0,member=net_ring_b0,member=net_ring_b1")
        bond.configure(mempool=pool)
        with pytest.raises(OSError, match="Failed to update port"):
            bond.start()
        bond.close()
        for ring in rings:
            ring.close()

    @pytest.mark.parametrize("members", ["net_ring_k", "net_af_packet_m"])
    def test_a_removed_bond_no_longer_reads_its_members(
        self, eal: Eal, device, veth: str, big: Mempool, members: str
    ):
        """Its alarm (rte_eal_alarm_set) would dereference a pointer that is NULL by then."""
        for i in (1, 2):
            device(f"{members}{i}" + (f",iface={veth}{i}" if "af_packet" in members else ""))
        for _ in range(5):
            eal.add_device(f"net_bonding_p,mode=0,member={members}1,member={members}2")
            with Port.lookup("net_bonding_p") as bond:
                bond.configure(mempool=big)
                with suppress(OSError):  # over rings it fails halfway
                    bond.start()
            eal.remove_device("net_bonding_p")
            time.sleep(0.02)  # the alarm would run now


@pytest.mark.parametrize("file", ["af_packet", "af_xdp", "pcap_interface"])
def test_the_files_for_veth_pairs_forward(veth: str, command, tmp_path, file: str):
    if file == "af_xdp":
        need_af_xdp()
    started = running(command, f"{file}.yaml", veth, tmp_path)
    with started, on(f"{veth}0") as near, on(f"{veth}2") as far:
        for packet in FRAMES:
            near.send(packet)
        assert received(far, COUNT) == [swapped(packet) for packet in FRAMES]


def test_the_file_for_a_bond_sends_back(veth: str, command, tmp_path):
    started = running(command, "bonding.yaml", veth, tmp_path)
    with started, on(f"{veth}0") as one, on(f"{veth}2") as other:
        for packet in FRAMES:
            one.send(packet)
        found = received(one, COUNT // 2) + received(other, COUNT // 2)
    assert sorted(found) == [swapped(packet) for packet in FRAMES]


@pytest.mark.usefixtures("tun")
def test_the_file_for_taps_forwards(command, tmp_path):
    name = f"y{os.getpid()}"
    started = running(command, "tap.yaml", name, tmp_path)
    with started, on(f"{name}-tap0") as near, on(f"{name}-tap1") as far:
        for packet in FRAMES:
            near.send(packet)
        assert received(far, COUNT) == FRAMES


def swapped(packet: bytes) -> bytes:
    return packet[6:12] + packet[:6] + packet[12:]


class running:  # noqa: N801  # reads as a verb in `with`
    """`pydpdk run` of a file with renamed interfaces; it must end without an error."""

    def __init__(self, command, file: str, name: str, tmp_path) -> None:
        self._argv = command(file)
        path = tmp_path / file
        path.write_text(path.read_text().replace("iface=pydpdk", f"iface={name}"))

    def __enter__(self) -> None:
        self._run = Child(self._argv)
        self._run.lines_until("pps")

    def __exit__(self, *error: object) -> None:
        self._run.signal(signal.SIGTERM)
        done = self._run.finish()
        assert done.returncode == 0, done.stderr
        assert "Warning" not in done.stderr, done.stderr
        assert "rx packets" in done.stdout


def fanout(interface: str, group: int) -> socket.socket:
    """Make a socket as net_af_packet does, in a fanout group: by hash, with DEFRAG and ROLLOVER."""
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    raw.bind((interface, 3))  # ETH_P_ALL
    raw.setsockopt(263, 18, struct.pack("=I", 0x9000 << 16 | group))  # SOL_PACKET, PACKET_FANOUT
    return raw


@pytest.mark.parametrize("there", [0, 1], ids=["another_interface", "the_same_interface"])
def test_a_fanout_group_of_another_program_is_rejected(eal: Eal, name: str, veth: str, there: int):
    """DPDK: EPERM for another interface, half of the packets for the same."""
    interface = f"{veth}1"
    group = (os.getpid() ^ socket.if_nametoindex(interface)) & 0xFFFF
    device = f"net_af_packet_{name[-8:]},iface={interface}"
    rejected = pytest.raises(BusyError, match=f"{device}: another .* uses fanout group {group} ")
    with fanout(f"{veth}{there}", group), rejected:
        eal.add_device(device)
    eal.remove_device(eal.add_device(device))


def test_a_taken_fanout_group_is_rejected_before_the_eal_starts(run_script, veth: str):
    done = run_script(
        """
import socket, struct
from pydpdk.errors import BusyError
interface, other = sys.argv[1:]
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as raw:
    raw.bind((other, 3))
    group = (os.getpid() ^ socket.if_nametoindex(interface)) & 0xFFFF
    raw.setsockopt(263, 18, struct.pack("=I", 0x9000 << 16 | group))
    try:
        init(vdevs=(f"net_af_packet0,iface={interface}",))
    except BusyError as error:
        assert f"fanout group {group} " in str(error)
    else:
        raise AssertionError("it started")
init(vdevs=(f"net_af_packet0,iface={interface}",)).close()
""",
        f"{veth}1", f"{veth}2",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
