"""memif, vhost and virtio_user: two processes, both directions, started in either order."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from children import Child, Children
from waiting import until

from pydpdk.app.peers import when_served
from pydpdk.config.packet import UdpPacket
from pydpdk.errors import DpdkError
from pydpdk.host.sockets import Endpoint

# both ends of one wire, in the code of the fixture `run_script`
PEER = """
eal = init(single_file_segments=HUGEPAGES)
pool = Mempool.create("p", 4095, cache_size=0)
burst = Burst(32)
wait_until = time.monotonic() + 50

def up(devargs):
    port = Port.lookup(eal.add_device(devargs))
    port.configure(mempool=pool)
    port.start()
    return port

def linked(*ports):
    until(lambda: all(port.link().up for port in ports))

def packet(i):
    return bytes.fromhex("0200000000020200000000010800") + bytes([i]) * (46 + i * 29 % 1400)

PACKETS = [packet(i) for i in range(100)]

def send(port, packets):
    for one in packets:
        burst.alloc(pool, 1)
        burst.fill(one)
        while burst:
            port.tx_queues[0].tx(burst)
            assert time.monotonic() < wait_until, "not sent"

def receive(port, count):
    found = []
    while len(found) < count and time.monotonic() < wait_until:
        port.rx_queues[0].rx(burst)
        found += [burst.bytes(i) for i in range(len(burst))]
        burst.free()
    return found

def outlive(pid):
    # first: a memif that loses its peer is unmapped under the call that uses it
    os.kill(pid, signal.SIGTERM)
    until(lambda: open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[0] == "Z")

def end(*ports):
    for port in ports:
        port.close()
    assert pool.in_use_count == 0, pool
    burst.close()
    pool.close()
    eal.close()
    print("well")
"""
BACK = "[packet[6:12] + packet[:6] + packet[12:] for packet in {}]"

PAIRS = {
    "memif": ("net_memif0,role=server,id=0", "net_memif1,role=client,id=0"),
    "vhost": ("net_vhost0,", "net_virtio_user0,queue_size=256,mac=02:00:00:00:00:01"),
}
KEYS = {"memif": ("socket-abstract=no,socket=",) * 2, "vhost": ("iface=", "path=")}


def ends(kind: str, sock: str) -> list[str]:
    """In the working directory, and short: `add_device` of DPDK 25.11 accepts 127 characters."""
    pairs = zip(PAIRS[kind], KEYS[kind], strict=True)
    return [f"{device.rstrip(',')},{key}/proc/self/cwd/{sock}" for device, key in pairs]


@pytest.fixture
def run_file(command, children: Children, tmp_path):
    """Start `pydpdk run` of a file with a socket of the test."""

    def start(file: str, *options: str) -> Child:
        argv = command(file, *options)
        path = tmp_path / file
        path.write_text(path.read_text().replace("/tmp/pydpdk-", f"{tmp_path}/"))
        return children.start(argv)

    return start


def finish(run: Child) -> str:
    done = run.finish()
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("kind", PAIRS)
def test_both_ends_in_one_process(run_script, kind: str):
    done = run_script(
        PEER + "a, b = map(up, sys.argv[1:])\nlinked(a, b)\n"
        # memif: the server sends nothing before the first poll of the client
        "b.rx_queues[0].rx(burst)\n"
        "for one, other in ((b, a), (a, b)):\n"
        "    for i in range(0, 100, 20):\n"  # as many as the queues hold at once
        "        send(one, PACKETS[i : i + 20])\n"
        "        assert receive(other, 20) == PACKETS[i : i + 20]\n"
        "end(b, a)",
        *ends(kind, "s"),
    )
    assert done.stdout == "well\n", done.stderr


@pytest.mark.parametrize("removal", ["", "eal.remove_device('net_memif0')\n"])
def test_a_client_of_memif_after_the_end_crashes_nothing(run_script, removal: str):
    """The driver goes on to listen: docs/upstream/memif_listener.md."""
    done = run_script(
        PEER + "import pathlib, socket\n"
        "name = f'pydpdk-{os.getpid()}'\n"
        "eal.add_device(f'net_memif0,role=server,socket={name}')\n" + removal + "end()\n"
        "tasks = pathlib.Path('/proc/self/task').iterdir()\n"
        "def name_of(task):\n"
        "    try:\n"
        "        return (task / 'comm').read_text()\n"
        "    except (FileNotFoundError, ProcessLookupError):\n"  # the thread has ended
        "        return ''\n"
        "(thread,) = [task for task in tasks if '-intr' in name_of(task)]\n"
        "before = (thread / 'schedstat').read_text()\n"
        "client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)\n"
        "client.connect('\\0' + name)\n"
        "until(lambda: (thread / 'schedstat').read_text() != before)\n"
        "print('the thread has run')\n"
    )
    assert (done.returncode, done.stdout) == (0, "well\nthe thread has run\n"), done.stderr


SERVES = """
eal = init()
pool = Mempool.create("p", 511, cache_size=0)
device = "net_memif0,role=server,socket-abstract=no,socket=" + sys.argv[1]
port = Port.lookup(eal.add_device(device))
port.configure(mempool=pool)
wait()
port.start()
until(lambda: port.link().up)
wait()
port.close()
pool.close()
eal.close()
"""
CONNECTS = """
import json, pathlib
device = "net_memif0,role=client,socket-abstract=no,socket=" + sys.argv[1]
file = pathlib.Path(sys.argv[1] + ".yaml")
file.write_text(json.dumps({
    "eal": {"hugepages": HUGEPAGES, "file_prefix": PREFIX}, "mempools": {"p": {"n": 511}},
    "ports": {"link": {"device": device}},
}))
with pydpdk.open(file) as app:
    assert not app.wait_links(0.1)["link"]
    say("refused")
    print(app.wait_links(60))
    wait()
