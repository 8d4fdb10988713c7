"""Messages while processes die, stop, or send too much or invalid data."""

from __future__ import annotations

import os
import signal
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from children import Children
from peers import AskedError, Programs

from pydpdk import version
from pydpdk.host import runtime

pytestmark = pytest.mark.hugepages


@pytest.fixture
def fresh() -> Iterator[Programs]:
    """Start a primary without secondaries."""
    made = Programs()
    yield made
    made.close()


def test_a_request_of_a_primary_alone_gets_no_answer(fresh: Programs):
    assert fresh.primary.run("messages.send('note'); answers(messages.request('echo'))") == ([], ())


def test_a_peer_that_dies_during_a_request_is_missed_at_once(fresh: Programs):
    victim, other = fresh.add(), fresh.add()
    """Not after the timeout, which is longer than this test waits."""
    fresh.primary.begin("answers(messages.request('held', b'x', timeout=1000))")
    for peer in (victim, other):
        peer.run("assert entered.acquire(timeout=60)")
    victim.kill()
    other.run("release.release()")
    assert fresh.primary.result() == ([(other.pid, b"x")], (victim.pid,))
    assert fresh.primary.run("answers(messages.request('echo'))") == ([(other.pid, b"")], ())


def test_a_dead_peer_whose_recovery_goes_on_is_no_peer(fresh: Programs):
    """The primary listens on its socket for a moment, for DPDK's requests; here for longer."""
    victim, other = fresh.add(), fresh.add()
    fresh.primary.run(
        "from pydpdk import eal\n"
        "from pydpdk._core import lifetime\n"
        "locked = lifetime.lock()\n"
        "locked.__enter__()\n"
        "None"
    )
    victim.kill()
    fresh.primary.run("until(lambda: eal.current()._peers.answered_for) and None")
    fresh.primary.run(
        "import socket\n"
        "listens = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
        f"listens.bind(str(eal.current().runtime_dir / 'mp_socket_{victim.pid}_0'))"
    )
    assert fresh.primary.run("answers(messages.request('echo'))") == ([(other.pid, b"")], ())
    fresh.primary.run("locked.__exit__(None, None, None)")


def test_a_request_to_a_dead_primary_ends_at_once(fresh: Programs):
    secondary = fresh.add()
    secondary.begin("answers(messages.request('held', b'', timeout=1000))")
    fresh.primary.run("assert entered.acquire(timeout=60)")
    fresh.primary.kill()
    assert secondary.result() == ([], (None,))
    for call in ("send", "request", "request_sync"):
        with pytest.raises(AskedError, match="connect: the primary process is gone: ECONNREFUSED"):
            secondary.run(f"messages.{call}('echo')")
    secondary.close()
    runtime.clean_up(fresh.prefix)


def test_send_raises_for_a_stopped_peer_and_the_others_go_on(fresh: Programs):
    still, other = fresh.add(), fresh.add()
    still.stop()
    try:
        code = "answers(messages.request('echo', b'', timeout=2))"
        assert fresh.primary.run(code) == ([(other.pid, b"")], (still.pid,))
        rejection = f"BusyError: .*rte_mp_sendmsg: process {still.pid} does not read its messages"
        with pytest.raises(AskedError, match=rejection):
            fresh.primary.run("for i in range(1000): messages.send('note', timeout=0.2)")
        assert other.run("answers(messages.request('echo', b'x'))") == ([(0, b"x")], ())
    finally:
        still.signal(signal.SIGCONT)
    still.run("until(lambda: len(notes) > 5)")


@pytest.mark.parametrize(("fds", "kept"), [("", 1024), ("fds=[0] * 8", 32)])
def test_a_queue_that_is_full_drops_counts_and_leaks_nothing(fresh: Programs, fds: str, kept: int):
    secondary = fresh.add()
    fresh.settle(secondary)
    fresh.primary.run("""
before = fds()
inside, gate = threading.Event(), threading.Event()
count = []
stuck = messages.handle("stuck", lambda m: (inside.set(), gate.wait(), count.append(len(m.fds))))
""")
    secondary.run("messages.send('stuck')")
    fresh.primary.run("assert inside.wait(60)")
    secondary.run(f"for i in range(2000): messages.send('stuck', {fds})")
    fresh.primary.run(f"until(lambda: messages.lost() == {2000 - kept})")
    fresh.primary.run(f"gate.set(); until(lambda: len(count) == {kept + 1}); stuck.close()")
    fresh.primary.run("until(lambda: fds() == before)")
    assert fresh.primary.run("messages.lost()") == 2000 - kept
    assert secondary.run("answers(messages.request('echo'))") == ([(0, b"")], ())
    said = fresh.close()[-1]
    assert f"{2000 - kept} messages were dropped" in said


