"""Whom the client trusts, and which way it goes: always verified TLS, a private CA and a proxy by the caller's word."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from support.connect_proxy import ConnectProxy
from support.seed_server import SeedServer
from support.tls import certificate, dated_certificate
from support.wire_server import WireServer
from tagsmith.drive import DriveClient
from tagsmith.errors import ClockWrong, ConfigError, NotProcessed
from tagsmith.wall_clock import WallClock

KEY = "k3y-that-no-proxy-sees"


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A private CA, and the certificate of 127.0.0.1 that it vouches for."""
    return certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def server(pem: Path) -> Iterator[SeedServer]:
    with SeedServer(key=KEY, certificate=pem) as server:
        yield server


async def test_a_private_ca_is_trusted_when_it_is_named(server: SeedServer, pem: Path) -> None:
    """And only then: without it the request is proved not sent."""
    async with DriveClient(server.url, KEY, ca_file=pem) as drive:
        assert await drive.list_keys("user-1") == []
    async with DriveClient(server.url, KEY) as drive:
        with pytest.raises(NotProcessed, match=r"(?i)certificate"):
            await drive.list_keys("user-1")
    assert len(server.asked) == 1


async def test_the_environment_names_no_ca(
    server: SeedServer, pem: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nor does a variable have the secrets of TLS written down, with which the key could be read."""
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, str(pem))
    secrets = tmp_path / "secrets"
    monkeypatch.setenv("SSLKEYLOGFILE", str(secrets))
    async with DriveClient(server.url, KEY) as drive:
        with pytest.raises(NotProcessed):
            await drive.list_keys("user-1")
    async with DriveClient(server.url, KEY, ca_file=pem) as drive:
        await drive.list_keys("user-1")
    assert "SECRET" not in (secrets.read_text() if secrets.exists() else "")


async def test_a_certificate_of_another_host_is_refused(tmp_path: Path) -> None:
    """Trusted, but not for this address."""
    other = certificate(tmp_path, for_ip="127.0.0.2")
    with SeedServer(key=KEY, certificate=other) as server:
        async with DriveClient(server.url, KEY, ca_file=other) as drive:
            with pytest.raises(NotProcessed, match=r"(?i)certificate"):
                await drive.list_keys("user-1")
        assert server.asked == []


@pytest.mark.parametrize("content", [None, b"", b"no certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_a_ca_file_that_is_none_is_told(tmp_path: Path, content: bytes | None) -> None:
    """At once, by name, and as a setting to mend."""
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"\[api\] ca_file .*ca\.pem"):
        DriveClient("https://127.0.0.1", KEY, ca_file=path)


async def test_a_proxy_gets_a_tunnel_and_never_the_key(server: SeedServer, pem: Path) -> None:
    """It sees where to, and TLS; name and password go to it where the address has them."""
    with ConnectProxy() as proxy:
        async with DriveClient(server.url, KEY, ca_file=pem, proxy=f"http://me:word@{proxy.address}") as drive:
            await drive.list_keys("user-1")
            await drive.list_keys("user-1")
    assert len(server.asked) == 2
    assert [head.splitlines()[0] for head in proxy.heads] == [f"CONNECT {server.url[8:]} HTTP/1.1"]
    assert "Proxy-Authorization: Basic bWU6d29yZA==" in proxy.heads[0]
    assert KEY.encode() not in proxy.seen
    assert b"X-API-Key" not in proxy.seen


@pytest.mark.parametrize("status", [403, 407, 502])
async def test_a_proxy_that_says_no_proves_that_nothing_was_sent(server: SeedServer, pem: Path, status: int) -> None:
    """Its answer comes before the request; the words send people to the setting, and show no password."""
    with ConnectProxy(status) as proxy:
        async with DriveClient(server.url, KEY, ca_file=pem, proxy=f"http://me:word@{proxy.address}") as drive:
            with pytest.raises(NotProcessed, match=f"proxy.*{status}") as caught:
                await drive.list_keys("user-1")
    assert "[api] proxy" in caught.value.remedy
    assert "word" not in str(caught.value)
    assert server.asked == []


async def test_a_proxy_that_is_not_there_proves_it_too(server: SeedServer, pem: Path) -> None:
    """The direct way is not taken instead: a network that wants a proxy has its reasons."""
    with ConnectProxy() as proxy:
        address = proxy.address
    async with DriveClient(server.url, KEY, ca_file=pem, proxy=f"http://{address}") as drive:
        with pytest.raises(NotProcessed):
            await drive.list_keys("user-1")
    assert server.asked == []


async def test_the_other_side_of_a_tunnel_is_verified(server: SeedServer) -> None:
    """A proxy that reads along needs a CA that somebody trusts."""
    with ConnectProxy() as proxy:
        async with DriveClient(server.url, KEY, proxy=f"http://{proxy.address}") as drive:
            with pytest.raises(NotProcessed, match=r"(?i)certificate"):
                await drive.list_keys("user-1")
    assert server.asked == []


def test_plain_http_goes_through_no_proxy() -> None:
    """The proxy would read the key."""
    with pytest.raises(ConfigError, match="would see the key"):
        DriveClient("http://127.0.0.1:1", KEY, proxy="http://127.0.0.1:2")
    for proxy in ("socks5://127.0.0.1", "127.0.0.1:3128", "http://", ""):
        with pytest.raises(ConfigError, match="proxy"):
            DriveClient("https://127.0.0.1", KEY, proxy=proxy)


async def test_no_variable_names_a_proxy(server: SeedServer, pem: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither for https."""
    with WireServer() as proxy:
        for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        async with DriveClient(server.url, KEY, ca_file=pem) as drive:
            await drive.list_keys("user-1")
        assert proxy.connections == 0


async def test_tls_is_never_left_unverified(pem: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the settings, the context asks for a certificate and compares the name."""
    made: list[ssl.SSLContext] = []
    transport = __import__("httpx").AsyncHTTPTransport

    def spy(*arguments: object, verify: ssl.SSLContext, **more: object) -> object:
        made.append(verify)
        return transport(*arguments, verify=verify, **more)

    monkeypatch.setattr("tagsmith.drive.wire.httpx.AsyncHTTPTransport", spy)
    for ca_file, proxy in ((None, None), (pem, None), (None, "http://p:1"), (pem, "https://p:1")):
        await DriveClient("https://127.0.0.1", KEY, ca_file=ca_file, proxy=proxy).aclose()
    assert [(one.verify_mode, one.check_hostname, one.keylog_filename) for one in made] == [
        (ssl.CERT_REQUIRED, True, None)
    ] * 4


# --- certificates and the clock ----------------------------------------------------------------------------------

PAST = (datetime(2001, 1, 1, tzinfo=UTC), datetime(2002, 1, 1, tzinfo=UTC))
FUTURE = (datetime(2090, 1, 1, tzinfo=UTC), datetime(2091, 1, 1, tzinfo=UTC))
CHECKED = datetime(2027, 1, 1, 12, 30, tzinfo=UTC)


@pytest.fixture(scope="module", params=[PAST, FUTURE], ids=["expired", "not-yet"])
def ill_timed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A certificate that is not valid now, and what is wrong with it."""
    begin, end = request.param
    return (
        dated_certificate(tmp_path_factory.mktemp("dated"), begin, end),
        "has expired" if request.param is PAST else "is not valid yet",
    )


@pytest.mark.parametrize(
    ("clock", "named"),
    [
        (WallClock(CHECKED, synchronised=False), "2027-01-01 12:30 UTC, and no time server"),
        (WallClock(datetime(1970, 1, 2, tzinfo=UTC), None), "1970-01-02 00:00 UTC, before this program was written"),
        (WallClock(datetime(1970, 1, 2, tzinfo=UTC), True), "1970-01-02 00:00 UTC, before this program was written"),
    ],
    ids=["nobodys", "impossible", "impossible-and-kept"],
)
async def test_a_doubtful_clock_is_named_where_a_certificate_is_refused_for_its_time(
    ill_timed: tuple[Path, str], clock: WallClock, named: str
) -> None:
    """With the time it shows and what to type; nothing was sent."""
    pem, complaint = ill_timed
    with SeedServer(key=KEY, certificate=pem) as server:
        async with DriveClient(server.url, KEY, ca_file=pem, wall_clock=lambda: clock) as drive:
            with pytest.raises(ClockWrong) as caught:
                await drive.list_keys("user-1")
        assert server.asked == []
    assert f"clock is likely wrong: it shows {named}" in caught.value.message
    assert complaint in caught.value.message
    assert "sudo timedatectl set-ntp true" in caught.value.remedy


@pytest.mark.parametrize("synchronised", [True, None])
async def test_a_sound_clock_is_not_blamed(ill_timed: tuple[Path, str], synchronised: bool | None) -> None:
    """It is the certificate then; the time that the clock shows stands there for whoever knows better."""
    pem, complaint = ill_timed
    clock = WallClock(CHECKED, synchronised)
    with SeedServer(key=KEY, certificate=pem) as server:
        async with DriveClient(server.url, KEY, ca_file=pem, wall_clock=lambda: clock) as drive:
            with pytest.raises(NotProcessed, match=f"certificate {complaint} .*shows 2027-01-01 12:30") as caught:
                await drive.list_keys("user-1")
    assert not isinstance(caught.value, ClockWrong)


async def test_the_clock_is_not_blamed_for_a_certificate_that_nobody_vouches_for(server: SeedServer) -> None:
    """However wrong it is; nor is it even looked at."""
    looked: list[object] = []

    def look() -> WallClock:
        looked.append(None)
        return WallClock(datetime(1970, 1, 2, tzinfo=UTC), synchronised=False)

    async with DriveClient(server.url, KEY, wall_clock=look) as drive:
        with pytest.raises(NotProcessed, match="certificate") as caught:
            await drive.list_keys("user-1")
    assert not isinstance(caught.value, ClockWrong)
    assert looked == []


async def test_the_clock_is_named_behind_a_proxy_as_well(ill_timed: tuple[Path, str]) -> None:
    """The other side of the tunnel is judged by the same clock."""
    pem, complaint = ill_timed
    clock = WallClock(CHECKED, synchronised=False)
    with SeedServer(key=KEY, certificate=pem) as server, ConnectProxy() as proxy:
        at = f"http://{proxy.address}"
        async with DriveClient(server.url, KEY, ca_file=pem, proxy=at, wall_clock=lambda: clock) as drive:
            with pytest.raises(ClockWrong, match=complaint):
                await drive.list_keys("user-1")
