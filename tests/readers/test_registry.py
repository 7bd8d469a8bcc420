"""Specs: which backend they choose, what a wrong one says, and that no library is loaded before it is needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tagsmith.errors import ConfigError, ReaderUnsupported
from tagsmith.model import ReaderState
from tagsmith.readers import backends, create, discover
from tagsmith.readers.pcsc import PcscReader
from tagsmith.readers.sim import SimReader


def test_backends() -> None:
    """The words a spec may begin with."""
    assert backends() == ("pcsc", "sim")


def test_specs(tmp_path: Path) -> None:
    """Each spec makes a reader of its backend, not opened, that knows its spec."""
    scenario = tmp_path / "a b.toml"
    scenario.write_text("")
    for spec, kind in [
        ("pcsc:", PcscReader),
        ("pcsc:ACS ACR1252", PcscReader),
        ("sim:", SimReader),
        (f"sim:{scenario}", SimReader),
    ]:
        reader = create(spec)
        assert type(reader) is kind
        assert reader.spec == spec
        assert reader.info is None


@pytest.mark.parametrize(
    ("spec", "hint"),
    [
        ("pscs:ACR", "did you mean pcsc:"),
        ("PCSC:ACR", "did you mean pcsc:"),
        ("smi:", "did you mean sim:"),
        ("pcsc", "did you mean pcsc:"),
        ("ACR122U", "write pcsc:"),
        ("", "write pcsc:"),
    ],
)
def test_wrong_specs(spec: str, hint: str) -> None:
    """An unknown word is an error of the settings that says what was probably meant."""
    with pytest.raises(ConfigError, match="names no reader") as caught:
        create(spec)
    assert hint in caught.value.remedy


def test_missing_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pyscard the reader is unsupported, with the line to type; a list of readers says the same."""
    monkeypatch.setitem(sys.modules, "smartcard", None)
    with pytest.raises(ReaderUnsupported) as caught:
        create("pcsc:").open()
    assert caught.value.remedy == "pip install 'tagsmith[pcsc]'"
    (status,) = discover()
    assert (status.spec, status.state) == ("pcsc:", ReaderState.UNSUPPORTED)
    assert status.remedy == "pip install 'tagsmith[pcsc]'"


def test_nothing_is_loaded_before_it_is_chosen() -> None:
    """Importing the readers loads no backend; making a PC/SC reader loads no pyscard."""
    script = (
        "import sys, tagsmith.readers as readers\n"
        "loaded = lambda name: [module for module in sys.modules if module.startswith(name)]\n"
        "assert not loaded('tagsmith.readers.pcsc') and not loaded('tagsmith.readers.sim')\n"
        "readers.create('pcsc:')\n"
        "assert loaded('tagsmith.readers.pcsc') and not loaded('tagsmith.readers.sim')\n"
        "assert not loaded('smartcard')\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=30)
