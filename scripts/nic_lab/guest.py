"""The lab itself, as the only program of the guest: what a user does with real NICs, in steps.

A command of pydpdk runs in a fork of this process, which has imported it: an import takes ten
seconds here.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydpdk import cli
from pydpdk.host.devices import read_device

REPO = Path(sys.argv[1])
RESULT = Path("/dev/ttyS1")
FILE = Path("/run/vfio.yaml")
WAN, NEAR, LAN, FAR = (f"0000:00:{slot:02x}.0" for slot in (0x10, 0x11, 0x12, 0x13))
NICS = {  # the model in QEMU, the kernel driver, the DPDK driver
    WAN: ("e1000", "e1000", "net_e1000_em"),
    NEAR: ("virtio", "virtio-pci", "net_virtio"),
    LAN: ("vmxnet3", "vmxnet3", "net_vmxnet3"),
    FAR: ("virtio", "virtio-pci", "net_virtio"),
}
WIRES = ((WAN, NEAR), (LAN, FAR))
PACKETS = int(os.environ.get("NIC_LAB_PACKETS", "1024"))
HUGEPAGES = 256

RATES = re.compile(r" *[0-9.]+ s  .* [kM]?pps")

faults: list[str] = []
result: dict[str, Any] = {"passed": False, "faults": faults, "nics": []}


def say(text: str) -> None:
    print(text, flush=True)


def check(fact: bool, what: str) -> None:
    if not fact:
        faults.append(what)
        say(f"FAILED: {what}")


def fork(work: Callable[[], int], *, quiet: bool = False) -> tuple[int, int]:
    """Run work in a child; return its pid, and a descriptor with its output."""
    reading, writing = os.pipe()
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        os.close(writing)
        return pid, reading
    os.dup2(writing, 1)
    if not quiet:
        os.dup2(writing, 2)
    faults.clear()  # these belong to the parent
    code = 1
    try:
        code = work()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)


def wait(pid: int, reading: int) -> tuple[int, str]:
    with os.fdopen(reading, errors="replace") as output:
        text = output.read()
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), text


def pydpdk(*argv: str, show: bool = True) -> tuple[int, str]:
    """Run a command as it would run from a shell, and show it."""
    code, text = wait(*fork(lambda: command(argv), quiet=not show))
    if show:
        say(f"$ pydpdk {' '.join(argv)}\n{text.rstrip()}" + (f"\n(exit {code})" if code else ""))
    return code, text


def command(argv: tuple[str, ...]) -> int:
    sys.argv = ["pydpdk", *argv]
    cli.main()
    return 0


def shell(line: str) -> None:
    """Run a command that doctor printed, or one that prepares the guest."""
    if line.startswith("pydpdk "):
        check(pydpdk(*line.split()[1:])[0] == 0, line)
        return
    say(f"$ {line}")
    check(subprocess.run(line, shell=True).returncode == 0, line)


def findings() -> dict[str, Any]:
    text = pydpdk("doctor", str(FILE), "--json", show=False)[1]
    found = json.loads(text)
    rows = found["findings"] if isinstance(found, dict) else found
    return {row["code"] + row["what"]: row for row in rows if row["severity"] == "error"}


def prepare() -> None:
    """Bind every NIC to its kernel driver, and edit the file as a user does."""
    for module in ("e1000", "virtio_net", "vmxnet3"):
        shell(f"modprobe {module}")
    text = (REPO / "configs/vfio.yaml").read_text()
    FILE.write_text(text.replace("0000:01:00.0", WAN).replace("0000:01:00.1", LAN))
    pydpdk("devices", "list")
    for address, (name, driver, _) in NICS.items():
        device = read_device(address)
        check(device is not None and device.driver == driver, f"{name} starts with {driver}")


def reject_devices_in_use() -> None:
    device = read_device(FAR)
    interface = device.interfaces[0] if device else ""
    shell(f"ip addr add 192.0.2.1/24 dev {interface} && ip link set {interface} up")
    code, _ = pydpdk("devices", "bind", FAR)
    after = read_device(FAR)
    check(
        code != 0 and after is not None and after.driver == "virtio-pci",
        "an address rejects the bind",
    )
    shell(f"ip addr flush dev {interface} && ip link set {interface} down")


def fix() -> None:
    """Run doctor's commands until it finds nothing."""
    code, first = pydpdk("doctor", str(FILE))
    for missing in ("hugepages-none", "device-kernel-driver", "vfio-not-loaded"):
        check(code != 0 and missing in first, f"doctor finds {missing}")
    check(pydpdk("hugepages", "reserve", str(HUGEPAGES))[0] == 0, "hugepages reserved")
    for _ in range(3):
        found = findings()
        for finding in found.values():
            say(f"doctor: {finding['code']}: {finding['what']}")
        for line in dict.fromkeys(f["command"] for f in found.values() if f["command"]):
            shell(line)
        if pydpdk("doctor", str(FILE))[0] == 0:
            return
    check(False, "doctor finds no error afterwards")


