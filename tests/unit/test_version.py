import pytest

from pydpdk import version
from pydpdk.errors import VersionError


def test_compiled_and_running_are_the_same_release():
    assert version.COMPILED.split(".")[:2] == version.RUNNING.split(".")[:2]
    version.check()


@pytest.mark.parametrize("running", ["22.11.0", "22.11.99"])
def test_stable_updates_are_let_through(monkeypatch: pytest.MonkeyPatch, running: str):
    monkeypatch.setattr(version, "COMPILED", "22.11.4")
    monkeypatch.setattr(version, "RUNNING", running)
    version.check()


@pytest.mark.parametrize("running", ["22.7.0", "23.11.0", "24.11.1"])
def test_another_release_is_refused_by_both_names(monkeypatch: pytest.MonkeyPatch, running: str):
    monkeypatch.setattr(version, "COMPILED", "22.11.4")
    monkeypatch.setattr(version, "RUNNING", running)
    with pytest.raises(VersionError, match=rf"22\.11\.4 .* {running.replace('.', '[.]')}"):
        version.check()
