"""Device strings: one parser of names, arguments and PCI addresses."""

import pytest

from pydpdk.host.devargs import Device, parse, pci_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("0000:01:00.0", "0000:01:00.0"),
        ("01:00.0", "0000:01:00.0"),
        ("1:0.0", "0000:01:00.0"),
        ("10000:E1:1f.7", "10000:e1:1f.7"),
        ("0000:01:20.0", None),  # a bus has 32 slots
        ("0000:01:00.8", None),
        ("0000:01:00", None),
        ("0000:01:00.0 ", None),
        ("000000000:01:00.0", None),
        ("\u0660\u0660:01:00.0", None),
        ("net_null0", None),
    ],
)
def test_a_pci_address_is_written_in_full(text: str, address: str | None):
    assert pci_address(text) == address
    assert parse(f"{text},a=b").address == address


def test_a_device_in_its_parts():
    device = parse("net_tap_x,iface=a,mac=fixed,iface=b,remote")
    assert (device.name, device.tail) == ("net_tap_x", "iface=a,mac=fixed,iface=b,remote")
    assert device.arguments == (("iface", "a"), ("mac", "fixed"), ("iface", "b"), ("remote", ""))
    assert device.values("iface", "mac") == ["a", "fixed", "b"]
    assert (device.value("iface"), device.value("none", "x")) == ("b", "x")
    assert (device.bus, device.address, device.driver) == ("vdev", None, "net_tap")
    assert parse("1:0.0,x=1") == Device("1:0.0,x=1", "0000:01:00.0", "x=1", "0000:01:00.0")
    assert (parse("1:0.0").bus, parse("1:0.0").driver) == ("pci", None)


@pytest.mark.parametrize(
    ("text", "driver"),
    [
        ("net_null0", "net_null"),
        ("net_null_first,size=64", "net_null"),
        ("eth_pcap3", "net_pcap"),
        ("virtio_user0", "net_virtio_user"),
        ("crypto_null12", "crypto_null"),
    ],
)
def test_the_driver_is_dpdks_by_its_name(text: str, driver: str):
    assert parse(text).driver == driver


@pytest.mark.parametrize(
    "text",
    ["", ",size=64", "7null", "net null", "n" * 63, "net_null\0x", "net_null0,",
     "net_null0,,copy=1", "net_null0,\x07", "0000:01:00", "net_null0,size=" + "1" * 1024],
)  # fmt: skip
def test_texts_that_are_no_device(text: str):
    assert not parse(text).is_well_formed


@pytest.mark.parametrize("text", ["n" * 62, "net_null0,size=64", "01:00.0", "01:00.0,mode=x,y"])
def test_texts_that_are_devices(text: str):
    assert parse(text).is_well_formed


@pytest.mark.parametrize(
    ("arguments", "size"),
    [
        ("", 64),
        (",size=1500", 1500),
        (",size=0x40", 64),
        (",size=0X100", 256),
        (",size=0400", 256),  # octal
        (",size=60,size=2000", 2000),
        (",size=-1", (1 << 64) - 1),
        (",size=many", 64),
    ],
)
def test_the_size_of_net_null_as_the_driver_reads_it(arguments: str, size: int):
    assert parse("net_null0" + arguments).null_bytes == size
    assert parse("eth_null_x" + arguments).null_bytes == size
    assert parse("net_ring0" + arguments).null_bytes is None


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("net_null0,size=64,copy=1", ""),
        ("net_null0,size=many", "size=<1..4294967294 bytes>"),
        ("net_ring0,internal=5", "'internal' is none"),  # an address that the driver would read
        ("eth_null0,size=", "size=<1..4294967294 bytes>"),
        ("net_null0,sise=64", "did you mean size?"),
        ("net_memif0,socket=/a=b", "no '=' or ',' in a value"),
        ("net_af_packet0,iface=a,b", "no path can have a ','"),
        ("crypto_null0,anything=1", ""),
    ],
)
def test_faults_in_arguments(text: str, fault: str):
    faults = parse(text).argument_faults()
    assert fault in faults[0] if fault else faults == []


def test_the_port_of_a_node_action_has_its_own_name():
    assert parse("net_ring0,nodeaction=R:0:CREATE").port_name == "R"
    assert parse("net_ring0,nodeaction=R").port_name == "net_ring0"
    assert parse("1:0.0").port_name == "0000:01:00.0"