def bind_the_others() -> None:
    check(pydpdk("devices", "bind", NEAR, FAR)[0] == 0, "bind")
    pydpdk("devices", "list")
    for address in NICS:
        device = read_device(address)
        check(device is not None and device.driver == "vfio-pci", f"{address} is with vfio-pci")


def on_the_wires() -> int:
    """Use all four ports in one process: both directions on each wire."""
    import manners
    import wires

    import pydpdk as dpdk

    rows = []
    with dpdk.init(hugepages=True, lcores=(0,), allow=tuple(NICS)) as eal, \
            dpdk.Mempool.create("wires", 8191) as pool:  # fmt: skip
        say(f"EAL: IOVA as {eal.iova_mode}")
        ports = dict(zip(NICS, wires.open_ports(tuple(NICS), pool), strict=True))
        for near, far in WIRES:
            for source, target in ((near, far), (far, near)):
                seen = wires.cross(ports[source], ports[target], pool, PACKETS)
                say(str(seen))
                check(seen.good, f"packets from {source} to {target}: {seen}")
        for address, port in ports.items():
            info, stats = port.info(), port.stats()
            say(f"{address}: {info.driver_name}, link {port.link()}, {stats}")
            check(info.driver_name == NICS[address][2], f"PMD {info.driver_name}")
            check(stats.ipackets == stats.opackets == PACKETS, f"{address} counts {stats}")
            rows.append({
                "address": address, "NIC": NICS[address][0], "PMD": info.driver_name,
                "rx_packets": stats.ipackets, "rx_bytes": stats.ibytes,
                "tx_packets": stats.opackets, "tx_bytes": stats.obytes,
                "bytes": "equal" if not faults else "see the log",
            })  # fmt: skip
        for fault in manners.faults_of([(ports[a], ports[b]) for a, b in WIRES], pool):
            check(False, fault)
    say("ROWS " + json.dumps({"nics": rows, "faults": faults}))
    return 0


def meet_on_the_wires() -> None:
    joined(on_the_wires)


def through_the_file() -> int:
    """Send packets in at one end, through `pydpdk run` in another process, out at the other end."""
    import wires

    import pydpdk as dpdk

    with dpdk.init(hugepages=True, lcores=(1,), allow=(NEAR, FAR)), \
            dpdk.Mempool.create("ends", 4095) as pool:  # fmt: skip
        near, far = wires.open_ports((NEAR, FAR), pool)
        for source, target in ((near, far), (far, near)):
            seen = wires.cross(source, target, pool, PACKETS)
            say(f"through the file: {seen}")
            check(seen.good, f"through the file from {source.name}: {seen}")
        near.close()
        far.close()
    say("ROWS " + json.dumps({"faults": faults}))
    return 0


def joined(step: Callable[[], int]) -> None:
    """Run a step that starts an EAL in a process of its own, and take over its faults."""
    code, text = wait(*fork(step))
    rows = [json.loads(line[5:]) for line in text.splitlines() if line.startswith("ROWS ")]
    say("\n".join(line for line in text.splitlines() if not line.startswith("ROWS ")))
    check(code == 0 and len(rows) == 1, f"{step.__name__}: exit {code}")
    for row in rows:
        faults.extend(row.pop("faults"))
        result.update(row)


def run_the_file() -> None:
    say(f"$ pydpdk run {FILE}")
    pid, reading = fork(lambda: command(("run", str(FILE))))
    with os.fdopen(os.dup(reading), errors="replace") as output:
        for line in output:
            say(line.rstrip())
            if RATES.match(line):
                break  # it forwards
    joined(through_the_file)
    os.kill(pid, signal.SIGINT)
    code, text = wait(pid, reading)
    say("\n".join(line for line in text.splitlines() if not RATES.match(line)))
    check(code == 0, f"pydpdk run: exit {code}")


def give_back() -> None:
    check(pydpdk("devices", "unbind", *NICS)[0] == 0, "unbind")
    time.sleep(1)
    pydpdk("devices", "list")
    for address, (name, driver, _) in NICS.items():
        device = read_device(address)
        check(device is not None and device.driver == driver, f"{name} is back with {driver}")
        check(bool(device and device.interfaces), f"{name} has an interface of the kernel again")


STEPS = (
    prepare, reject_devices_in_use, fix, bind_the_others,
    meet_on_the_wires, run_the_file, give_back,
)  # fmt: skip


def power_off() -> None:
    Path("/proc/sysrq-trigger").write_text("o")
    time.sleep(60)


if __name__ == "__main__":
    try:
        for step in STEPS:
            say(f"--- {Path('/proc/uptime').read_text().split()[0]} s: {step.__name__}")
            step()
        result["passed"] = not faults
    except BaseException as error:
        traceback.print_exc()
        faults.append(repr(error))
    finally:
        RESULT.write_text(json.dumps(result) + "\n")
        say(f"the guest: {'passed' if result['passed'] else 'FAILED'}")
        power_off()
