"""Several processes over one memory: what the dead among them leave."""

from pydpdk.process.recover import Recovery, recover

__all__ = ["Recovery", "recover"]
