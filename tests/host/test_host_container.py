import ctypes
import errno
from pathlib import Path

import pytest

from pydpdk.host.container import in_container, memory_policy_allowed


def test_in_container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    assert not in_container(root=tmp_path)
    (tmp_path / ".dockerenv").touch()
    assert in_container(root=tmp_path)


def test_in_a_pod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    assert in_container(root=tmp_path)


@pytest.mark.parametrize(
    ("answer", "error", "allowed"),
    [(0, 0, True), (-1, errno.EPERM, False), (-1, errno.ENOSYS, True)],
)
def test_memory_policy(monkeypatch: pytest.MonkeyPatch, answer: int, error: int, allowed: bool):
    class Libnuma:
        def __init__(self, name: str, use_errno: bool):
            assert (name, use_errno) == ("libnuma.so.1", True)

        def get_mempolicy(self, *_args: object) -> int:
            ctypes.set_errno(error)
            return answer

    monkeypatch.setattr(ctypes, "CDLL", Libnuma)
    assert memory_policy_allowed() is allowed


def test_memory_policy_without_libnuma(monkeypatch: pytest.MonkeyPatch):
    def missing(*_args: object, **_kwargs: object) -> None:
        raise OSError("libnuma.so.1: cannot open shared object file")

    monkeypatch.setattr(ctypes, "CDLL", missing)
    assert memory_policy_allowed()
