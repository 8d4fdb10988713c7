"""Frames of net_af_packet: what a file may set, and what doctor finds on an interface."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import bad_machine
import pytest

from pydpdk.config.load import load
from pydpdk.config.plan import with_devices
from pydpdk.errors import ConfigError
from pydpdk.host.devargs import parse
from pydpdk.host.needs import frames_of

needs_root = pytest.mark.skipif(
    os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "ip", "ethtool"))),
    reason="makes interfaces: needs root, unshare, ip, ethtool",
)


def file_of(port: str, room: int = 2176) -> str:
    return (
        f"mempools: {{p: {{n: 8191, data_room_size: {room}}}}}\nports: {{a: {{device: {port}}}}}\n"
    )


def loaded(tmp_path: Path, port: str, room: int = 2176):
    file = tmp_path / "f.yaml"
    file.write_text(file_of(port, room))
    return load(file)


@pytest.mark.parametrize(
    ("port", "room", "message"),
    [
        ('"net_af_packet0,iface=x", frame_size: 3000', 9000, "2048, or a multiple of 4096"),
        ('"net_af_packet0,iface=x", frame_size: 1024', 9000, "frame_size: 1024, allowed: "),
        ('"net_af_packet0,iface=x", frame_size: 65536', 9000, "frame_size: 65536, allowed: "),
        ('"net_null0", frame_size: 4096', 9000, "net_null has no frames, net_af_packet has"),
        ('"net_null0", split_large: true', 9000, "only net_af_packet on a veth pair has packets"),
        ('"net_af_packet0,iface=x", frame_size: 4096', 2176, "at least 4192: ports.a has frames"),
        ('"net_af_packet0,iface=x,framesz=4096", frame_size: 4096', 9000, "no framesz"),
        ('"net_af_packet0,iface=x,framesz=1600"', 9000, "framesz=1600 that divides blocksz=4096"),
        ('"net_af_packet0,iface=x,blocksz=5000"', 9000, "a multiple of 4096"),
        ('"net_af_packet0,iface=x,framecnt=511"', 9000, "framecnt of whole blocks"),
        ('"eth_af_packet0,iface=x,framecnt=511"', 9000, "framecnt of whole blocks"),
        (
            '"net_af_packet_lan,iface=x", frame_size: 4096',
            2176,
            "at least 4192: ports.a has frames",
        ),
    ],
)
def test_frames_that_do_not_fit_are_found_before_the_start(tmp_path, port, room, message):
    with pytest.raises(ConfigError, match=message):
        loaded(tmp_path, port, room)


def test_the_key_reaches_the_device(tmp_path):
    config = loaded(tmp_path, '"net_af_packet0,iface=x", frame_size: 12288', 12384)
    (vdev,) = with_devices(config).vdevs
    assert vdev == "net_af_packet0,iface=x,framesz=12288,blocksz=12288"
    assert frames_of(parse(vdev)).longest == 12288 - 66


@pytest.mark.parametrize("driver", ["net_af_packet", "net_af_xdp"])
@needs_root
def test_offloads_of_the_other_end_are_found_and_the_command_disables_them(driver: str):
    setup = "ip link add bad0 type veth peer name bad1; ip link set bad0 up; ip link set bad1 up"
    machine = bad_machine.make(
        "interface-offloads", setup, file_of(f'"{driver}0,iface=bad0"'), net=True
    )
    assert machine.command == "ethtool -K bad1 tx off tso off"
    assert "interface-offloads" in machine.found, machine
    assert "interface-offloads" not in machine.left, machine


@pytest.mark.parametrize("name", ["net_af_packet0", "eth_af_packet_lan"])
@needs_root
def test_an_mtu_above_the_frames_is_found(name: str):
    setup = "ip link add bad0 mtu 1965 type veth peer name bad1; ip link set bad0 up"
    machine = bad_machine.make("interface-mtu", setup, file_of(f'"{name},iface=bad0"'), net=True)
    assert machine.command == "ip link set bad0 mtu 1964"
    assert "interface-mtu" in machine.found, machine
    assert "interface-mtu" not in machine.left, machine
