"""The machine below DPDK: hugepages, runtime directories, CPUs. Needs no libdpdk."""
