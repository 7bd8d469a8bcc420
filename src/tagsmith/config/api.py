"""Which Drive API the settings mean, and the key for it.

Never shows a key, and sends nothing.
"""

from __future__ import annotations

import ipaddress
import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from tagsmith.config.schema import ApiSettings, Environment, Settings
from tagsmith.errors import ConfigError

# Source: developer.plugsurfing.com/docs/getting-started-with-drive-api; the sandbox is ours, on its usual port.
_URLS = {
    Environment.SANDBOX: "http://127.0.0.1:8787",
    Environment.STAGE: "https://drive-api-stage.plugsurfing.com/drive",
    Environment.PRODUCTION: "https://drive-api.plugsurfing.com/drive",
}
Secret = SecretStr
"""A key that hides itself in text and tracebacks."""
_STAGE_HOST = "drive-api-stage.plugsurfing.com"
_SANDBOX_KEY = "sandbox"


_MAX_KEY_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Api:
    """The Drive API in force. `url` is normalised and is also the `target` that entries are made for.

    `key` hides itself in text and tracebacks; `key.get_secret_value()` is for the client alone. `proxy` is None for
    the sandbox: a proxy would look for loopback on its own machine, and would see the key.
    """

    url: str
    environment: Environment
    key: SecretStr
    proxy: str | None = field(default=None, repr=False)
    ca_file: Path | None = None

    @property
    def target(self) -> str:
        """Scheme and host in lower case, port unless it is the usual one, path without a slash at its end."""
        return self.url

    @property
    def production(self) -> bool:
        """Whether pairs made here bill real drivers."""
        return self.environment is Environment.PRODUCTION


def resolve_api(settings: Settings) -> Api:
    """Which API these settings mean, and the key for it.

    Raises:
        ConfigError: neither URL nor environment, or ones that contradict each other; a URL that would send the key in
            clear or holds what does not belong there; no key, or one that is unsafe or cannot be a key.
    """
    chosen = settings.api.environment
    if settings.api.url is not None:
        url, environment = resolve_url(settings.api.url)
        if chosen is not None and chosen is not environment:
            raise ConfigError(
                f"[api] url leads to {environment}, but environment says {chosen}",
                "set one of the two, or make them agree",
            )
    elif chosen is not None:
        url, environment = _URLS[chosen], chosen
    else:
        raise ConfigError(
            "no Drive API is chosen",
            "set environment = sandbox, stage or production under [api], or TAGSMITH_API__ENVIRONMENT, or [api] url",
        )
    proxy = None if environment is Environment.SANDBOX else settings.api.proxy
    return Api(url, environment, _key(settings.api, environment), proxy, settings.api.ca_file)


def resolve_url(url: str) -> tuple[str, Environment]:
    """The normalised form of a base URL, and which API it leads to.

    Loopback (127.0.0.0/8, ::1, localhost) is the sandbox, the vendor's stage host is stage, anything else production.

    Raises:
        ConfigError: no usable URL, or plain HTTP to another machine.
    """
    remedy = "write it like https://host/path"
    # urlsplit drops some control characters silently: what is checked must be what is used.
    if not re.fullmatch(r"[!-~]+", url):
        raise ConfigError("[api] url holds blanks, control or non-ASCII characters", remedy)
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").removesuffix("."), parts.port
    except ValueError:
        raise ConfigError("[api] url is no valid URL", remedy) from None
    if "@" in parts.netloc:
        raise ConfigError("[api] url holds a user name or password", "leave out what stands before the @")
    if "?" in url or "#" in url:
        raise ConfigError("[api] url holds a query or a fragment", "end it before the ? or #")
    if parts.scheme not in ("http", "https"):
        raise ConfigError("[api] url is no http(s) URL", remedy)
    address = _address(host)
    if port == 0 or not (address or re.fullmatch(r"[a-z0-9_]([a-z0-9._-]*[a-z0-9_])?", host)):
        raise ConfigError("[api] url has no valid host and port", remedy)
    if not re.fullmatch(r"[A-Za-z0-9._~!$&'()*+,;=:@%/-]*", parts.path):
        raise ConfigError("[api] url holds characters that no path has", remedy)
    if host == "localhost" or (address is not None and address.is_loopback):
        environment = Environment.SANDBOX
    else:
        environment = Environment.STAGE if host == _STAGE_HOST else Environment.PRODUCTION
        if parts.scheme == "http":
            raise ConfigError(f"plain http to {host} would send the API key in clear", "use https")
    origin = f"[{address.compressed}]" if address is not None and address.version == 6 else host
    if port is not None and port != {"http": 80, "https": 443}[parts.scheme]:
        origin += f":{port}"
    return f"{parts.scheme}://{origin}{parts.path.rstrip('/')}", environment


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    # Forms like 127.1 or 0x7f000001 are no address here: they count as a name of another machine, the careful side.
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def key_in(path: Path) -> SecretStr:
    """The key in a file that only its owner may read.

    Raises:
        ConfigError: it cannot be read, others may, or it holds no key.
    """
    return _checked(_read_key(path, private=True), str(path))


def key_of(text: str) -> SecretStr:
    """A key that a person typed.

    Raises:
        ConfigError: it cannot be one.
    """
    return _checked(text.strip(), "what was typed")


def _key(api: ApiSettings, environment: Environment) -> SecretStr:
    if api.key is not None:
        return _checked(api.key.get_secret_value(), "TAGSMITH_API__KEY")
    if api.key_file is not None:
        return _checked(_read_key(api.key_file, private=True), str(api.key_file))
    if directory := os.environ.get("CREDENTIALS_DIRECTORY"):
        credential = Path(directory) / "api-key"
        if credential.exists():
            # systemd guards the folder itself, and may give the file by an ACL that looks like a group's right.
            return _checked(_read_key(credential, private=False), str(credential))
    if environment is Environment.SANDBOX:
        return SecretStr(_SANDBOX_KEY)
    raise ConfigError(
        f"there is no API key for {environment}",
        'put it into a file, chmod 600 it, and write key_file = "/path/of/it" under [api]; or set TAGSMITH_API__KEY',
    )


def _read_key(path: Path, *, private: bool) -> str:
    """The text of a key file. Judged and read through one descriptor, so that nobody can swap the file in between."""
    try:
        path = path.expanduser()
        # Without O_NONBLOCK a pipe that nobody writes to would hold the station for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            mode = os.fstat(descriptor).st_mode
            if not stat.S_ISREG(mode):
                raise ConfigError(f"the key file {path} is no regular file")
            if private and mode & 0o077:
                raise ConfigError(f"others may read or change the key file {path}", f"chmod 600 {path}")
            content = os.read(descriptor, _MAX_KEY_BYTES + 1)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise ConfigError(f"the key file {path} cannot be read: {error.strerror}", f"ls -l {path}") from None
    except (RuntimeError, ValueError):
        raise ConfigError("[api] key_file is no path that can be opened", "write the full path") from None
    if len(content) > _MAX_KEY_BYTES:
        raise ConfigError(f"{path} is too long for an API key", "the file holds the key and nothing else")
    return content.decode("ascii", errors="replace").rstrip("\r\n")


def _checked(key: str, place: str) -> SecretStr:
    if not key:
        raise ConfigError(f"the API key in {place} is empty")
    if not re.fullmatch(r"[!-~]+", key):
        raise ConfigError(
            f"the API key in {place} holds blanks, control or non-ASCII characters",
            "copy it again, on one line of its own",
        )
    return SecretStr(key)
