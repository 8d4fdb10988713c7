"""Losses of drivers of kernel interfaces, and what pydpdk restores.

The kernel makes packets with unfinished checksums: a packet socket with PACKET_VNET_HDR sends them
like a virtual machine, so each case is exact.
"""

import os
import shutil
import socket
import struct
import subprocess
import sys
import time

import numpy as np
import pytest
from odd_packets import checksum
from packets import MAC_A, MAC_B
from scapy.all import IP, SCTP, TCP, UDP, Dot1AD, Dot1Q, Ether, IPv6, Raw
from scapy.layers.inet import IPOption_LSRR
from scapy.layers.inet6 import IPv6ExtHdrRouting, IPv6ExtHdrSegmentRouting
from scapy.layers.vxlan import VXLAN
from test_devices_kernel import need_af_xdp
from test_veth import frames_of, sniff
from waiting import LIMIT, until

from pydpdk import Burst, Forward, Mempool, Port, RxOffload

SOL_PACKET, PACKET_VNET_HDR, NEEDS_CSUM = 263, 15, 1
TAGS = (b"\x81\0", b"\x88\xa8")
LONGEST = 2048 - 66

pytestmark = [
    pytest.mark.net_admin,
    pytest.mark.skipif(os.geteuid() != 0, reason="makes network interfaces: needs root"),
    pytest.mark.skipif(shutil.which("ip") is None, reason="needs ip, from iproute2"),
    pytest.mark.skipif(shutil.which("ethtool") is None, reason="needs ethtool"),
]

ETHER = Ether(dst="02:00:00:00:00:02", src="02:00:00:00:00:01")
V4, V6 = IP(src="198.18.0.1", dst="198.18.0.2"), IPv6(src="2001:db8::1", dst="2001:db8::2")
LOAD = Raw(b"payload of an odd length!")


def raw(length: int, ethertype: int = 0x88B5) -> bytes:
    return (MAC_B + MAC_A + struct.pack("!H", ethertype)).ljust(length, b"x")


@pytest.fixture
def sender(veth: str):
    """Send frames into the pair of the port `inlet`, each with a virtio_net_hdr."""
    subprocess.run(["ip", "link", "set", "dev", f"{veth}0", "mtu", "9000"], check=True)
    subprocess.run(["ip", "link", "set", "dev", f"{veth}1", "mtu", "9000"], check=True)
    subprocess.run(["ethtool", "-K", f"{veth}0", "tx", "on"], check=True, capture_output=True)
    subprocess.run(["ethtool", "-K", f"{veth}1", "tx", "on"], check=True, capture_output=True)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as packet:
        packet.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
        packet.bind((f"{veth}0", 0))

        def send(frame: bytes, start: int = 0, offset: int = 0) -> None:
            flags = NEEDS_CSUM if start else 0
            packet.send(struct.pack("=BBHHHH", flags, 0, 0, 0, start, offset) + frame)

        yield send


@pytest.fixture
def big(eal, name: str):
    with Mempool.create(f"{name}b", 4095, cache_size=0) as pool:
        yield pool


def opened(device, pool: Mempool, devargs: str, **settings) -> Port:
    port = device(devargs)
    port.configure(mempool=pool, **settings)
    port.start()
    return port


def received(port: Port, burst: Burst, n: int) -> list[bytes]:
    """Poll until n packets were received, or freed because they were cut."""
    found: list[bytes] = []
    deadline = time.monotonic() + LIMIT
    while len(found) + port.rx_queues[0].cut < n and time.monotonic() < deadline:
        if port.rx_queues[0].rx(burst):
            found += [burst.bytes(i) for i in range(len(burst))]
            burst.free()
    return found


# --- frames -----------------------------------------------------------------------


def test_frames_above_the_frame_size_are_dropped_and_counted(device, veth, sender, pool, burst):
    port = opened(device, pool, f"net_af_packet_cut,iface={veth}1")
    lengths = [60, LONGEST, LONGEST + 1, 61, 9000, 4000, LONGEST - 1]
    for length in lengths:
        sender(raw(length))
    found = received(port, burst, len(lengths))
    assert found == [raw(length) for length in lengths if length <= LONGEST]
    assert port.rx_queues[0].cut == port.stats().ierrors == 3
    port.reset_stats()
    assert port.stats().ierrors == 0
    port.close()


