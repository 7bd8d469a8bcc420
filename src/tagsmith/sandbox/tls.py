"""What a sandbox shows at the TLS handshake: certificates made by openssl, good ones and bad ones.

A private CA is made once for a folder and vouches for all but the self-signed one: each fails for its own reason only.
"""

from __future__ import annotations

import ssl
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from tagsmith.errors import StationError
from tagsmith.sandbox.faults import BROKEN

CONTROL_NAME = "control.tagsmith.invalid"
"""The server name with which the sandbox's own commands come: they get the good certificate whatever is ordered."""
_CA = "ca.pem"
_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
_CONFIG = """
[ca]
default_ca = here
[here]
database = {work}/index
new_certs_dir = {work}
rand_serial = yes
unique_subject = no
default_md = sha256
policy = any
[any]
commonName = supplied
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[alone]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
subjectAltName = {names}
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = {names}
"""
_EVER = ("20200101000000Z", "20401231000000Z")
_PAST = ("20200101000000Z", "20200201000000Z")


class Certificates:
    """The certificates for one address. `folder` keeps them; a CA that is there already is used again.

    Raises:
        StationError: openssl is not installed, or cannot do it.
    """

    def __init__(self, folder: Path, host: str) -> None:
        self._folder = folder
        names = ["DNS:localhost", *(f"IP:{address}" for address in dict.fromkeys(("127.0.0.1", "::1", host)))]
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory() as work:
                self._make_all(Path(work), names)
        except FileNotFoundError as error:
            if error.filename != "openssl":
                raise StationError(f"no certificates in {folder}: {error.strerror}") from None
            raise StationError("certificates are made by openssl, which is not here", "apt install openssl") from None
        except OSError as error:
            raise StationError(f"no certificates in {folder}: {error.strerror}", "name another folder") from None
        except subprocess.SubprocessError as error:
            words = (getattr(error, "stderr", b"") or b"").decode(errors="replace").strip().rpartition("\n")[2]
            raise StationError(f"openssl makes no certificate: {words or error}", "empty the folder") from None

    @property
    def ca_file(self) -> Path:
        """The certificate that a client trusts to trust the good one."""
        return self._folder / _CA

    def context(self, usual: str, ordered: Callable[[], str | None]) -> ssl.SSLContext:
        """For a server that shows `usual`, unless a handshake was `ordered` to be another."""
        contexts = {name: self._context(name) for name in ("good", "self-signed", "expired", "wrong-host")}

        def choose(connection: ssl.SSLSocket | ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> int | None:
            if name == CONTROL_NAME:
                connection.context = contexts["good"]
                return None
            shown = ordered() or usual
            if shown == BROKEN:
                return ssl.ALERT_DESCRIPTION_HANDSHAKE_FAILURE
            connection.context = contexts[shown]
            return None

        # OpenSSL asks at every handshake, also where the client names no server, as with an address.
        listening = self._context(usual)
        listening.set_servername_callback(choose)  # type: ignore[arg-type]
        return listening

    def _context(self, name: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        return context

    def _make_all(self, work: Path, names: list[str]) -> None:
        (work / "index").touch()
        if not self.ca_file.exists():
            self._request(work, "ca", [], "-x509", "-extensions", "authority", "-days", "7300", "-out", "ca.new")
            # In one move, so that an interrupted start leaves none that has no key.
            (self._folder / "ca.new").replace(self.ca_file)
        self._request(
            *(work, "self-signed", names),
            *("-x509", "-extensions", "alone", "-days", "30", "-out", "self-signed.pem"),
        )
        for name, (begin, end), alternatives in (
            ("good", _EVER, names),
            ("expired", _PAST, names),
            ("wrong-host", _EVER, ["DNS:wrong-host.invalid"]),
        ):
            request = str(work / f"{name}.csr")
            self._request(work, name, alternatives, "-out", request)
            self._openssl(
                *("ca", "-batch", "-notext", "-config", str(work / "config"), "-extensions", "server"),
                *("-cert", _CA, "-keyfile", "ca.key", "-in", request, "-out", f"{name}.pem"),
                *("-startdate", begin, "-enddate", end),
            )

    def _request(self, work: Path, name: str, names: list[str], *arguments: str) -> None:
        """A new key, and what it asks for: a request to sign, or a certificate that it signs itself."""
        (work / "config").write_text(_CONFIG.format(work=work, names=", ".join(names) or "DNS:ca.invalid"))
        self._openssl(
            *("req", "-new", "-config", str(work / "config"), *_KEY, "-keyout", f"{name}.key"),
            *("-subj", f"/CN=tagsmith sandbox {name}", *arguments),
        )

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self._folder, check=True, capture_output=True, timeout=30)
