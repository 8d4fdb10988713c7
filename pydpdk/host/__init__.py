"""The host: hugepages, runtime directories, CPUs, devices. Needs no libdpdk."""
