"""Processes that share one DPDK memory: a primary, and secondaries that attach to it."""
