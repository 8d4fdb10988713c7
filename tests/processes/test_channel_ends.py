"""Channels whose maker ends, or closes them, while another process uses them."""

import os
import warnings

import pytest
from children import Children

from pydpdk import Channel, ClosedError, Eal
from pydpdk.host import runtime

pytestmark = pytest.mark.hugepages

PRIMARY = """
import warnings
from pydpdk import Channel
eal = init()
channel = Channel.create("c")
say("ready")
channel.send(input().encode())
input()
warnings.simplefilter("ignore")
eal.close(force=True)
"""
FIND = """
from pydpdk import Channel, ClosedError, PeerDiedError
eal = pydpdk.attach(PREFIX)
"""
SECONDARY = """
channel = Channel.lookup("c")
say(channel.get())
try:
    channel.get()
except (PeerDiedError, ClosedError) as error:
    say(type(error).__name__)
channel.close()
say("closed")
"""


LOOP = """
channel = Channel.lookup("c")
try:
    for message in channel:
        say(message)
    say("end of the loop")
except (PeerDiedError, ClosedError) as error:
    say(type(error).__name__)
channel.close()
say("closed")
"""


@pytest.mark.parametrize(
    ("code", "end", "error"),
    [
        (SECONDARY, "die", "PeerDiedError"), (SECONDARY, "close", "ClosedError"),
        (LOOP, "die", "PeerDiedError"), (LOOP, "close", "end of the loop"),
    ],
    ids=["get die", "get close", "loop die", "loop close"],
)  # fmt: skip
def test_the_end_of_the_primary_ends_the_wait_of_a_secondary(
    children: Children, code: str, end: str, error: str
):
    prefix = f"test-{os.getpid()}-{end}-{code is LOOP}"
    primary = children.script(PRIMARY, prefix=prefix)
    primary.until_ready()
    secondary = children.script(FIND + code, prefix=prefix)
    primary.write("hello")
    assert secondary.line() == "b'hello'"
    if end == "die":
        primary.kill()
    else:
        primary.write()
    assert [secondary.line(), secondary.line()] == [error, "closed"]
    assert secondary.wait() in (0, 120)
    primary.wait()
    runtime.clean_up(prefix)
    assert runtime.leftovers(prefix) == []


def test_a_forced_close_keeps_the_memory_for_the_others(eal: Eal, name: str, peer):
    channel = Channel.create(name)
    other = peer(f"""
        channel = Channel.lookup("{name}")
        say("ready")
        input()
        say(channel.get())
        try:
            channel.get()
        except ClosedError as error:
            say("closed")
        channel.close(), eal.close()
    """)
    assert other.line() == "ready"
    channel.send(b"last")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        channel.close(force=True)
    assert f"its memory stays, processes {other.pid} use it" in str(caught[0].message)
    with pytest.raises(ClosedError):
        channel.get()
    other.write()
    assert [other.line(), other.line()] == ["b'last'", "closed"]
    other.end()
    again = Channel.lookup(name)  # the maker frees it once no process uses it
    for part in again._parts:
        vars(part)["owned"] = True
    vars(again)["owned"] = True
    again.close(force=True)
