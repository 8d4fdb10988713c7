"""Several processes with shared memory: attach, groups, messages, channels, recovery."""

from pydpdk.process import messages
from pydpdk.process.attach import Process, attach, processes
from pydpdk.process.channel import Channel
from pydpdk.process.channel.message import Message
from pydpdk.process.child import running
from pydpdk.process.group import Group
from pydpdk.process.member import Member, MemberDiedError
from pydpdk.process.recover import Recovery, recover

__all__ = [
    "Channel",
    "Group",
    "Member",
    "MemberDiedError",
    "Message",
    "Process",
    "Recovery",
    "attach",
    "messages",
    "processes",
    "recover",
    "running",
]
