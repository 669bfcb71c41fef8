"""Which authorities are trusted, for whom a certificate is, and when the first of a chain ends."""

from __future__ import annotations

import logging
import os
import socket
import ssl
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cached_property, lru_cache
from pathlib import Path
from time import monotonic
from typing import Any

from cryptography import x509
from cryptography.x509.oid import NameOID

from monitors.engine.base import MAX_SUBJECT, CertificateEnd

logger = logging.getLogger(__name__)

RECHECK_SECONDS = 10.0
"""How often to look whether the trusted authorities have changed."""
KNOWN_CERTIFICATES = 8192
"""Certificates that are not read anew: a fleet shares its intermediates and roots."""

_DER = 2  # _ssl.ENCODING_DER
_FEWEST_DOTS = 2  # of a pattern: OpenSSL refuses `*.com`, too

Stamp = list[tuple[str, int, int, int]]


class TlsContexts:
    """The two ways to speak TLS, each made when first needed (loading the trusted authorities takes 20 ms).

    Trusts what OpenSSL trusts: the system's store, or the file and the directories named by the environment variables
    SSL_CERT_FILE and SSL_CERT_DIR, which is how an internal authority is added. What changes there is in force within
    `recheck` seconds; what cannot be read leaves the trust as it is. Sessions are never resumed, so that every probe
    sees the certificate.
    """

    def __init__(self, recheck: float = RECHECK_SECONDS) -> None:
        self._recheck = recheck
        self._checked_at = float("-inf")
        self._trusted: Stamp | None = None
        self._unreadable: Stamp | None = None
        self._verifying: ssl.SSLContext | None = None

    @cached_property
    def _trusting(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return _prepared(context)

    def wrap(self, sock: socket.socket, name: str, *, verify: bool) -> ssl.SSLSocket:
        """`sock` for a handshake with `name`. Where OpenSSL cannot judge by the name, `is_for` has to, afterwards."""
        context = self._now_verifying() if verify else self._trusting
        judging = context.check_hostname
        context.check_hostname = judging and by_openssl(name)
        try:
            return context.wrap_socket(sock, server_hostname=name, do_handshake_on_connect=False)
        finally:
            context.check_hostname = judging

    def _now_verifying(self) -> ssl.SSLContext:
        now = monotonic()
        if self._verifying is None or now - self._checked_at >= self._recheck:
            self._checked_at = now
            self._verifying = self._renewed() or self._verifying or _prepared(ssl.create_default_context())
        return self._verifying

    def _renewed(self) -> ssl.SSLContext | None:
        """A context that trusts what is to be trusted now; None where that did not change or cannot be read."""
        found = _stamp()
        if found == self._trusted:
            return None
        file, directories = _places()
        try:
            context = ssl.create_default_context(cafile=file, capath=os.pathsep.join(map(str, directories)) or None)
        except OSError as exc:  # ssl.SSLError is one
            if found != self._unreadable:
                logger.warning("trusted authorities cannot be read", extra={"file": str(file), "error": str(exc)})
            self._unreadable = found
            return None
        self._trusted, self._unreadable = found, None
        return _prepared(context)


def _prepared(context: ssl.SSLContext) -> ssl.SSLContext:
    context.options |= ssl.OP_NO_TICKET
    context.set_alpn_protocols(["http/1.1"])
    return context


def _places() -> tuple[Path | None, list[Path]]:
    """The file and the directories of authorities. What OpenSSL has as a default need not exist."""
    default = ssl.get_default_verify_paths()
    named = os.environ.get(default.openssl_cafile_env)
    file = Path(named or default.openssl_cafile)
    directories = os.environ.get(default.openssl_capath_env) or default.openssl_capath
    found = [path for path in map(Path, directories.split(os.pathsep)) if path.is_dir()]
    return file if named or file.is_file() else None, found


def _stamp() -> Stamp:
    """What changes when an authority does: also by a rename or in place, and of a file that appears or vanishes.

    The system's directory has hundreds of files, which are only ever replaced: itself will do.
    """
    file, directories = _places()
    paths = [path for path in (file, *directories) if path]
    if ssl.get_default_verify_paths().openssl_capath_env in os.environ:
        for directory in directories:
            with suppress(OSError):
                paths += sorted(directory.iterdir())
    stamp = []
    for path in paths:
        with suppress(OSError):
            status = path.stat()
            stamp.append((str(path), status.st_mtime_ns, status.st_ino, status.st_size))
    return stamp


# names ---------------------------------------------------------------------------------------------------------------


def by_openssl(name: str) -> bool:
    """Whether OpenSSL can say if a certificate is for `name`.

    It lets no wildcard stand for a label with an underscore, nor before one, which browsers, curl and Go do.
    """
    return "_" not in name


def is_for(certificate: Mapping[str, Any], name: str) -> bool:
    """Whether `certificate` (as `getpeercert` gives it) is for `name`, lower case: RFC 6125 6.4.

    A wildcard is a whole first label and stands for one. As with OpenSSL, a certificate that names no hosts is for its
    common name.
    """
    hosts = [value for kind, value in certificate.get("subjectAltName", ()) if kind == "DNS"]
    if not hosts:
        subject = (pair for part in certificate.get("subject", ()) for pair in part)
        return any(kind == "commonName" and value.lower() == name for kind, value in subject)
    star = f"*.{name.partition('.')[2]}"
    accepted = {name, star} if star.count(".") >= _FEWEST_DOTS else {name}
    return any(host.lower() in accepted for host in hosts)


# ends ----------------------------------------------------------------------------------------------------------------


def earliest_end(sock: ssl.SSLSocket) -> CertificateEnd | None:
    """Which certificate ends first: of the verified chain, or of what was sent where nothing is verified.

    What the server sends although the chain does without it, such as an old cross-signed root, ends nothing. The root
    counts only if it was sent (blackbox_exporter: probe_ssl_earliest_cert_expiry): else it is this machine's own.
    None where nobody can read them.
    """
    connection: Any = sock._sslobj  # type: ignore[attr-defined]  # no other way to the chain before Python 3.13
    if sock.context.verify_mode is ssl.CERT_NONE:
        return _earliest(_encoded(connection.get_unverified_chain()))
    chain = _encoded(connection.get_verified_chain())
    first = _earliest(chain)
    root_ends_first = chain[1:] and first == _end(chain[-1]) != _earliest(chain[:-1])
    if root_ends_first and chain[-1] not in _encoded(connection.get_unverified_chain()):
        return _earliest(chain[:-1])
    return first


def _earliest(chain: Iterable[bytes]) -> CertificateEnd | None:
    ends = [end for encoded in chain if (end := _end(encoded))]
    return min(ends, key=lambda end: end.at, default=None)


def _encoded(chain: Iterable[Any] | None) -> list[bytes]:
    return [certificate.public_bytes(_DER) for certificate in chain or ()]


@lru_cache(maxsize=KNOWN_CERTIFICATES)
def _end(der: bytes) -> CertificateEnd | None:
    try:
        certificate = x509.load_der_x509_certificate(der)
        at = certificate.not_valid_after_utc
    except (ValueError, x509.InvalidVersion):
        return None
    try:
        subject = next(_names(certificate), "")
    except (ValueError, x509.UnsupportedGeneralNameType, x509.DuplicateExtension):
        subject = ""
    return CertificateEnd(at, "".join(letter for letter in subject if letter.isprintable())[:MAX_SUBJECT])


def _names(certificate: x509.Certificate) -> Iterator[str]:
    """What people may know a certificate by, the best first."""
    for attribute in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME):
        yield str(attribute.value)
    with suppress(x509.ExtensionNotFound):
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        yield from names.get_values_for_type(x509.DNSName)
        yield from map(str, names.get_values_for_type(x509.IPAddress))
    yield certificate.subject.rfc4514_string()
