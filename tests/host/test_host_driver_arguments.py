"""Values of device arguments: what the drivers of DPDK 22.11 to 25.11 accept."""

import pytest

from pydpdk.host.devargs import parse
from pydpdk.host.driver_arguments import ARGUMENTS, faults

VALID = [
    *("net_null0", "net_null0,size=1", "net_null0,size=0x40,copy=1", "eth_null0,no-rx=1,copy=0"),
    *("net_ring0", "net_ring0,nodeaction=R:0:CREATE", "net_ring0,nodeaction=R:-1:ATTACH"),
    *("net_pcap0,rx_pcap=in.pcap,infinite_rx=1", "net_pcap0,tx_pcap=o", "net_pcap0,iface=any"),
    "net_pcap0,rx_iface=a,tx_iface=b,phy_mac=1",
    "net_af_packet0,iface=eth0.100,qpairs=16,blocksz=4096,framesz=2048,framecnt=512",
    *(f"net_af_packet0,iface=a,fanout_mode={mode}" for mode in ("hash", "lb", "cpu", "rnd", "qm")),
    "net_af_xdp0,iface=a,start_queue=0,queue_count=2,busy_budget=0,mode=drv",
    *("net_tap0", "net_tap0,iface=tap0,mac=fixed,persist", "net_tap0,iface", "net_tap0,mac=Fixed"),
    *("net_tap0,mac=02:00:00:00:00:01,remote=eth0", "net_tun0,iface=tun%d"),
    "net_memif0,role=server,id=4294967295,bsize=65535,rsize=14,mac=0211.2233.4455",
    "net_memif0,role=slave,socket=/tmp/s,socket-abstract=no,owner-uid=0,owner-gid=100",
    f"net_memif0,zero-copy=yes,secret={'x' * 24}",
    "net_vhost0,iface=/tmp/s,queues=0x10,client=1,iommu-support=0,tso=1,linear-buffer=1",
    "net_virtio_user0,path=/tmp/s,queues=2,queue_size=1024,server=1,mac=2-0-0-0-0-1",
    "virtio_user0,path=/dev/vhost-net,iface=tap0,packed_vq=1,queue_size=100,speed=25000",
    "net_bonding0,member=net_tap0,mode=6,xmit_policy=l34,agg_mode=stable,socket_id=-1",
    *("crypto_null0,any=thing", "0000:01:00.0,any=thing"),
]


@pytest.mark.parametrize("text", VALID)
def test_what_a_driver_accepts_is_no_fault(text: str):
    assert parse(text).argument_faults() == []


INVALID = [
    ("net_null0,size=0", "size=<1..4294967294 bytes>, not 'size=0'"),
    ("net_null0,size=08", "not 'size=08'"),  # octal
    ("net_null0,size=4294967295", "not 'size=4294967295'"),
    (f"net_null0,size={'9' * 300}", "size=<1..4294967294 bytes>"),
    ("net_null0,copy=yes", "copy=<0|1>, not 'copy=yes'"),
    ("net_null0,no-rx", "no-rx=<0|1>, not 'no-rx without a value'"),
    ("net_null0,no-rx=1,copy=1", "net_null does not take both"),
    ("net_ring0,nodeaction=R:0:DESTROY", "name:node:ATTACH or name:node:CREATE"),
    (f"net_ring0,nodeaction={'R' * 18}:0:CREATE", "a name of up to 17 characters"),
    ("net_ring_of_a_long_name", "up to 17 characters"),
    ("net_pcap0,rx_pcap=", "rx_pcap=<a file's path>, not 'rx_pcap='"),
    ("net_pcap0,rx_pcap=a,infinite_rx=yes", "infinite_rx=<0|1>"),
    ("net_af_packet0,iface=an_interface_too_long", "iface=<an interface's name of 1..15 bytes"),
    ("net_af_packet0,iface=a,qpairs=0", "qpairs=<1..1024>, not 'qpairs=0'"),
    ("net_af_packet0,iface=a,qpairs=0x2", "qpairs=<1..1024>"),  # atoi
    ("net_af_packet0,iface=a,blocksz=4K", "blocksz=<1..2147483647>"),
    ("net_af_packet0,iface=a,qdisc_bypass=2", "qdisc_bypass=<0|1>"),
    ("net_af_packet0,iface=a,fanout_mode=hesh", "did you mean hash?"),
    ("net_af_xdp0,iface=a,mode=native", "mode=<skb|drv>"),
    ("net_tap0,iface=a/b", "no space, '/' or ':'"),
    ("net_tap0,iface=", "iface=<an interface's name"),
    ("net_tap0,mac=02:00", "fixed, or a MAC address such as 02:00:00:00:00:01"),
    ("net_memif0,role=sever", "role=<server|client|master|slave>, not 'role=sever'; did you mean"),
    ("net_memif0,rsize=15", "rsize=<1..14, log2 of the slots>"),
    ("net_memif0,bsize=65536", "bsize=<1..65535 bytes>"),
    ("net_memif0,id=one", "id=<0..4294967295>"),
    ("net_memif0,mac=02:00:00:00:00:gg", "a MAC address"),
    ("net_memif0,mac=02:00:00-00:00:01", "a MAC address"),
    (f"net_memif0,secret={'x' * 25}", "secret=<1..24 bytes>"),
    ("net_memif0,zero-copy=1", "zero-copy=<yes|no>"),
    ("net_memif0,socket-abstract=true", "socket-abstract=<yes|no>"),
    ("net_memif0,owner-uid=root", "owner-uid=<0..4294967294>"),
    (f"net_memif0,socket={'ö' * 54}", "a socket's path of 1..107 bytes"),
    ("net_vhost0,iface=/s,queues=2000", "queues=<1..1024>"),
    ("net_vhost0,iface=/s,client=no", "client=<0|1>"),
    ("net_virtio_user0,path=/s,queue_size=100", "a power of two as queue_size, or packed_vq=1"),
    ("net_virtio_user0,path=/s,speed=1000", "speed=<10000|20000|"),
    ("net_bonding0,mode=7", "mode=<0|1|2|3|4|5|6>"),
    ("net_bonding0,mode=1,agg_mode=stabel", "did you mean stable?"),
]


@pytest.mark.parametrize(("text", "fault"), INVALID)
def test_what_a_driver_rejects_or_misreads_is_a_fault(text: str, fault: str):
    [found] = parse(text).argument_faults()
    assert fault in found


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("net_pcap0", "one of rx_pcap, tx_pcap, rx_iface, rx_iface_in, tx_iface or one iface"),
        ("net_pcap0,infinite_rx=1", "net_pcap needs a file or an interface"),
        ("net_pcap0,iface=a,iface=b", "one iface"),
        ("net_af_packet0", "once: net_af_packet needs it"),
        ("net_af_packet0,iface=a,iface=b", "iface=<an interface's name"),
        ("net_af_xdp0", "once: net_af_xdp needs it"),
        ("net_vhost0,queues=1", "iface=<a socket's path of 1..107 bytes> once: net_vhost needs it"),
        ("net_virtio_user0,queues=1", "path=<a socket's path of 1..107 bytes> once"),
    ],
)
def test_an_argument_that_a_driver_needs(text: str, fault: str):
    device = parse(text)
    [found] = device.argument_faults()
    assert fault in found
    assert device.argument_faults(attached=True) == []  # the primary's


def test_every_key_has_a_rule_in_words():
    for driver, rules in ARGUMENTS.items():
        for key, rule in rules.items():
            assert rule.words
            assert list(faults(driver, "x", f"{key}=a=b"))
