"""`pydpdk doctor` and virtual devices: made bad, found, fixed by the printed command."""

import os
import shutil
import subprocess
from pathlib import Path

import bad_machine
import pytest

needed = ("unshare", "setpriv", "mount", "ip")
pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="makes namespaces: needs root"),
    pytest.mark.skipif(not all(map(shutil.which, needed)), reason=f"needs {', '.join(needed)}"),
    pytest.mark.skipif(
        subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode != 0,
        reason="no mount namespace can be made here",
    ),
]


def file_of(device: str) -> str:
    return f"mempools: {{p: {{n: 8191}}}}\nports: {{a: {{device: '{device}'}}}}\n"


LISTEN = '"$PYTHON" -c "import socket,sys;s=socket.socket(1);s.bind(sys.argv[1]);{}" $T/s'


def made(code: str, setup: str, device: str, **more) -> bad_machine.Machine:
    """As `make`; @ in a device is the directory of the bad machine, known only there."""
    setup = f'sed -i "s,@,$T," "$FILE"; {setup}'
    return bad_machine.make(code, setup, file_of(device), **more)


@pytest.mark.parametrize(
    ("code", "setup", "device"),
    [
        ("socket-left", LISTEN.format(""), "net_vhost0,iface=@/s"),
        (
            "socket-directory-missing",
            ":",
            "net_memif0,role=server,socket-abstract=no,socket=@/gone/s",
        ),
    ],
)
def test_the_printed_command_fixes_it(code: str, setup: str, device: str):
    machine = made(code, setup, device)
    assert code in machine.found, machine
    assert code not in machine.left, machine


@pytest.mark.parametrize(
    ("code", "setup", "device"),
    [
        (
            "socket-in-use",
            LISTEN.format("s.listen();open(sys.argv[1] + '.up', 'w');import signal;signal.pause()")
            + " & until test -e $T/s.up; do sleep 0.01; done",
            "net_vhost0,iface=@/s",
        ),
        ("peer-missing", ":", "net_virtio_user0,path=@/s"),
        ("vhost-net-missing", ":", "net_virtio_user0,path=/dev/no-vhost-net"),
        ("tun-missing", "mount -t tmpfs tmpfs /dev/net", "net_tap0"),
    ],
)
def test_the_fault_is_found(code: str, setup: str, device: str):
    if code == "tun-missing" and not Path("/dev/net").is_dir():
        setup = ":"
    machine = made(code, setup, device, run=False, teardown="kill %1 2>/dev/null || true")
    assert code in machine.found, machine


def test_a_leftover_xdp_program():
    """A program without a name, two instructions long: return XDP_PASS."""
    load = (
        "import ctypes,socket,struct;"
        "code=struct.pack('=BBhiBBhi',0xb7,0,0,2,0x95,0,0,0);text=ctypes.create_string_buffer(code);"
        "name=ctypes.create_string_buffer(b'GPL');"
        "attr=struct.pack('=IIQQIIQII',6,2,ctypes.addressof(text),ctypes.addressof(name),0,0,0,0,0);"
        "attr=ctypes.create_string_buffer(attr.ljust(128,bytes(1)),128);"
        "fd=ctypes.CDLL(None).syscall(321,5,attr,128);assert fd>=0;"
        "xdp=struct.pack('=HHi',8,1,fd);nest=struct.pack('=HH',4+len(xdp),43|0x8000)+xdp;"
        "body=struct.pack('=BxHiII',0,0,socket.if_nametoindex('bad0'),0,0)+nest;"
        "s=socket.socket(socket.AF_NETLINK,socket.SOCK_RAW,0);"
        "s.send(struct.pack('=IHHII',16+len(body),19,5,1,0)+body);"
        "assert struct.unpack_from('=i',s.recv(999),16)[0]==0"
    )
    setup = "ip link add bad0 type veth peer name bad1; ip link set bad0 up; ip link set bad1 up; "
    if os.uname().machine != "x86_64":
        pytest.skip(f"the number of bpf() is x86_64's, this is {os.uname().machine}")
    machine = bad_machine.make(
        "interface-xdp", f'{setup} "$PYTHON" -c "{load}"',
        file_of("net_af_xdp0,iface=bad0"), net=True,
    )  # fmt: skip
    assert machine.command == "ip link set dev bad0 xdp off"
    assert "interface-xdp" in machine.found, machine
    assert "interface-xdp" not in machine.left, machine
