"""Virtual devices in a file: pools, members, sockets, order."""

import socket
from pathlib import Path

import pytest

from pydpdk.config.load import loads
from pydpdk.config.plan import make_plan, needs_of_file
from pydpdk.errors import ConfigError
from pydpdk.host.devargs import parse
from pydpdk.host.needs import Needs
from pydpdk.host.sockets import Endpoint, endpoint_of, is_served

POOLS = "mempools: {a: {n: 8191}, b: {n: 8191}, few: {n: 2047}}\n"
TAPS = "eal: {vdevs: [net_tap0, net_tap1]}\n"


def rejected(text: str) -> str:
    with pytest.raises(ConfigError) as error:
        loads(text)
    return str(error.value)


@pytest.mark.parametrize(
    ("ports", "words"),
    [
        (
            "{x: {device: 'net_af_xdp0,iface=i0', mempool: a},"
            " y: {device: 'net_af_xdp1,iface=i1', mempool: a}}",
            "ports.y.mempool: 'a', allowed: a mempool of its own: ports.x uses it",
        ),
        (
            "{x: {device: 'net_af_xdp_lan,iface=i', mempool: few}}",
            "few.n: 2047, allowed: at least",
        ),
        (
            "{x: {device: 'eth_null_a,size=9000', mempool: a}}",
            "allowed: size up to 2048",
        ),
        (
            "{x: {device: 'net_null_a,size=1k', mempool: a}}",
            "allowed: size=<1..4294967294 bytes>, not 'size=1k'",
        ),
        (
            "{x: {device: 'net_af_xdp0,iface=i', mempool: a, nb_rx_desc: 100}}",
            "nb_rx_desc: 100, allowed: a power of two",
        ),
        (
            "{x: {device: 'net_bonding0,member=net_tap0,member=net_tap7', mempool: a}}",
            "'net_tap7', allowed: members of eal.vdevs or eal.allow: net_tap0, net_tap1",
        ),
        ("{x: {device: 'net_bonding0,mode=1', mempool: a}}", "a member at least"),
        ("{x: {device: 'eth_bond_x,mode=1', mempool: a}}", "a member at least"),
        (
            "{t: {device: net_tap2, mempool: a},"
            " x: {device: 'net_bonding0,member=net_tap2', mempool: a}}",
            "'net_tap2', allowed: members that are no ports, as ports.t is",
        ),
        (
            f"{{x: {{device: 'net_vhost0,iface=/tmp/{'x' * 110}', mempool: a}}}}",
            "iface=<a socket's path of 1..107 bytes>, not 'iface=/tmp/xxx",
        ),
    ],
)
def test_faults_that_a_driver_finds_too_late_are_found_in_the_file(ports: str, words: str):
    assert words in rejected(f"{TAPS}{POOLS}ports: {ports}")


def test_members_must_accept_a_mac_address():
    text = "eal: {vdevs: [net_ring0]}\nports: {x: {device: 'net_bonding0,member=net_ring0'}}\n"
    assert "members whose MAC address can be set" in rejected(text + "mempools: {p: {n: 511}}")


def test_virtio_user_comes_last_and_has_its_memory_in_one_file():
    text = POOLS + (
        "ports: {g: {device: 'net_virtio_user0,path=/tmp/none.sock', mempool: a},"
        " h: {device: 'net_vhost0,iface=/tmp/none.sock', mempool: b}}"
    )
    config = loads(text)
    plan = make_plan(config)
    assert plan.options.vdevs == ("net_vhost0,iface=/tmp/none.sock",)
    assert plan.options.single_file_segments
    assert "net_virtio_user0,path=/tmp/none.sock" in needs_of_file(config).vdevs


@pytest.mark.parametrize("name", ["virtio_user0", "net_virtio_user_vm"])
def test_a_warning_about_virtio_user_that_serves(name: str):
    text = POOLS + f"ports: {{g: {{device: '{name},path=/tmp/no.sock,server=1', mempool: a}}}}"
    assert any("cannot be interrupted" in warning for warning in make_plan(loads(text)).warnings)


