"""Several processes over one memory: attaching to a primary, groups of processes, who is there."""

from pydpdk.process import messages
from pydpdk.process.attach import Process, attach, processes
from pydpdk.process.child import running
from pydpdk.process.group import Group
from pydpdk.process.member import Member, MemberDiedError

__all__ = [
    "Group",
    "Member",
    "MemberDiedError",
    "Process",
    "attach",
    "messages",
    "processes",
    "running",
]
