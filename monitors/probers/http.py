"""The prober of web servers: one GET per look, redirects of the same host followed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import quote, urljoin

from monitors.address import InvalidAddress, parse_address
from monitors.probers import sentences
from monitors.probers.base import Failure, Outcome, Target
from monitors.probers.body import find_text, keep_beginning
from monitors.probers.connection import open_connection
from monitors.probers.failures import ProbeFailed, Progress
from monitors.probers.message import DEFAULT_PORTS, build_request, exchange, invalid
from monitors.probers.network import Network, observe
from monitors.probers.sentences import _

MAX_REDIRECTS = 5

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_OWN_HEADERS = {"Accept-Encoding": "identity", "Connection": "close"}
_KINDS = {401: Failure.HTTP_401, 403: Failure.HTTP_403, 404: Failure.HTTP_404}


@dataclass(frozen=True, slots=True)
class HttpProber:
    """Healthy is a final 2xx or 3xx answer, or one in `expected_status`, with `expected_text` in its first 64 KiB.

    A redirect to another host is an answer and is not followed. Without `expected_text` no body is read.
    """

    network: Network

    async def __call__(self, target: Target, deadline: float) -> Outcome:
        return await observe(_look, self.network, target, deadline)


async def _look(network: Network, target: Target, progress: Progress) -> None:
    for _hop in range(1 + MAX_REDIRECTS):
        following = await _ask(network, target, progress)
        if following is None:
            return
        target = following
    raise ProbeFailed(Failure.TOO_MANY_REDIRECTS, sentences.REDIRECTS % {"limit": MAX_REDIRECTS})


async def _ask(network: Network, target: Target, progress: Progress) -> Target | None:
    """Ask once. Returns where the server redirects to, None if the answer is final and as expected."""
    request = build_request(target, _OWN_HEADERS)
    with await open_connection(network, target, progress) as connection:
        head, rest = await exchange(connection, request, progress)
        progress.status = head.status
        expected = _is_expected(head.status, target)
        if head.status in _REDIRECTS and not (expected and target.expected_status):
            following = _redirected(target, head.headers.get("location", ""))
            if following is not None:
                return following
            progress.note = _("The server redirects to another place, which is not followed.")
        if not expected:
            await keep_beginning(target, head, rest, connection, progress)
            raise _unexpected(head.status)
        if target.expected_text:
            await find_text(target, head, rest, connection, progress)
    return None


def _is_expected(status: int, target: Target) -> bool:
    if target.expected_status:
        return any(low <= status <= high for low, high in target.expected_status)
    return 200 <= status <= 399


def _unexpected(status: int) -> ProbeFailed:
    kind = _KINDS.get(status, {4: Failure.HTTP_4XX, 5: Failure.HTTP_5XX}.get(status // 100, Failure.UNEXPECTED_STATUS))
    return ProbeFailed(kind, sentences.ANSWERED % {"status": status})


def _redirected(target: Target, location: str) -> Target | None:
    """Where to ask next; None if `location` leads to another host or is no web address. Raises ProbeFailed.

    The target's own headers may hold a secret: they go along only to the same scheme and port, or from http to https.
    """
    if not location:
        return None
    host = f"[{target.host}]" if ":" in target.host else target.host
    reference = quote(location.encode("latin-1").partition(b"#")[0], safe="/?:@!$&'()*+,;=-._~%[]")
    try:
        url = urljoin(f"{target.scheme}://{host}:{target.port}{target.path}", reference)
        scheme = url.partition(":")[0].lower()
        if scheme not in ("http", "https"):
            return None
        address = parse_address(host=url, port=DEFAULT_PORTS[scheme], type=1)
    except (InvalidAddress, ValueError):
        raise invalid(_("The server redirects to something that is not an address.")) from None
    if address.host.removesuffix(".") != target.name:
        return None
    upgraded = (target.scheme, address.scheme) == ("http", "https")
    same = (target.scheme, target.port) == (address.scheme, address.port)
    headers = target.headers if same or upgraded else ()
    return replace(target, scheme=address.scheme, port=address.port, path=address.path, headers=headers)