FLOOD = """
import socket, sys
packet = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
packet.bind(("lo", 0))
frame = bytes.fromhex(sys.argv[1])
while True:
    packet.send(frame)
"""


@pytest.fixture
def busy(children):
    """Keep frames on the loopback interface."""
    subprocess.run(["ip", "link", "set", "dev", "lo", "up"], check=True)
    flood = children.start([sys.executable, "-c", FLOOD, raw(60).hex()])
    with sniff("lo") as lo:
        lo.settimeout(LIMIT)
        while lo.recv(4096) != raw(60):
            pass
    yield
    flood.kill()


def test_frames_of_other_interfaces_are_not_received(device, veth, sender, pool, burst, busy):
    """Before DPDK 24.11 the driver's socket receives from all interfaces until it is bound."""
    for i in range(8):
        port = opened(device, pool, f"net_af_packet_own{i},iface={veth}1")
        deadline = time.monotonic() + LIMIT
        while not port.rx_queues[0].rx(burst):
            sender(raw(70))  # again: the ring may have no space until it was read
            assert time.monotonic() < deadline
        assert {burst.bytes(i) for i in range(len(burst))} == {raw(70)}
        burst.free()
        port.close()


def test_a_burst_of_only_cut_frames_is_empty(device, veth, sender, pool):
    port = opened(device, pool, f"net_af_packet_all,iface={veth}1")
    for _ in range(200):
        sender(raw(5000))
    sender(raw(64))
    with Burst(256) as burst:
        assert received(port, burst, 201) == [raw(64)]
    assert port.rx_queues[0].cut == 200
    port.close()


def test_larger_frames_carry_larger_packets(device, veth, sender, name, burst):
    with Mempool.create(name, 1023, cache_size=0, data_room_size=12384) as pool:
        port = opened(device, pool, f"net_af_packet_big,iface={veth}1,framesz=12288,blocksz=12288")
        lengths = [9014, 60, 5000]
        for length in lengths:
            sender(raw(length))
        assert received(port, burst, 3) == [raw(length) for length in lengths]
        assert port.rx_queues[0].cut == 0
        port.close()


@pytest.mark.parametrize("strip", [False, True])
def test_tags_keep_their_type(device, veth, sender, pool, burst, strip: bool):
    """Tags of 0x88a8, which an mbuf cannot carry, also while tags of 0x8100 are stripped."""
    offloads = RxOffload.VLAN_STRIP if strip else 0
    port = opened(device, pool, f"net_af_packet_tag,iface={veth}1", rx_offloads=offloads)
    inner = V4 / UDP(dport=53) / LOAD
    frames = [
        bytes(ETHER / tags / inner)
        for tags in (
            Dot1AD(vlan=5),
            Dot1AD(vlan=5) / Dot1Q(vlan=6),
            Dot1AD(vlan=1) / Dot1AD(vlan=2),
        )
    ]
    plain = bytes(ETHER / Dot1Q(vlan=7) / inner)
    for frame in [*frames, plain]:
        sender(frame)
    found = received(port, burst, 4)
    assert found[:3] == frames
    assert found[3] == (plain[:12] + plain[16:] if strip else plain)
    port.close()


def test_packets_that_can_never_be_sent_are_freed_and_counted(device, veth, pool, burst):
    subprocess.run(["ip", "link", "set", "dev", f"{veth}3", "mtu", "9000"], check=True)
    port = opened(device, pool, f"net_af_packet_long,iface={veth}2")
    lengths = [60, 1514, 1515, 2000, 61, 2017, 1000]
    tagged = raw(1518, 0x8100)
    with sniff(f"{veth}3") as far:
        burst.alloc(pool, 8)
        burst.fill([*map(raw, lengths), tagged])
        assert port.tx_queues[0].tx(burst) == 5
        assert len(burst) == 0
        assert frames_of(far) == [raw(n) for n in lengths if n <= 1514] + [
            tagged[:12] + tagged[16:]
        ]
        assert port.tx_queues[0].unsendable == port.stats().oerrors == 3
        assert port.stats().opackets == port.tx_queues[0].packets == 5
        subprocess.run(["ip", "link", "set", "dev", f"{veth}2", "mtu", "9000"], check=True)
        burst.alloc(pool, 2)
        burst.fill([raw(2016), raw(2017)])  # now the frame size is the limit
        assert port.tx_queues[0].tx(burst) == 1
        assert [len(frame) for frame in frames_of(far)] == [2016]
    assert port.tx_queues[0].unsendable == 4
    assert pool.in_use_count == 0
    port.close()


