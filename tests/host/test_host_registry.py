"""The registry of a prefix's processes: locks show which are alive; no EAL is needed."""

import os

import pytest
from children import Child, Children, python

from pydpdk.host import alive, registry, runtime
from pydpdk.host.program import parse_arguments, version_text
from pydpdk.host.registry_page import RegisteredProcess, Role


@pytest.fixture
def prefix(name: str, monkeypatch, tmp_path) -> str:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    return f"reg-{name}"


def register(prefix: str, *lcores: int, role: Role = "secondary") -> registry.Registration:
    return registry.register(prefix, role, "test", lambda _: lcores)


CHILD = """
import sys
from pydpdk.host import registry
registration = registry.register(sys.argv[1], "secondary", "child", lambda _: [5])
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def child(prefix: str, children: Children) -> Child:
    process = children.start(python(CHILD, prefix))
    process.until_ready()
    return process


def test_a_registration_names_its_process(prefix: str):
    registration = register(prefix, 0, 3, 1023, role="primary")
    registration.publish("ready", {"vdevs": ["net_null0"]})
    (member,) = registry.members(prefix)
    assert (member.pid, member.role, member.ready) == (os.getpid(), "primary", True)
    assert (member.lcores, member.name) == (frozenset({0, 3, 1023}), "test")
    assert member.details == {"vdevs": ["net_null0"]}
    assert member.started == alive.start_time()
    registration.give_back()
    assert registry.members(prefix) == []
    assert not registry.path_of(prefix).exists()
    registration.give_back()


def test_the_page_of_a_dead_process_is_reused_last(prefix: str, child):
    """Its primary may not have read it yet, and would miss the death."""
    registrations = [register(prefix, 1)]
    child.kill()
    (dead,) = registry.dead(prefix)
    registrations += [register(prefix, 2 + i) for i in range(registry.MAX_PROCESSES - 2)]
    assert registry.dead(prefix) == [dead]
    registrations.append(register(prefix, 500))
    assert registry.dead(prefix) == []
    assert registrations[-1].member.index == dead.index
    with pytest.raises(registry.RegistryError):
        register(prefix, 501)
    for registration in registrations:
        registration.give_back()


def test_a_killed_process_is_dead_and_one_that_left_is_not(prefix: str, child):
    registration = register(prefix, 1)
    assert {m.pid for m in registry.members(prefix)} == {os.getpid(), child.pid}
    child.kill()
    assert [m.pid for m in registry.members(prefix)] == [os.getpid()]
    (dead,) = registry.dead(prefix)
    assert (dead.pid, dead.name, dead.lcores) == (child.pid, "child", frozenset({5}))
    registry.forget(prefix, dead)
    assert registry.dead(prefix) == []
    registration.give_back()


def test_live_processes_are_not_forgotten(prefix: str, child):
    (member,) = registry.members(prefix)
    registry.forget(prefix, member)
    assert registry.members(prefix) == [member]


def test_at_most_128_processes_register(prefix: str):
    registrations = [register(prefix, i) for i in range(registry.MAX_PROCESSES)]
    assert len(registry.members(prefix)) == 128
    with pytest.raises(registry.RegistryError, match="128 processes share"):
        register(prefix, 1)
    registrations.pop().give_back()
    registrations.append(register(prefix, 1))
    for registration in registrations:
        registration.give_back()
    assert not registry.path_of(prefix).exists()


def test_the_choice_sees_the_others_and_may_raise(prefix: str):
    registration = register(prefix, 7)

    def choose(others: list[RegisteredProcess]) -> list[int]:
        raise ValueError(sorted(others[0].lcores))

    with pytest.raises(ValueError, match=r"\[7\]"):
        registry.register(prefix, "secondary", "test", choose)
    assert len(registry.members(prefix)) == 1
    registration.give_back()


def test_simultaneous_registrations_never_overlap(prefix: str, children: Children):
    """Each process takes the lowest free lcore."""
    code = (
        "import sys\n"
        "from pydpdk.host import registry\n"
        "def choose(others):\n"
        "    taken = {n for m in others for n in m.lcores}\n"
        "    return [next(n for n in range(99) if n not in taken)]\n"
        "mine = [registry.register(sys.argv[1], 'secondary', 'x', choose) for _ in range(10)]\n"
        "print(*(n for s in mine for n in s.member.lcores), flush=True)\n"
        "sys.stdin.read()\n"
    )
    started = [children.start(python(code, prefix)) for _ in range(3)]
    lcores = [int(n) for process in started for n in process.line().split()]
    assert sorted(lcores) == list(range(30))


def test_a_forked_child_does_not_remove_the_registration(prefix: str):
    registration = register(prefix, 1)
    forgot, reported = os.pipe()
    stays, end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(end)
        registration.forget()
        os.write(reported, b"x")
        os.read(stays, 1)
        os._exit(0)
    os.read(forgot, 1)
    assert len(registry.members(prefix)) == 1
    registration.give_back()
    assert registry.members(prefix) == []
    os.close(end)
    os.waitpid(child, 0)
    for fd in (forgot, reported, stays):
        os.close(fd)


@pytest.mark.parametrize("content", [b"", b"x" * 5000, b"pydpdkps\x63\0\0\0" + b"\xff" * 9000])
def test_an_invalid_registry_file_has_no_processes(prefix: str, content: bytes):
    path = registry.path_of(prefix)
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    assert registry.members(prefix) == registry.dead(prefix) == []
    registration = register(prefix, 1)
    assert len(registry.members(prefix)) == 1
    registration.give_back()


def test_invalid_pages_are_ignored(prefix: str):
    registration = register(prefix, 1)
    with registry.path_of(prefix).open("r+b") as file:
        file.seek(2 * 4096)
        file.write(os.urandom(120 * 4096))
    assert [m.pid for m in registry.members(prefix)] == [os.getpid()]
    registration.give_back()


def test_publishing_too_much_raises(prefix: str):
    registration = register(prefix, 1)
    with pytest.raises(OSError, match="bytes of devices and queues"):
        registration.publish("ready", {"vdevs": ["x" * 5000]})
    assert registry.members(prefix)[0].details == {}
    registration.give_back()


def test_a_removed_file_is_noticed(prefix: str):
    registration = register(prefix, 1)
    assert registration.in_place
    runtime.remove(prefix)
    assert not registration.in_place
    registration.give_back()


@pytest.mark.parametrize(
    ("argv", "field", "value"),
    [
        (["-l", "0-1"], "lcores", ("0-1",)),
        (["-l0-1"], "lcores", ("0-1",)),
        (["--lcores=0@1"], "lcores", ("0@1",)),
        (["--lcores", "0@1", "--", "-l", "5"], "lcores", ("0@1",)),
        (["-c", "0x3"], "coremask", ("0x3",)),
        (["-c3"], "coremask", ("3",)),
        (["-a", "1:0.0", "--allow=2:0.0"], "allow", ("1:0.0", "2:0.0")),
        (["--vdev=net_null0,size=64", "--vdev", "x"], "vdevs", ("net_null0,size=64", "x")),
        (["--iova-mode=va"], "iova_mode", ("va",)),
        (["-n", "4", "--file-prefix", "x"], "lcores", ()),
    ],
)
def test_the_arguments_of_a_program_are_read(argv: list[str], field: str, value: object):
    assert getattr(parse_arguments(argv), field) == value


def test_a_version_prints_in_the_usual_form():
    assert version_text(22 << 24 | 11 << 16 | 11 << 8 | 99) == "22.11.11"
    assert version_text(23 << 24 | 3 << 16 | 99) == "23.03.0"


def test_a_rejected_registration_leaves_no_file(prefix: str):
    def reject(others: list[RegisteredProcess]) -> list[int]:
        raise ValueError("no lcore is free")

    with pytest.raises(ValueError, match="no lcore is free"):
        registry.register(prefix, "secondary", "test", reject)
    assert not registry.path_of(prefix).exists()
    registration = register(prefix, 1)
    with pytest.raises(ValueError, match="no lcore is free"):
        registry.register(prefix, "secondary", "test", reject)
    assert registration.in_place
    registration.give_back()