"""


def test_a_client_of_memif_connects_again(children: Children, tmp_path: Path):
    """A server whose port is not started refuses it; the driver does not try again."""
    prefix, path = f"test-{tmp_path.name}", tmp_path / "s"
    server = children.script(SERVES, path, prefix=f"{prefix}-server")
    server.until_ready()
    client = children.script(CONNECTS, path, prefix=f"{prefix}-client")
    client.lines_until("refused")
    server.write()
    assert client.until_ready()[-1] == "{'link': True}"
    server.until_ready()
    client.end()
    server.end()


RECONNECT = """
from pydpdk._dpdk import lib
from waiting import open_files

def sockets():
    return {fd for fd, path in open_files() if path.startswith("socket:")}

def interrupts_pass():
    for _ in range(3):  # the thread builds its list, waits for all descriptors, and calls all
        assert lib.pyd_alarms_pass(1, 30000) == 0

path = "/proc/self/cwd/s"
switch = up(f"net_vhost0,iface={path},client=1")
ours = up(f"net_virtio_user0,path={path},server=1,queue_size=256,mac=02:00:00:00:00:01")
linked(switch, ours)
switch.close()
eal.remove_device("net_vhost0")
until(lambda: not ours.link().up)
again = up(f"net_vhost1,iface={path},client=1") if sys.argv[1] == "True" else None
if again:
    linked(again, ours)
