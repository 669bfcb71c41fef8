"""Reading environment variables: what cannot work ends the process with one sentence that names the variable, what is
wrong with it and what to do. Secrets are never repeated."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qs, urlsplit
from zoneinfo import ZoneInfo

import environ
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

from healthcheck.installation import private
from monitors.engine.deny import DenyList
from monitors.outgoing import DeniedError, refuse_host

TRUTHS = {
    **dict.fromkeys(("true", "on", "ok", "yes", "y", "1"), True),
    **dict.fromkeys(("false", "off", "no", "n", "0"), False),
}
SHOWN = 100
"""Characters of a value that are repeated."""
DATABASES = ("mysql", "sqlite")
HOST_PATTERN = re.compile(r"\*|\.?[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\]")
PRINTABLE = re.compile(r"[!-~]+")
"""What a header can carry: no blanks, no other controls, no letters beyond ASCII."""
NEW_KEY = 'python3 -c "import base64, os; print(base64.urlsafe_b64encode(os.urandom(32)).decode())"'


class VariableError(SystemExit):
    """Why a process cannot start. Whichever process reads the settings (manage.py, the web server, Celery) ends with
    this sentence and without a traceback."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"{name} {problem} (see .env.example)")


class Variables(environ.Env):
    """The environment. A variable that is empty counts as one that is not set. Everything raises VariableError."""

    def given(self, name: str) -> bool:
        return bool(self.ENVIRON.get(name, "").strip())

    def text(self, name: str, default: str = "") -> str:
        try:
            return str(self.str(name)).strip() if self.given(name) else default
        except ImproperlyConfigured:  # "$OTHER" stands for the value of OTHER
            raise VariableError(name, "begins with $ and names a variable that is not set: set that one") from None

    def secret(self, name: str, default: Callable[[], str] | None) -> str:
        """A variable that must be set unless there is a `default`."""
        if self.given(name):
            return self.text(name)
        if default is None:
            raise VariableError(name, "is not set: with DATABASE_URL it is required, for all processes must share it")
        try:
            return default()
        except OSError as error:
            raise _no_place(error) from None

    def truth(self, name: str, *, default: bool) -> bool:
        text = self.text(name)
        if text and text.lower() not in TRUTHS:
            raise VariableError(name, f"is {_shown(text)}: give true or false")
        return TRUTHS[text.lower()] if text else default

    def whole(self, name: str, default: int, lowest: float, highest: float) -> int:
        return int(self._number(name, default, lowest, highest, int, "a whole number"))

    def number(self, name: str, default: float, lowest: float, highest: float) -> float:
        return float(self._number(name, default, lowest, highest, float, "a number"))

    def _number(
        self, name: str, default: float, lowest: float, highest: float, read: Callable[[str], float], kind: str
    ) -> float:
        text = self.text(name)
        if not text:
            return default
        with suppress(ValueError):
            if lowest <= (value := read(text)) <= highest:
                return value
        raise VariableError(name, f"is {_shown(text)}: give {kind} from {lowest:g} to {highest:.12g}")

    def several(self, name: str) -> list[str]:
        """The words between commas."""
        return [word for part in self.text(name).split(",") if (word := part.strip())]

    def directory(self, name: str, default: Path, *, make: bool) -> Path:
        """A directory, made where it is missing, for us alone, if `make`."""
        path = Path(self.text(name, str(default))).absolute()
        if path.exists() and not path.is_dir():
            raise VariableError(name, f"is {_shown(str(path))}, which is no directory: choose another one")
        if make:
            try:
                private(path)
            except OSError as error:
                raise _no_place(error) from None
        return path

    def authorities(self, name: str) -> str:
        """A file of certificates, which OpenSSL would pass over in silence if it had none."""
        path = self.text(name)
        try:
            if path:
                ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
        except OSError as error:  # an SSLError is one, too
            reason = "it has no certificate" if isinstance(error, ssl.SSLError) else error.strerror
            raise VariableError(
                name, f"is {_shown(path)}, which cannot be used: {reason}. Give a file of certificates in PEM"
            ) from None
        return path

    def zone(self, name: str, default: str) -> str:
        text = self.text(name, default)
        try:
            ZoneInfo(text)
        except (KeyError, OSError, ValueError):
            raise VariableError(name, f"is {_shown(text)}: give a time zone such as UTC or Asia/Seoul") from None
        return text

    def language(self, name: str, default: str, known: Collection[str]) -> str:
        """A language, with or without a region, such as ko or ko-kr."""
        text = self.text(name, default).lower()
        if text.partition("-")[0] not in known or not re.fullmatch(r"[a-z]+(-[a-z0-9]+)*", text):
            raise VariableError(name, f"is {_shown(text)}: give one of {', '.join(known)}")
        return text

    def web_address(self, name: str, default: str = "", *, secret: bool = False, asked: bool = False) -> str:
        """An http or https address, without a fragment; a `secret` one is not repeated, one that is `asked` by us must
        not lead to a metadata service."""
        text = self.text(name, default)
        wanted = "give an address such as https://monitor.example.com"
        parts = _split(text)
        if text and (parts is None or parts.scheme not in ("http", "https") or not parts.hostname or parts.fragment):
            raise VariableError(name, f"is no web address: {wanted}" if secret else f"is {_shown(text)}: {wanted}")
        if asked and text:
            try:
                refuse_host(text, DenyList())
            except DeniedError as error:
                raise VariableError(name, f"leads to {error}, which is never connected to: {wanted}") from None
        return text

    def hosts(self, name: str, default: Iterable[str]) -> list[str]:
        hosts = self.several(name)
        for host in hosts:
            if not HOST_PATTERN.fullmatch(host):
                raise VariableError(
                    name, f"has {_shown(host)}: give names alone, such as monitor.example.com, without scheme and port"
                )
        return hosts or list(default)

    def networks(self, name: str) -> list[str]:
        networks = self.several(name)
        try:
            DenyList(networks)
        except ValueError as error:
            raise VariableError(name, f"is wrong: {error}") from None
        return networks

    def token(self, name: str, *, not_this: str = "") -> str:
        """A secret that goes into a header. `not_this`: how the token of another variable begins."""
        text = self.text(name)
        if text and not PRINTABLE.fullmatch(text):
            raise VariableError(name, "has a blank or a character that no token has: copy it again")
        if text and not_this and text.startswith(not_this):
            raise VariableError(name, f"begins with {not_this}, which is a token for something else: see README, Slack")
        return text

    def keys(self, name: str, default: Callable[[], str] | None) -> list[str]:
        """Keys of Fernet between commas, the first of which encrypts."""
        keys = [key.strip() for key in self.secret(name, default).split(",") if key.strip()]
        for number, key in enumerate(keys, 1):
            try:
                Fernet(key)
            except ValueError:
                raise VariableError(name, f"is wrong: key {number} is none. Make one by {NEW_KEY}") from None
        if not keys:
            raise VariableError(name, f"has no key: make one by {NEW_KEY}")
        return keys

    def database(self, name: str, default: str) -> dict[str, Any]:
        """Django's description of the database at an address."""
        url = self.text(name, default)
        wanted = "give mysql://user:password@host:3306/name, with signs such as @ and # in the password written as %40"
        parts = _split(url)
        if parts is None or parts.scheme not in DATABASES:
            raise VariableError(name, f"is no address of a MySQL or MariaDB database: {wanted}")
        if parts.scheme == "mysql" and (not parts.path.strip("/") or not (parts.hostname or parts.query)):
            raise VariableError(name, f"names no host or no database: {wanted}")
        return dict(self.db_url_config(url))

    def broker(self, name: str, default: str) -> str:
        """The address of a Redis, as redis-py spells it."""
        url = self.text(name, default)
        wanted = "give redis://host:6379/0, rediss://host:6379/0 or unix:///path/to/socket?db=0"
        parts = _split(url)
        if parts is None or parts.scheme not in ("redis", "rediss", "unix"):
            raise VariableError(name, f"is no address of a Redis: {wanted}")
        if not (parts.path if parts.scheme == "unix" else parts.hostname):
            raise VariableError(name, f"names no host or socket: {wanted}")
        numbers = parse_qs(parts.query).get("db", []) + ([] if parts.scheme == "unix" else [parts.path.strip("/")])
        if not all(number.isdecimal() for number in numbers if number):
            raise VariableError(name, f"names no database by its number: {wanted}")
        return url


def _no_place(error: OSError) -> VariableError:
    return VariableError("DATA_DIR", f"cannot hold {error.filename}: {error.strerror}. Choose a directory of your own")


def bracketed(host: str) -> str:
    """`host` as addresses spell it: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host


def _split(url: str) -> SplitResult | None:
    """None for what is no address at all."""
    try:
        parts = urlsplit(url)
        sound = parts.port != 0 and url.isprintable() and " " not in url
    except ValueError:
        return None
    return parts if sound else None


def _shown(text: str) -> str:
    return repr(text[:SHOWN])
