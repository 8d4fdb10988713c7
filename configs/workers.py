"""Compiled workers for the files of this directory."""

from pydpdk import lcore, worker


@worker
def macswap(hops, burst, counters):
    """Send back what comes; count in counters[0] what came, in counters[1] what was dropped."""
    while lcore.running():
        for rxq, txq in hops:
            counters[0] += rxq.rx(burst)
            burst.swap_macs()
            txq.tx(burst)
            counters[1] += burst.free()