"""


@pytest.mark.parametrize("back", [True, False])
def test_the_interrupt_thread_calls_no_closed_port(run_script, back: bool):
    """virtio_user omits rte_intr_callback_unregister: docs/upstream/virtio_user_interrupt.md."""
    done = run_script(
        PEER + RECONNECT + "import socket\n"
        "readable, other = socket.socketpair()\n"
        "other.send(b'x')\n"
        "interrupts_pass()\n"
        "before = sockets()\n"
        "ours.close()\n"
        "interrupts_pass()\n"
        "numbers = before - sockets()\n"
        "assert numbers\n"
        "for number in numbers:\n"  # another file has the number now, and an event
        "    os.dup2(readable.fileno(), number)\n"
        "eal.add_device(f'net_memif0,role=server,socket=pydpdk-{os.getpid()}')\n"
        "interrupts_pass()\n"  # over a list with one more
        "readable.close()\n"
        "other.close()\n"
        "end(*filter(None, [again]))",
        back,
    )
    assert (done.returncode, done.stdout) == (0, "well\n"), done.stderr


@pytest.mark.parametrize(
    ("kind", "file", "sock"),
    [("memif", "memif_server.yaml", "memif.sock"), ("vhost", "vhost.yaml", "vhost.sock")],
)
def test_the_file_that_serves_sends_back(run_file, run_script, tmp_path, kind, file, sock):
    run = run_file(file)
    until((tmp_path / sock).exists, what=lambda: run.errors)
    done = run_script(
        PEER + "port = up(sys.argv[1])\nlinked(port)\n"
        "port.rx_queues[0].rx(burst)\n"  # memif: until then the server has no space to send into
        "for i in range(0, 100, 20):\n"
        "    send(port, PACKETS[i : i + 20])\n"
        "    assert receive(port, 20) == " + BACK.format("PACKETS[i : i + 20]") + "\n"
        "outlive(int(sys.argv[2]))\nend(port)",
        ends(kind, sock)[1],
        run.pid,
    )
    assert done.stdout == "well\n", done.stderr
    assert "mempool packets: 0 of 8,191 mbufs in use" in finish(run)


@pytest.mark.parametrize(
    ("kind", "file", "sock"),
    [("memif", "memif_client.yaml", "memif.sock"), ("vhost", "virtio_user.yaml", "vhost.sock")],
)
def test_the_file_that_connects_waits_for_the_server(
    run_file, run_script, tmp_path, kind, file, sock
):
    run = run_file(file)
    until(lambda: "waiting up to 10 s" in run.errors, what=lambda: run.errors)
    assert str(tmp_path / sock) in run.errors
    done = run_script(
        PEER + "port = up(sys.argv[1])\nlinked(port)\n"
        "assert set(receive(port, 500)) == {bytes.fromhex(sys.argv[2])}\n"
        "outlive(int(sys.argv[3]))\nend(port)",
        ends(kind, sock)[0],
        UdpPacket().to_bytes().hex(),
        run.pid,
    )
    if done.stdout != "well\n":
        run.kill()
        pytest.fail(f"{done.stderr}\n{run.errors}")
    finish(run)


def test_a_server_without_a_client_says_so(run_file):
    run = run_file("memif_server.yaml", "--duration", "0.2")
    done = run.finish()
    assert done.returncode == 0
    assert "ports.link: no link after 2 s: the other side is not there yet" in done.stderr


def test_waiting_ends_with_what_to_do(tmp_path: Path):
    end = Endpoint("net_memif", str(tmp_path / "none"), serves=False)
    start = time.monotonic()
    with pytest.raises(DpdkError, match=r"a\.yaml: no program served .*/none for 0\.3 s: start it"):
        when_served("a.yaml", end, lambda: pytest.fail("nothing to connect to"), 0.3)
    assert time.monotonic() - start >= 0.3


def test_the_log_of_the_driver_is_kept_at_the_end(run_script, tmp_path: Path):
    """A socket file without a process behind it: connects of the memif client fail repeatedly."""
    (tmp_path / "dead").touch()
    done = run_script(
        PEER
        + """
from pydpdk.app.peers import when_served
from pydpdk.errors import DpdkError
from pydpdk.host.devargs import parse
from pydpdk.host.sockets import endpoint_of
port = Port.lookup(eal.add_device(sys.argv[1]))
port.configure(mempool=pool)
try:
    when_served("a.yaml", endpoint_of(parse(sys.argv[1])), port.start, 0.3)
except DpdkError as error:
    assert "rte_eth_dev_start" in str(error) and "Failed to connect socket" in str(error)
    end(port)
""",
        ends("memif", "dead")[1],
    )
    assert done.stdout == "well\n", done.stderr
