"""Needs of a file from the host, for `host.doctor`."""

from __future__ import annotations

from pydpdk.config import budget, polling
from pydpdk.config.model import Config
from pydpdk.config.plan import with_devices
from pydpdk.eal.needs import needs_of
from pydpdk.host.needs import Needs


def needs_of_file(config: Config) -> Needs:
    """Compute what a checked file needs to run on hugepages."""
    options = with_devices(config)
    polls = polling.polls(config)
    pools = budget.pool_plans(config, polls, hugepages=options.hugepages is not False)
    needed = budget.total_bytes(config, pools)
    return needs_of(options, needed, processes=bool(config.workers))
