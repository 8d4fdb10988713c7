"""Several processes that share one memory."""

from pydpdk.process.channel import Channel
from pydpdk.process.message import Message

__all__ = ["Channel", "Message"]
