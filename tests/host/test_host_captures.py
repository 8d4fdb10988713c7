"""Capture files that net_pcap would misread are found before it reads them."""

import os
import struct
from pathlib import Path

import pytest

from pydpdk.config.load import loads
from pydpdk.config.plan import make_plan
from pydpdk.errors import ConfigError
from pydpdk.host import captures

FRAME = bytes(12) + b"\x08\0" + bytes(46)


def pcap(
    link: int,
    *packets: bytes,
    order: str = "<",
    magic: int = 0xA1B2C3D4,
    snaplen: int = 65535,
    version: tuple[int, int] = (2, 4),
) -> bytes:
    patched = bytes(8) if magic == 0xA1B2CD34 else b""
    records = [struct.pack(f"{order}4I", 1, 2, len(p), len(p)) + patched + p for p in packets]
    head = struct.pack(f"{order}IHHiIII", magic, *version, 0, 0, snaplen, link)
    return head + b"".join(records)


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    body += bytes(-len(body) % 4)
    length = struct.pack(f"{order}I", 12 + len(body))
    return struct.pack(f"{order}I", kind) + length + body + length


def section(order: str = "<") -> bytes:
    return block(0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def interface(link: int, snaplen: int = 65535, order: str = "<", options: bytes = b"") -> bytes:
    return block(1, struct.pack(f"{order}HHI", link, 0, snaplen) + options, order)


def option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)


def enhanced(packet: bytes, number: int = 0, order: str = "<") -> bytes:
    head = struct.pack(f"{order}5I", number, 0, 0, len(packet), len(packet))
    return block(6, head + packet, order)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("magic", [0xA1B2C3D4, 0xA1B23C4D, 0xA1B2CD34])
@pytest.mark.parametrize("link", [1, 101, 113, 5000])
def test_pcap(tmp_path: Path, order: str, magic: int, link: int) -> None:
    path = tmp_path / "x.pcap"
    path.write_bytes(pcap(link, FRAME, b"", FRAME, order=order, magic=magic))
    assert captures.look(path) == captures.Capture(link, len(FRAME))


@pytest.mark.parametrize("order", "<>")
def test_pcapng(tmp_path: Path, order: str) -> None:
    path = tmp_path / "x.pcapng"
    both = section(order) + interface(1, order=order) + enhanced(FRAME, order=order)
    path.write_bytes(both + block(5, bytes(12), order) + both)
    assert captures.look(path) == captures.Capture(1, len(FRAME))


def test_a_checksum_behind_each_frame_is_no_other_link_type(tmp_path: Path) -> None:
    path = tmp_path / "x.pcap"
    path.write_bytes(pcap(1 | 0x14000000, FRAME))
    assert captures.look(path) == captures.Capture(1, len(FRAME))


@pytest.mark.parametrize(
    ("data", "link", "words"),
    [
        (pcap(1, FRAME, FRAME)[:-1], 1, "it ends within packet 1"),
        (pcap(1, FRAME)[:-70], 1, "it ends within packet 0"),
        (pcap(1) + struct.pack("<4I", 0, 0, 1 << 31, 0), 1, "packet 0 has a length of 2147483648"),
        (section() + interface(1) + interface(101), 1, "interface 1 is RAW (101), the first one"),
        (section() + interface(101) + interface(1), 101, "interface 1 is EN10MB (1), the first"),
        (section() + interface(1) + interface(1, 1500), 1, "interface 1 has snapshot length 1500"),
        (section() + interface(1) + enhanced(FRAME) + interface(113), 1, "behind 1 packets inter"),
        (section() + interface(1) + section() + interface(228), 1, "interface 0 is IPV4 (228)"),
        (section() + interface(1) + section(">"), 1, "a section of the other byte order"),
        ((section() + interface(1) + enhanced(FRAME))[:-4], 1, "the file ends within a block"),
        (
            section() + interface(1) + struct.pack("<3I", 6, 13, 0) + bytes(9),
            1,
            "a block has a len",
        ),
        (section() + interface(1) + block(6, bytes(8)), 1, "a block has a length of 20 bytes"),
        (section() + interface(1) + block(2, bytes(16)), 1, "a block has a length of 28 bytes"),
        (section() + interface(1) + block(3, b""), 1, "a block has a length of 12 bytes"),
        (section() + interface(1) + block(1, bytes(4)), 1, "a block has a length of 16 bytes"),
        (section() + interface(1) + enhanced(FRAME, 1), 1, "a packet is of interface 1, which"),
        (section() + interface(1) + section() + enhanced(FRAME), 1, "a packet is of interface 0"),
        (section() + interface(1, 59) + enhanced(FRAME), 1, "packet 0 has a length of 60 bytes"),
        (
            section() + interface(1) + block(6, struct.pack("<5I", 0, 0, 0, 61, 61) + FRAME),
            1,
            "packet 0 has a length of 61 bytes, more than fits",
        ),
        (
            section() + interface(1) + enhanced(FRAME)[:-4] + bytes(4),
            1,
            "a block of 92 bytes ends with a length of 0",
        ),
        (
            section() + interface(1) + interface(1, options=option(9, b"\6\0")),
            1,
            "interface 1 has invalid options",
        ),
        (
            section() + interface(1) + block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 2, 0, 0)),
            1,
            "pcapng of version 2.0",
        ),
    ],
)
def test_truncated_files(tmp_path: Path, data: bytes, link: int, words: str) -> None:
    path = tmp_path / "x"
    path.write_bytes(data)
    found = captures.look(path)
    assert found is not None
    assert found.link == link
    assert words in found.short


