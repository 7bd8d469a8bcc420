"""The page on `/`: what it is given, and that nothing from outside can become a part of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tagsmith.sandbox
from support.raw_http import CONFIGURATION, RESERVATIONS, body_of, exchange, headers_of, request, status_of
from tagsmith.sandbox import Sandbox

PAGE = Path(tagsmith.sandbox.__file__).parent / "page"
KEY = "tr41ning-key"
EVIL = "<script>alert(1)</script>"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(key=KEY) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    with Sandbox(key=KEY) as sandbox:
        yield sandbox


def live(sandbox: Sandbox, seen: str = "") -> dict[str, Any]:
    got = exchange(sandbox, request("GET", f"/live?seen={seen}", key=""))
    assert headers_of(got)["content-type"] == "application/json"
    found: dict[str, Any] = json.loads(body_of(got))
    return found


def test_the_page_and_its_parts_need_no_key(shared: Sandbox) -> None:
    """Each with its type, not to be sniffed, and with a policy that lets in nothing but the page's own files."""
    for path, kind in (("/", "text/html"), ("/page.css", "text/css"), ("/page.js", "text/javascript")):
        got = exchange(shared, request("GET", path, key=""))
        headers = headers_of(got)
        assert (status_of(got), headers["content-type"]) == (200, f"{kind}; charset=utf-8")
        assert headers["x-content-type-options"] == "nosniff"
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert set(re.findall(r"[a-z]+-src ([^;]+)", policy)) == {"'none'", "'self'"}


def test_everything_is_shown(sandbox: Sandbox) -> None:
    """Totals, the latest of each kind, the faults in force and what they struck; the key is nowhere."""
    sandbox.faults.add("configuration:cut")
    exchange(sandbox, request("POST", RESERVATIONS, {"uid": "27b89043", "visualNumber": EVIL}, key=KEY))
    exchange(sandbox, request("POST", RESERVATIONS, {"uid": "27b89044", "visualNumber": "A2"}, key=KEY))
    sandbox.store.activate("ada", EVIL)
    exchange(sandbox, request("GET", CONFIGURATION, key=KEY))
    exchange(sandbox, request("GET", "/v1/x", key="wrong"))
    found = live(sandbox)
    assert found["totals"] == {
        "reserved": 2, "active": 1, "users": 1, "orders": 0, "requests": 4, "minute": found["totals"]["minute"]
    }  # fmt: skip
    assert [(one["number"], one["uid"], one["user"]) for one in found["reservations"]] == [
        ("A2", "27b89044", ""),
        (EVIL, "27b89043", "ada"),
    ]
    assert [(one["user"], one["key"], one["enabled"]) for one in found["keys"]] == [("ada", "27b89043", True)]
    assert [(one["status"], one["fault"]) for one in found["requests"]] == [
        (401, ""), (0, "configuration:cut"), (201, ""), (201, ""),
    ]  # fmt: skip
    assert [one["spec"] for one in found["faults"]] == ["configuration:cut"]
    assert KEY not in json.dumps(found)


def test_what_was_seen_is_not_told_again(sandbox: Sandbox) -> None:
    """A page that looks every second costs next to nothing; looking is no request of its own. Any change is told."""
    first = live(sandbox)
    assert set(live(sandbox, first["version"])) == {"version", "now"}
    sandbox.faults.add("order:500")
    second = live(sandbox, first["version"])
    assert second["faults"]
    assert second["totals"]["requests"] == 0
    sandbox.store.list_keys("ada")
    assert "totals" in live(sandbox, second["version"])


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "192.168.0.1", "", "localhost.evil", "[", "0x7f.1"]
)
def test_it_is_for_this_machine_only(shared: Sandbox, host: str) -> None:
    """A foreign site whose name was made to lead here gets neither the page nor what it shows."""
    for path in ("/", "/live"):
        assert status_of(exchange(shared, request("GET", path, key="", host=host))) == 403


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:8787", "127.0.0.2", "[::1]:5"])
def test_every_name_of_loopback_will_do(shared: Sandbox, host: str) -> None:
    """With or without a port."""
    assert status_of(exchange(shared, request("GET", "/", key="", host=host))) == 200


def test_the_page_makes_no_markup_of_text_and_asks_nobody_else() -> None:
    """Whatever came from outside goes in by textContent; no part of the page lies elsewhere, or inline."""
    script, style, page = ((PAGE / name).read_text("utf-8") for name in ("page.js", "page.css", "index.html"))
    for word in (
        "innerHTML",
        "outerHTML",
        "insertAdjacent",
        "document.write",
        "eval(",
        "Function(",
        "DOMParser",
        "srcdoc",
    ):
        assert word not in script
    assert not re.search(r"https?:|//[a-z]+\.|url\(|@import", page + style)
    assert not re.search(r"https?:", script)
    assert not re.search(r"\son[a-z]+=|style=|<script>|<style", page)
    identifiers = set(re.findall(r'place\("([a-z-]+)"\)|fill\("([a-z]+)"', script))
    assert {one or other for one, other in identifiers} <= set(re.findall(r'id="([a-z-]+)"', page))
