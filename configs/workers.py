"""Compiled workers for the files in this directory."""

from pydpdk import lcore, worker


@worker
def macswap(hops, burst, counters):
    """Send back received packets; count them in counters[0], dropped ones in counters[1]."""
    while lcore.running():
        for rxq, txq in hops:
            counters[0] += rxq.rx(burst)
            burst.swap_macs()
            txq.tx(burst)
            counters[1] += burst.free()
