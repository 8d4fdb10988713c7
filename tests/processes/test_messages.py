"""Messages between real processes: a primary and two secondaries, each with its own EAL."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from peers import AskedError, Peer, Programs

pytestmark = pytest.mark.hugepages


@pytest.fixture(scope="module")
def programs() -> Iterator[Programs]:
    made = Programs()
    made.add()
    made.add()
    yield made
    made.close()


@pytest.fixture
def primary(programs: Programs) -> Peer:
    return programs.all[0]


@pytest.fixture
def first(programs: Programs) -> Peer:
    return programs.all[1]


@pytest.fixture
def pids(programs: Programs) -> list[int]:
    return sorted(peer.pid for peer in programs.all[1:])


def test_a_request_of_the_primary_reaches_all_secondaries(primary: Peer, pids: list[int]):
    replies, missed = primary.run("answers(messages.request('echo', b'abc'))")
    assert replies == [(pid, b"abc") for pid in pids]
    assert missed == ()


def test_a_request_of_a_secondary_reaches_only_the_primary(first: Peer):
    assert first.run("answers(messages.request('echo', b'abc'))") == ([(0, b"abc")], ())


def test_all_256_bytes_pass_in_both_directions(first: Peer):
    code = "data = bytes(range(256)); answers(messages.request('echo', data))[0] == [(0, data)]"
    assert first.run(code) is True


def test_messages_go_from_the_primary_to_all_and_from_a_secondary_to_the_primary(
    programs: Programs, primary: Peer, first: Peer
):
    primary.run("messages.send('note', b'to all')")
    for peer in programs.all[1:]:
        assert peer.run("until(lambda: notes); notes.pop()") == (None, b"to all")
    first.run("messages.send('note', b'to one')")
    assert primary.run("until(lambda: notes); notes.pop()") == (first.pid, b"to one")
    assert programs.all[2].run("notes") == []


def test_messages_keep_their_order(primary: Peer, first: Peer):
    first.run("for i in range(500): messages.send('note', i.to_bytes(2))")
    code = "until(lambda: len(notes) == 500); [int.from_bytes(d) for _, d in notes]"
    assert primary.run(code) == list(range(500))
    primary.run("notes.clear()")


def test_the_requester_gets_the_exception_of_a_handler(primary: Peer, pids: list[int]):
    replies, missed = primary.run("answers(messages.request('boom'))")
    assert replies == [(pid, "KeyError: 'no such flow'") for pid in pids]
    assert missed == ()
    with pytest.raises(AskedError, match=r"HandlerError: in process \d+: KeyError: 'no such flow'"):
        primary.run("messages.request('boom')[0].data")


@pytest.mark.parametrize("name", ["silent", "no_handler"])
def test_a_peer_without_an_answer_is_missed_at_once(primary: Peer, pids: list[int], name: str):
    """Not after the timeout, which is longer than this test waits."""
    answers = primary.run(f"answers(messages.request({name!r}, timeout=1000))")
    assert answers == ([], tuple(pids))


def test_a_late_answer_is_not_that_of_the_next_request(primary: Peer, first: Peer):
    """It comes while the next request waits: one handler runs after the other."""
    assert first.run("answers(messages.request('held', b'1', timeout=0.1))") == ([], (None,))
    primary.run("assert entered.acquire(timeout=60)")
    first.begin("answers(messages.request('echo', b'x', timeout=60))")
    primary.run("release.release()")
    assert first.result() == ([(0, b"x")], ())


def test_answers_in_time_are_kept_if_others_are_late(programs: Programs, primary: Peer):
    late, prompt = programs.all[1], programs.all[2]
    late.run("part = messages.handle('part', lambda m: (release.acquire(), m.reply(b'late')))")
    prompt.run("part = messages.handle('part', lambda m: m.reply(b'prompt'))")
    code = "answers(messages.request('part', timeout=2))"
    assert primary.run(code) == ([(prompt.pid, b"prompt")], (late.pid,))
    late.run("release.release()")
    for peer in (late, prompt):
        peer.run("part.close()")


def test_a_hundred_requests_at_a_time_are_all_answered(programs: Programs, primary: Peer):
    code = """
def ask(i):
    results[i] = answers(messages.request("echo", i.to_bytes(2), timeout=30))
results = {}
threads = [threading.Thread(target=ask, args=(i,)) for i in range(100)]
[t.start() for t in threads]; [t.join() for t in threads]
{(len(r), m, all(d == i.to_bytes(2) for _, d in r)) for i, (r, m) in results.items()}, len(results)
"""
    peers = [(primary, 2), *((peer, 1) for peer in programs.all[1:])]
    for peer, _ in peers:
        peer.begin(code)
    for peer, n in peers:
        assert peer.result() == ({(n, (), True)}, 100)


def test_a_handler_may_ask_while_it_answers(programs: Programs, primary: Peer):
    primary.run("""
def chain(message: messages.MpMessage):
    message.reply(b"+".join(r.data for r in messages.request("echo", message.data)))
