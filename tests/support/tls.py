"""Certificates for loopback, and a server with one that nobody vouches for."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Self


def certificate(folder: Path, *, for_ip: str = "127.0.0.1") -> Path:
    """A key and its certificate in one file, which is a private CA to whoever trusts it, and vouches for itself."""
    path = folder / f"{for_ip}.pem"
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=tagsmith-test"
    )
    more = ["-addext", f"subjectAltName=IP:{for_ip}", "-keyout", "-", "-out", "-"]
    made = subprocess.run([*command.split(), *more], check=True, capture_output=True)
    path.write_bytes(made.stdout)
    return path


def dated_certificate(folder: Path, begin: datetime, end: datetime) -> Path:
    """As `certificate` for 127.0.0.1, and valid from `begin` to `end` (aware) only."""
    path, request = folder / f"dated-{begin:%Y%m%d}.pem", folder / "request.pem"
    (folder / "index.txt").write_text("")
    (folder / "ca.conf").write_text(
        "[ca]\ndefault_ca = one\n[one]\npolicy = any\ndefault_md = sha256\nx509_extensions = extensions\n"
        f"database = {folder}/index.txt\nrand_serial = yes\nnew_certs_dir = {folder}\n[any]\ncommonName = supplied\n"
        "[extensions]\nsubjectKeyIdentifier = hash\nauthorityKeyIdentifier = keyid\n"
        "basicConstraints = critical,CA:TRUE\nsubjectAltName = IP:127.0.0.1\n"
    )
    key = "openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=tagsmith-test"
    made = subprocess.run([*key.split(), "-keyout", "-", "-out", str(request)], check=True, capture_output=True)
    path.write_bytes(made.stdout)
    sign = "openssl ca -selfsign -batch -notext -config ca.conf -in request.pem -out signed.pem -keyfile"
    times = ["-startdate", f"{begin.astimezone(UTC):%Y%m%d%H%M%SZ}", "-enddate", f"{end.astimezone(UTC):%Y%m%d%H%M%SZ}"]
    subprocess.run([*sign.split(), str(path), *times], check=True, capture_output=True, cwd=folder)
    path.write_bytes(made.stdout + (folder / "signed.pem").read_bytes())
    return path


class SelfSigned:
    """Takes TLS connections and answers nothing; a context manager. `folder` keeps key and certificate."""

    def __init__(self, folder: Path) -> None:
        certificate, key = folder / "certificate.pem", folder / "key.pem"
        command = (
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=127.0.0.1"
        )
        subprocess.run(
            [*command.split(), "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True
        )
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.load_cert_chain(certificate, key)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, name="self-signed", daemon=True)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                try:
                    self._context.wrap_socket(connection, server_side=True).close()
                except OSError:
                    continue