def test_missing_parts_of_this_host_are_reported_before_the_eal_starts(tmp_path: Path):
    where = tmp_path / "gone/v.sock"
    text = POOLS + f"ports: {{h: {{device: 'net_vhost0,iface={where}', mempool: a}}}}"
    warnings = make_plan(loads(text)).warnings
    assert any("[socket-directory-missing]" in warning for warning in warnings)


@pytest.mark.parametrize(
    ("device", "end"),
    [
        ("net_memif0", Endpoint("net_memif", "/run/memif.sock", False, True)),
        (
            "net_memif1,role=server,socket=/a,socket-abstract=no",
            Endpoint("net_memif", "/a", True),
        ),
        ("net_vhost0,iface=/a", Endpoint("net_vhost", "/a", True)),
        ("eth_vhost0,iface=/a,client=1", Endpoint("net_vhost", "/a", False)),
        ("net_vhost_b,iface=/a", Endpoint("net_vhost", "/a", True)),
        ("virtio_user0,path=/a,queues=2", Endpoint("net_virtio_user", "/a", False)),
        ("virtio_user_vm,path=/a", Endpoint("net_virtio_user", "/a", False)),
        ("net_virtio_user0,path=/a,server=1", Endpoint("net_virtio_user", "/a", True)),
        ("virtio_user0,path=/dev/vhost-net", None),
        ("net_null0,size=64", None),
    ],
)
def test_a_device_names_its_socket(device: str, end: Endpoint | None):
    assert endpoint_of(parse(device)) == end


@pytest.mark.parametrize(
    ("device", "driver", "interfaces"),
    [
        ("eth_af_packet_lan,iface=i", "net_af_packet", ["i"]),
        ("net_af_xdp_lan,iface=i", "net_af_xdp", ["i"]),
        ("eth_pcap0,rx_iface=i,tx_iface=o", "net_pcap", ["i", "o"]),
        ("net_pcap_lan,iface=i", "net_pcap", ["i"]),
        ("net_mine0,iface=i", "net_mine", []),
    ],
)
def test_a_device_is_its_drivers_by_any_name(device: str, driver: str, interfaces: list[str]):
    needs = Needs(vdevs=(device,))
    assert needs.drivers == [driver]
    assert needs.interfaces() == dict.fromkeys(interfaces, driver)


def test_a_socket_is_served_while_a_process_listens(tmp_path: Path):
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        assert not is_served(path)
        server.listen()
        assert is_served(path)
        assert is_served(path, root=tmp_path)  # as from another network namespace: it answers
    assert not is_served(path)
    assert not is_served(str(tmp_path / "none"))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            "eal:\n  vdevs:\n    - net_tap0\n    - net_memif0,role=sever\n",
            "<string>:4: eal.vdevs[1]: 'net_memif0,role=sever', allowed: role=<server|client|",
        ),
        (
            "eal:\n  vdevs:\n    - net_vhost0\n",
            "<string>:3: eal.vdevs[0]: 'net_vhost0', allowed: i",
        ),
        (
            f"{POOLS}ports:\n  a:\n    device: net_memif0,rsize=15\n    mempool: a\n",
            "<string>:4: ports.a.device: 'net_memif0,rsize=15', allowed: rsize=<1..14, log2",
        ),
        (f"{POOLS}ports: {{a: {{device: net_pcap0, mempool: a}}}}", "'net_pcap0', allowed: one of"),
    ],
)
def test_values_of_arguments_are_checked_with_the_line_of_the_entry(text: str, fault: str):
    assert fault in rejected(text)


def test_a_secondary_names_the_device_of_its_primary_alone():
    secondary = "eal: {proc_type: secondary, file_prefix: x}\n"
    loads(f"{secondary}{POOLS}ports: {{a: {{device: net_vhost0, mempool: a}}}}")
