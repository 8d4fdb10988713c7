"""What a file will ask of the host, for `host.doctor`."""

from __future__ import annotations

from dataclasses import replace

from pydpdk.config import budget, polling
from pydpdk.config.model import Config
from pydpdk.config.plan import with_devices
from pydpdk.eal_needs import needs_of
from pydpdk.host.needs import Needs


def needs_of_file(config: Config) -> Needs:
    """Work out what a checked file needs, were it brought up on hugepages."""
    options = with_devices(config)
    polls = polling.polls(config)
    pools = budget.pool_plans(config, polls, hugepages=options.hugepages is not False)
    needed = budget.total_bytes(config, pools)
    needs = needs_of(options, needed, processes=bool(config.workers))
    own = (port for port in config.ports.values() if port.driver == "net_af_packet")
    return replace(needs, promiscuous=any(port.promiscuous for port in own))
