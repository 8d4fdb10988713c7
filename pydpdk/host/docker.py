"""The `docker run` line with the least privileges that a file needs."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from pydpdk.host.devices import read_device
from pydpdk.host.doctor.limits import needed_capabilities
from pydpdk.host.hugepages import available, read_mounts
from pydpdk.host.needs import Needs

IMAGE = "pydpdk"


def run_line(needs: Needs, file: Path | None, *, root: Path = Path("/")) -> str:
    """Write the `docker run` line that runs a file with the least privileges.

    It mounts hugepages if the file requires them, or if this host has enough: run the line on the
    host that wrote it. An interface name that exists on this host means the host's interface, any
    other the container's own.
    """
    options = ["--rm", "--cap-drop ALL"]
    capabilities = {name.upper() for name in needed_capabilities(needs)}
    on_hugepages = _on_hugepages(needs, root)
    if on_hugepages:
        capabilities.add("SYS_NICE")  # Docker's seccomp filter allows NUMA policies only with it
        mount = next((mount.path for mount in read_mounts(root=root)), "/dev/hugepages")
        options.append(f"-v {mount}:{mount}")
    if needs.pci:
        capabilities.add("IPC_LOCK")
        options += ["--ulimit memlock=-1", "--device /dev/vfio/vfio", *_groups(needs, root)]
    if "net_tap" in needs.drivers:
        options.append("--device /dev/net/tun")
    if any((root / "sys/class/net" / name).exists() for name in needs.interfaces()):
        options.append("--network host")
    if on_hugepages or capabilities:
        options.append("--user 0")
    options += [f"--cap-add {name}" for name in sorted(capabilities)]
    if needs.cpus and needs.cpus < frozenset(os.sched_getaffinity(0)):
        options.append(f"--cpuset-cpus {','.join(map(str, sorted(needs.cpus)))}")
    return " ".join(["docker run", *options, *_command(file)])


def _on_hugepages(needs: Needs, root: Path) -> bool:
    if needs.hugepages == "auto":
        return available(needs.memory_bytes, in_memory=needs.in_memory, root=root).usable
    return bool(needs.hugepages)


def _groups(needs: Needs, root: Path) -> list[str]:
    devices = [device for a in needs.pci if (device := read_device(a, root=root))]
    groups = {device.iommu_group for device in devices if device.iommu_group is not None}
    return [f"--device /dev/vfio/{group}" for group in sorted(groups)]


def _command(file: Path | None) -> list[str]:
    if file is None:
        return [IMAGE]
    inside = f"/tmp/{file.name}"  # noqa: S108  in a container of its own
    mount = shlex.quote(f"{file.absolute()}:{inside}:ro")
    return [f"-v {mount}", IMAGE, "run", shlex.quote(inside)]
