"""Look up the objects of a secondary's file in the primary's memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from pydpdk._core.fixed import Fixed
from pydpdk.config.model import Config, MempoolSpec, PortSpec, RingSpec
from pydpdk.errors import ConfigError, NotFoundError
from pydpdk.ethdev import sharing
from pydpdk.ethdev.port import Port
from pydpdk.memory.mempool import Mempool, mempools
from pydpdk.memory.memzone import Memzone
from pydpdk.ring import Ring

T = TypeVar("T")


class Lookup(Fixed):
    """Finds the objects of a file; an error names the line of the file.

    Raises
    ------
    ConfigError
        From every method: the primary has no such object, or it differs from the file.
    """

    def __init__(self, config: Config) -> None:
        self._config = config

    def memzone(self, name: str) -> Memzone:
        """Find a memzone."""
        return self._find("memzones", name, lambda: Memzone.lookup(name))

    def mempool(self, name: str, spec: MempoolSpec) -> Mempool:
        """Find a mempool with the same number of mbufs."""
        there = [pool.name for pool in mempools()]
        pool = self._find("mempools", name, lambda: Mempool.lookup(name), there)
        if spec.n != pool.capacity:
            text = f"{spec.n}: the primary's has {pool.capacity}"
            raise self._fault("mempools", name, "n", text)
        return pool

    def ring(self, name: str, spec: RingSpec) -> Ring:
        """Find a ring with the same element type."""
        return self._find("rings", name, lambda: Ring.lookup(name, element=spec.element))

    def port(self, name: str, spec: PortSpec) -> Port:
        """Find a port with at least as many queues."""
        there = [port.name for port in Port.all()]
        port = self._find("ports", name, lambda: Port.lookup(spec.device_name), there)
        has = zip(("nb_rx_queues", "nb_tx_queues"), sharing.queue_counts(port.handle), strict=True)
        for key, most in has:
            if (wish := getattr(spec, key)) > most:
                raise self._fault("ports", name, key, f"{wish}: the primary has set up {most}")
        return port

    def _find(
        self, section: str, name: str, look: Callable[[], T], there: list[str] | None = None
    ) -> T:
        try:
            return look()
        except NotFoundError:
            others = f"; there are: {', '.join(there)}" if there else ""
            raise self._fault(section, name, f"the primary has none of that name{others}") from None
        except (ValueError, TypeError) as error:
            raise self._fault(section, name, str(error)) from error

    def _fault(self, *path_and_text: str) -> ConfigError:
        *path, text = path_and_text
        return ConfigError([f"{self._config.where(*path)}: {text}"])
