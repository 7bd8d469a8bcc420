"""sd_notify against a real socket."""

from __future__ import annotations

import logging
from pathlib import Path
from uuid import uuid4

import pytest

from support.service_manager import ServiceManager
from tagsmith.supervision.notify import Notifier


@pytest.mark.parametrize("abstract", [False, True])
def test_what_is_told_arrives(tmp_path: Path, abstract: bool) -> None:
    """Ready, status, feeding and the end, by a path and by an abstract name."""
    with ServiceManager(f"@tagsmith-{uuid4().hex}" if abstract else tmp_path / "notify") as manager:
        notifier = Notifier({"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "30000000"}, pid=1)
        assert notifier.watchdog_s == 30.0
        notifier.ready("up")
        notifier.feed()
        notifier.status("up")
        notifier.status("two\nlines\x1b")
        notifier.stopping()
        manager.expect("STOPPING=1")
        assert manager.lines() == ["READY=1", "STATUS=up", "WATCHDOG=1", "STATUS=two lines ", "STOPPING=1"]
        notifier.close()


def test_without_a_manager_nothing_happens() -> None:
    """Nor with a name that is none."""
    for environ in ({}, {"NOTIFY_SOCKET": "relative"}):
        notifier = Notifier(environ)
        assert not notifier.present
        notifier.ready()
        notifier.feed()


def test_a_manager_that_went_away_is_one_line_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It never stops a station."""
    notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "nobody")})
    with caplog.at_level(logging.WARNING):
        notifier.feed()
        notifier.feed()
    notifier.close()
    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    ("environ", "watchdog_s"),
    [
        ({"WATCHDOG_USEC": "2500000"}, 2.5),
        ({"WATCHDOG_USEC": "2500000", "WATCHDOG_PID": "7"}, 2.5),
        ({"WATCHDOG_USEC": "2500000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_the_one_that_is_meant(environ: dict[str, str], watchdog_s: float | None) -> None:
    """sd_watchdog_enabled(3): a child of the service is not watched for it."""
    assert Notifier({"NOTIFY_SOCKET": "/run/x", **environ}, pid=7).watchdog_s == watchdog_s