@pytest.mark.parametrize("data", [b"", b"text", b"ports: {}\n" * 10, bytes(64), section()])
def test_files_that_are_no_captures(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x").write_bytes(data)
    assert captures.look(tmp_path / "x") == captures.Capture(None)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (pcap(1, FRAME, version=(3, 0)), "pcap of version 3.0"),
        (pcap(1, FRAME, version=(1, 2)), "pcap of version 1.2"),
        (section() + enhanced(FRAME), "a packet comes before its interface"),
        (section() + block(1, bytes(4)), "a block has a length of 16 bytes"),
        (section() + interface(1)[:-1], "the file ends within a block"),
        (
            block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 1, -1)) + interface(1),
            "pcapng of version 1.1",
        ),
        *(
            (section() + interface(1, options=options), "interface 0 has invalid options")
            for options in (
                option(9, b"\x46"),
                option(9, b"\xc6"),
                option(9, b"\6") * 2,
                option(14, bytes(4)),
                option(0, b"1234"),
                option(2, b"eth0")[:-4],
            )
        ),
    ],
)
def test_captures_that_libpcap_does_not_open(tmp_path: Path, data: bytes, words: str) -> None:
    (tmp_path / "x").write_bytes(data)
    assert captures.look(tmp_path / "x") == captures.Capture(None, short=words)
    with pytest.raises(ConfigError, match=f"a capture file, pcap or pcapng: this is {words}"):
        loads(FILE.format(tmp_path / "x"))


def test_options_that_are_valid(tmp_path: Path) -> None:
    options = option(2, b"eth0") + option(9, b"\x89") + option(14, bytes(8)) + option(0, b"")
    (tmp_path / "x").write_bytes(section() + interface(1, options=options + b"1") + enhanced(FRAME))
    assert captures.look(tmp_path / "x") == captures.Capture(1, len(FRAME))


@pytest.mark.parametrize(("version", "longest"), [((2, 2), 90), ((543, 0), 90), ((2, 4), 60)])
def test_early_files_have_the_two_lengths_of_a_packet_in_the_other_order(
    tmp_path: Path, version: tuple[int, int], longest: int
) -> None:
    record = struct.pack("<4I", 0, 0, 60, 90) + bytes(longest)
    (tmp_path / "x").write_bytes(pcap(1, version=version) + record)
    assert captures.look(tmp_path / "x") == captures.Capture(1, longest)


def test_special_files_are_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")  # opening it would wait for a writer
    assert captures.look(tmp_path / "pipe") is None
    assert captures.look(tmp_path) is None
    assert captures.look(tmp_path / "none") is None
    assert captures.look("a\0b") is None


FILE = "mempools: {{p: {{n: 1023}}}}\nports:\n  a: {{device: 'net_pcap0,rx_pcap={}'}}\n"


def test_a_file_of_another_link_type_raises(tmp_path: Path) -> None:
    for link, name in ((101, "RAW (101)"), (276, "LINUX_SLL2 (276)"), (4711, "unknown (4711)")):
        path = tmp_path / f"{link}.pcap"
        path.write_bytes(pcap(link, FRAME))
        for text in (FILE.format(path), f"eal: {{vdevs: ['net_pcap7,tx_pcap=o,rx_pcap={path}']}}"):
            with pytest.raises(ConfigError) as error:
                loads(text)
            assert f"'{path}', allowed: a capture of link type EN10MB (1): this is {name}" in str(
                error.value
            )


def test_a_file_that_is_no_capture_raises(tmp_path: Path) -> None:
    path = tmp_path / "x.pcap"
    path.write_bytes(b"PK" + bytes(100))
    with pytest.raises(ConfigError, match="a capture file, pcap or pcapng: this is neither"):
        loads(FILE.format(path))


def test_a_file_that_ends_early_is_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "x.pcapng"
    path.write_bytes(section() + interface(1) + interface(101) + enhanced(FRAME))
    words = f"ports.a: {path}: packets will be missing: interface 1 is RAW (101), the first one"
    assert any(
        warning.startswith(words) for warning in make_plan(loads(FILE.format(path))).warnings
    )


@pytest.mark.parametrize(("snaplen", "warned"), [(65_535, False), (262_144, True), (0, True)])
def test_packets_that_the_driver_truncates_are_a_warning(
    tmp_path: Path, snaplen: int, warned: bool
) -> None:
    """libpcap cuts packets to the snapshot length of the file."""
    path = tmp_path / "x.pcapng"
    for data in (
        section() + interface(1, snaplen) + enhanced(FRAME) + enhanced(bytes(70_000)),
        pcap(1, FRAME, bytes(70_000), snaplen=snaplen),
    ):
        path.write_bytes(data)
        words = f"ports.a: {path} has a packet of 70,000 bytes: of those over 65,535 the driver"
        found = [w for w in make_plan(loads(FILE.format(path))).warnings if w.startswith(words)]
        assert bool(found) is warned


def test_the_plan_ignores_a_file_that_does_not_exist_yet(tmp_path: Path) -> None:
    make_plan(loads(FILE.format(tmp_path / "later.pcap")))