chain = messages.handle("chain", chain)""")
    assert programs.all[2].run("messages.request('chain', b'a')[0].data") == b"a+a"
    primary.run("chain.close()")


def test_dpdks_own_requests_pass_while_a_handler_waits(
    programs: Programs, primary: Peer, first: Peer
):
    """The heap of a secondary grows by a request to the primary's message thread."""
    first.begin("answers(messages.request('held', b'', timeout=60))")
    primary.run("assert entered.acquire(timeout=60)")
    programs.all[2].run("pydpdk.Memzone.reserve('grown', 5 << 20).close()")
    primary.run("release.release()")
    assert first.result() == ([(0, b"")], ())


def test_a_memfd_passed_along_is_the_same_memory(programs: Programs, primary: Peer, first: Peer):
    primary.run("""
import mmap
def share(message: messages.MpMessage):
    fd, = message.fds.take()
    shared = mmap.mmap(fd, 4096)
    assert not os.get_inheritable(fd)
    os.close(fd)
    shared[:5] = b"hello"
    back = os.memfd_create("back"); os.write(back, b"from the primary")
    message.reply(b"mapped", fds=[back])
    os.close(back)
share = messages.handle("share", share)
before = fds()""")
    code = """
import mmap
before = fds()
mine = os.memfd_create("mine"); os.truncate(mine, 4096)
with messages.request("share", fds=[mine]) as replies:
    (reply,) = replies
    theirs, = reply.fds.take()
    inherited = os.get_inheritable(theirs)
text = os.pread(theirs, 100, 0), os.pread(mine, 5, 0), reply.data, inherited
os.close(theirs); os.close(mine)
text, fds() - before"""
    found = ((b"from the primary", b"hello", b"mapped", False), 0)
    assert first.run(code) == found
    assert primary.run("share.close(); until(lambda: fds() == before)")


@pytest.mark.parametrize("name", ["echo", "silent", "boom", "no_handler", "note"])
def test_descriptors_that_are_not_taken_are_closed(primary: Peer, first: Peer, name: str):
    code = "before = fds(); answers(messages.request('echo', b''))"
    primary.run("before = fds()")
    first.run(code)
    for call in ("request", "send"):
        first.run(f"for i in range(30): messages.{call}({name!r}, b'0', fds=[0] * 7)")
    first.run("answers(messages.request('echo', b''))")
    first.run("until(lambda: fds() == before)")
    primary.run("until(lambda: fds() == before)")
    primary.run("notes.clear()")


def test_a_reply_is_given_once_and_not_after_the_handler(primary: Peer, first: Peer):
    primary.run("kept = []; keep = messages.handle('keep', lambda m:"
                " (kept.append(m), m.reply(b'1'), m.reply(b'2')))")  # fmt: skip
    assert first.run("answers(messages.request('keep'))") == ([(0, b"1")], ())
    with pytest.raises(AskedError, match="RuntimeError: message 'keep' was answered"):
        primary.run("kept[0].reply(b'3')")
    primary.run("keep.close()")


def test_reply_returns_false_after_the_timeout_of_the_request(primary: Peer, first: Peer):
    primary.run("sent = []; tardy = messages.handle('tardy', lambda m:"
                " (release.acquire(), sent.append(m.reply(b''))))")  # fmt: skip
    first.run("answers(messages.request('tardy', timeout=0.1))")
    primary.run("release.release()")
    assert primary.run("until(lambda: sent); tardy.close(); sent") == [False]


def test_a_name_has_one_handler_until_it_is_closed(primary: Peer):
    """rte_mp_action_register and rte_mp_action_unregister."""
    with pytest.raises(AskedError, match=r"NameTakenError: .*pyd_mp_register: echo: EEXIST"):
        primary.run("messages.handle('echo', print)")
    primary.run("again = messages.handle('again', print); again.close(); again.close()")
    primary.run("with messages.handle('again', print): pass")


def test_dpdks_request_is_answered_by_all(primary: Peer, first: Peer):
    assert primary.run("answers(messages.request_sync('echo', b'c'))") == ([(0, b"c")] * 2, ())
    assert first.run("answers(messages.request_sync('echo', b'c'))") == ([(0, b"c")], ())


def test_descriptors_in_answers_to_dpdks_request_are_ours(primary: Peer, first: Peer):
    primary.run("lease = messages.handle('lease', lambda m: m.reply(b'', fds=[0, 1]))")
    code = """
before = fds()
with messages.request_sync("lease", fds=[2]) as replies:
    found = [os.get_inheritable(fd) for fd in replies[0].fds]
found, fds() - before"""
    assert first.run(code) == ([False, False], 0)
    primary.run("lease.close()")


def test_dpdks_request_times_out_as_dpdk_says(first: Peer):
    with pytest.raises(AskedError, match=r"TimedOutError: .*silent: ETIMEDOUT"):
        first.run("messages.request_sync('silent', timeout=0.2)")


@pytest.mark.parametrize("call", ["request", "request_sync"])
def test_ctrl_c_ends_the_wait_for_answers(first: Peer, primary: Peer, call: str):
    first.run("before = fds()")
    primary.run("while entered.acquire(blocking=False): pass")
    first.begin(f"messages.{call}('held', b'', timeout=30)")
    primary.run("assert entered.acquire(timeout=60)")
    first.signal(signal.SIGINT)
    with pytest.raises(AskedError, match="KeyboardInterrupt"):
        first.result()
    primary.run("release.release()")
    first.run("until(lambda: fds() == before)")