def test_packets_that_a_tap_cannot_send_do_not_block_others(device, tun, big, burst):
    interface = f"t{os.getpid()}"
    port = opened(device, big, f"net_tap_long,iface={interface}")
    subprocess.run(["ip", "link", "set", "dev", interface, "up"], check=True)
    with sniff(interface) as near:
        burst.alloc(big, 3)
        burst.fill([raw(60), raw(1523), raw(61)])
        assert port.tx_queues[0].tx(burst) == 2
        assert (len(burst), port.tx_queues[0].unsendable) == (0, 1)
        seen = [len(frame) for frame in frames_of(near) if frame[12:14] == b"\x88\xb5"]
    assert seen == [60, 61]
    port.close()


# --- checksums --------------------------------------------------------------------


def parts_of(packet: Ether, layer: type, field: str) -> tuple[bytes, bytes, int]:
    """Return a correct packet, the same unfinished as from the kernel, and the offset of its L4."""
    right = Ether(bytes(packet))
    whole = bytes(right)
    start = len(whole) - len(bytes(right[layer]))
    at = start + {TCP: 16, UDP: 6}[layer]
    pseudo = checksum(whole[start:])  # L4 and the pseudo header add up to 0xffff
    return whole, whole[:at] + struct.pack("!H", pseudo) + whole[at + 2 :], start


CASES = {
    "udp4": (ETHER / V4 / UDP(dport=5000) / LOAD, UDP),
    "tcp4": (ETHER / V4 / TCP(dport=80, options=[("MSS", 1460)]) / LOAD, TCP),
    "udp6": (ETHER / V6 / UDP(dport=5000) / LOAD, UDP),
    "tcp6": (ETHER / V6 / TCP(dport=80), TCP),
    "options": (ETHER / IP(src="1.0.0.1", dst="1.0.0.2", options=b"\1\1\1\0") / UDP() / LOAD, UDP),
    "route": (ETHER / V6 / IPv6ExtHdrRouting(addresses=["2001:db8::7", "2001:db8::9"], segleft=2)
              / UDP(dport=9) / LOAD, UDP),
    "segments": (ETHER / V6 / IPv6ExtHdrSegmentRouting(addresses=["2001:db8::9", "2001:db8::7"],
                                                       segleft=1) / TCP(dport=80), TCP),
    "source route": (ETHER / IP(src="1.0.0.1", dst="1.0.0.2",
                                options=IPOption_LSRR(pointer=4, routers=["1.0.0.7", "1.0.0.9"]))
                     / TCP(dport=80) / LOAD, TCP),
    "tagged": (ETHER / Dot1Q(vlan=5) / V4 / TCP(dport=80) / LOAD, TCP),
    "double": (ETHER / Dot1AD(vlan=5) / Dot1Q(vlan=6) / V6 / UDP(dport=9) / LOAD, UDP),
    "vxlan": (ETHER / V4 / UDP(sport=7, dport=4789, chksum=0) / VXLAN(vni=7) / ETHER / V4
              / TCP(dport=80) / LOAD, TCP),
}  # fmt: skip


def cases() -> list[tuple[bytes, bytes, int, int]]:
    return [
        (*parts_of(packet, layer, "chksum"), {TCP: 16, UDP: 6}[layer])
        for packet, layer in CASES.values()
    ]


def send_all(sender) -> list[bytes]:
    """Send each case unfinished, correct, and wrong; return what must be received."""
    expected = []
    for right, left, start, offset in cases():
        sender(left, start, offset)
        sender(right)
        wrong = left[: start + offset] + b"\xba\xad" + left[start + offset + 2 :]
        sender(wrong)
        expected += [right, right, wrong]
    return expected