def test_the_eal_closes_while_messages_wait_and_a_handler_runs(fresh: Programs):
    secondary = fresh.add()
    secondary.run("for i in range(50): messages.send('slow', b'0.2')")
    fresh.all.remove(fresh.primary)
    fresh.all.append(fresh.primary)
    secondary.close()
    fresh.primary.close()


def test_a_c_program_requests_and_answers(fresh: Programs, children: Children, compile_c):
    program = compile_c(Path(__file__).with_name("shout.c"))
    lcore = f"7@{max(os.sched_getaffinity(0))}"
    asker = children.start(
        [program, "--lcores", lcore, "--proc-type", "secondary", "--file-prefix", fresh.prefix,
         "--no-pci"],
    )  # fmt: skip
    asker.until_ready()
    asker.write("from C")
    assert asker.line() == "1 of 1: from C"
    code = "answers(messages.request_sync('shout', b'to c'))"
    assert fresh.primary.run(code) == ([(0, b"TO C")], ())
    assert fresh.primary.run("answers(messages.request('shout'))") == ([], (asker.pid,))
    assert asker.finish().returncode == 0


@pytest.mark.parametrize("fds", ["[0] * 3", "[]", "[made[0].fileno()]"])
def test_an_invalid_request_is_ignored(fresh: Programs, fds: str):
    """As from a program that knows our names, but not the format behind them."""
    secondary = fresh.add()
    fresh.settle(secondary)
    fresh.primary.run("before = fds()")
    secondary.run(f"""
import socket
from pydpdk.process.messages import wire
made = socket.socketpair()
made[0].shutdown(socket.SHUT_RDWR)
for name in (b"echo", b"boom", b""):
    msg = wire.fill(b"pydpdk?" + name, b"", {fds})
    assert wire.lib.rte_mp_sendmsg(msg) == 0
""")
    assert secondary.run("answers(messages.request('echo', b'x'))") == ([(0, b"x")], ())
    fresh.primary.run("until(lambda: fds() == before)")


def test_the_eal_closes_while_threads_send_and_ask(fresh: Programs):
    fresh.add()
    fresh.primary.run("""
calls = threading.Semaphore(0)
def again(call):
    try:
        while True:
            call("echo", b"x", timeout=0.2)
            calls.release()
    except (pydpdk.DpdkError, pydpdk.ClosedError):
        pass
for call in (messages.send, messages.request, messages.request_sync) * 2:
    threading.Thread(target=again, args=(call,), daemon=True).start()
for _ in range(30):
    assert calls.acquire(timeout=60)
""")
    fresh.close()


def test_a_program_may_end_without_closing_its_handlers(run_script):
    done = run_script("""
        from pydpdk import messages
        init()
        messages.on("x")(print)
    """)
    assert (done.returncode, done.stderr) == (0, "")


def datagram(kind=0, name=b"pydpdk:echo", len_param=0, num_fds=0) -> bytes:
    """Return a message as DPDK 22.11 to 24.11 sends it; from 25.11 on its type takes 8 bytes."""
    pad = bytes(4) if version.RUNNING >= "25.11" else b""
    return struct.pack("=i", kind) + pad + struct.pack("=64sii256s", name, len_param, num_fds, b"")


MALFORMED = [
    b"x",
    datagram()[:-1],
    datagram() + bytes(64),
    datagram(num_fds=-1),
    datagram(num_fds=9),
    datagram(num_fds=1 << 24),
    datagram(len_param=-1),
    datagram(len_param=257),
    datagram(len_param=1 << 16),
]


def test_datagrams_that_are_no_messages_leave_dpdks_thread_alive(fresh: Programs):
    other = fresh.add()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as raw:
        for data in MALFORMED:
            raw.sendto(data, str(runtime.runtime_dir(fresh.prefix) / "mp_socket"))
    assert other.run("answers(messages.request('echo', b'here'))") == ([(0, b"here")], ())


@pytest.mark.parametrize("name", [b"pydpdk:echo", b"pydpdk?echo"])
@pytest.mark.parametrize(("said", "sent"), [(8, 0), (8, 1), (2, 1), (1, 1)])
def test_descriptors_that_were_not_received_are_not_closed(
    fresh: Programs, name: bytes, said: int, sent: int
):
    other = fresh.add()
    assert other.run("answers(messages.request('echo', b'1'))") == ([(0, b"1")], ())
    fresh.settle(other)
    fresh.primary.run("before = open_files()")
    read, write = os.pipe()
    path = str(runtime.runtime_dir(fresh.prefix) / "mp_socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as raw:
        raw.connect(path)
        for _ in range(5):
            socket.send_fds(raw, [datagram(name=name, num_fds=said)], [write] * sent)
    assert other.run("answers(messages.request('echo', b'2'))") == ([(0, b"2")], ())
    fresh.primary.run("until(lambda: open_files() == before)")
    os.close(write)
    assert os.read(read, 1) == b""  # the other end is closed everywhere
    os.close(read)
