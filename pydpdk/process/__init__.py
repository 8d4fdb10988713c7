"""Several processes over one memory: attaching to a primary, and who is there."""

from pydpdk.process.attach import Process, attach, processes

__all__ = ["Process", "attach", "processes"]