@pytest.mark.parametrize("driver", ["net_af_packet", "net_af_xdp"])
def test_unfinished_checksums_are_finished(device, veth, sender, big, burst, driver: str):
    """Correct packets, and really wrong ones, do not change."""
    if driver == "net_af_xdp":
        need_af_xdp()
        subprocess.run(["ip", "link", "set", "dev", f"{veth}0", "mtu", "1500"], check=True)
        subprocess.run(["ip", "link", "set", "dev", f"{veth}1", "mtu", "1500"], check=True)
    port = opened(device, big, f"{driver}_sums,iface={veth}1")
    expected = send_all(sender)
    found = received(port, burst, len(expected))
    if driver == "net_af_xdp":  # the kernel keeps tags beside the bytes, and no driver reads them
        untagged = [i for i, packet in enumerate(expected) if packet[12:14] not in TAGS]
        expected, found = ([packets[i] for i in untagged] for packets in (expected, found))
    assert found == expected
    assert port.rx_queues[0].finished == len(CASES)
    port.close()


def test_a_packet_that_only_looks_unfinished_is_not_changed(device, veth, sender, pool, burst):
    """net_af_packet gets the state from the kernel; others compare with the pseudo header sum."""
    right, left, _, _ = cases()[0]
    known = opened(device, pool, f"net_af_packet_known,iface={veth}1")
    sender(left)
    assert received(known, burst, 1) == [left]
    assert known.rx_queues[0].finished == 0
    known.close()
    assert right != left


def test_sctp_is_finished_if_the_kernel_says_so(device, veth, sender, pool, burst):
    port = opened(device, pool, f"net_af_packet_sctp,iface={veth}1")
    whole = bytes(ETHER / V4 / SCTP(sport=3, dport=4, tag=5) / Raw(b"\0\3\0\x10" + bytes(12)))
    assert whole[42:46] != bytes(4)
    sender(whole[:42] + bytes(4) + whole[46:], 34, 8)
    (found,) = received(port, burst, 1)
    assert found == whole
    port.close()


def test_finishing_checksums_can_be_disabled(device, veth, sender, pool, burst):
    port = opened(device, pool, f"net_af_packet_off,iface={veth}1", finish_checksums=False)
    _, left, start, offset = cases()[0]
    sender(left, start, offset)
    assert received(port, burst, 1) == [left]
    port.close()


def test_forward_finishes_checksums_as_bursts_do(device, veth, sender, pool, burst):
    inlet = opened(device, pool, f"net_af_packet_in,iface={veth}1")
    outlet = opened(device, pool, f"net_af_packet_out,iface={veth}2")
    with sniff(f"{veth}3") as far:
        expected = send_all(sender)
        forward = Forward(burst, [(inlet.rx_queues[0], outlet.tx_queues[0])])
        deadline = time.monotonic() + LIMIT
        while inlet.rx_queues[0].packets < len(expected) and time.monotonic() < deadline:
            forward.step()
        # the kernel removes the outer tag before the socket
        whole = [p[:12] + p[16:] if p[12:14] in TAGS else p for p in expected]
        assert frames_of(far) == whole
    inlet.close()
    outlet.close()


def test_a_compiled_worker_finishes_checksums_too(device, veth, sender, pool):
    pytest.importorskip("numba")
    import workers

    inlet = opened(device, pool, f"net_af_packet_win,iface={veth}1")
    outlet = opened(device, pool, f"net_af_packet_wout,iface={veth}2")
    counters = np.zeros(3, np.int64)
    with sniff(f"{veth}3") as far, Burst(32) as its:
        expected = send_all(sender)
        sender(raw(1515))
        with workers.macswap.launch(inlet.rx_queues[0], outlet.tx_queues[0], its, counters):
            until(lambda: counters[0] > len(expected))
        swapped = [p[6:12] + p[:6] + p[16 if p[12:14] in TAGS else 12 :] for p in expected]
        assert frames_of(far) == swapped
    assert counters.tolist() == [len(expected) + 1, len(expected), 0]
    assert (inlet.rx_queues[0].finished, outlet.tx_queues[0].unsendable) == (len(CASES), 1)
    inlet.close()
    outlet.close()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"finish_checksums": 1}, "finish_checksums must be True, False or None"),
        ({"split_large": "no"}, "split_large must be True, False or None"),
        ({"split_large": True}, "one end of a veth pair"),
    ],
)
def test_invalid_settings_raise(device, pool, settings, message: str):
    port = device("net_null_border")
    with pytest.raises((TypeError, ValueError), match=message):
        port.configure(mempool=pool, **settings)
    port.close()
