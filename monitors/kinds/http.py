"""Web servers: one GET per look, redirects of the same host followed. Pure."""

from __future__ import annotations

import time
from dataclasses import dataclass

from monitors.engine.base import Outcome, Target
from monitors.engine.body import find_text, keep_beginning
from monitors.engine.connection import open_connection
from monitors.engine.cookies import Cookies
from monitors.engine.failures import Failure
from monitors.engine.message import build_request, exchange
from monitors.engine.network import Network, observe
from monitors.engine.progress import ProbeFailed, Progress
from monitors.engine.redirect import REDIRECTS, redirected
from monitors.engine.sentences import _
from monitors.kinds.base import REQUEST, Kind, Variant

HTTP_401 = Failure(
    "http_401",
    "ll",
    _("HTTP 401, login required"),
    _("The server wants credentials. Set a request header, or probe a path that is open."),
)
HTTP_403 = Failure(
    "http_403",
    "mm",
    _("HTTP 403, forbidden"),
    _("The server refuses the monitor. Check its access rules, or probe a path that is open."),
)
HTTP_404 = Failure(
    "http_404",
    "nn",
    _("HTTP 404, not found"),
    _("The path does not exist on the server. Check the path and what is deployed."),
)
HTTP_4XX = Failure(
    "http_4xx",
    "oo",
    _("HTTP 4xx, request rejected"),
    _("The server rejected the request. The detail names the status."),
)
HTTP_5XX = Failure(
    "http_5xx",
    "pp",
    _("HTTP 5xx, server error"),
    _("The server, or a proxy in front of it, failed to answer. The detail names the status; see its log."),
)
UNEXPECTED_STATUS = Failure(
    "unexpected_status",
    "qq",
    _("unexpected HTTP status"),
    _("The status is not among those expected of this server. The detail names it."),
)
TOO_MANY_REDIRECTS = Failure(
    "too_many_redirects",
    "rr",
    _("too many redirects"),
    _("The server redirects in a circle or too often. Probe the address where the redirects should end."),
)
ANSWERED = _("The server answered with status %(status)s.")
TOO_OFTEN = _("The server redirects more than %(limit)s times.")

MAX_REDIRECTS = 5

_OWN_HEADERS = {"Accept-Encoding": "identity", "Connection": "close"}
_KINDS = {401: HTTP_401, 403: HTTP_403, 404: HTTP_404}


@dataclass(frozen=True, slots=True)
class HttpProber:
    """Healthy is a final 2xx or 3xx answer, or one in `expected_status`, with `expected_text` in its first 64 KiB.

    A redirect to another host is an answer and is not followed. Cookies belong to one look: what a redirect sets goes
    along to where it leads. Without `expected_text` no body is read.
    """

    network: Network

    async def __call__(self, target: Target, deadline: float) -> Outcome:
        return await observe(_look, self.network, target, deadline)


async def _look(network: Network, target: Target, progress: Progress) -> None:
    cookies = Cookies()
    for _hop in range(1 + MAX_REDIRECTS):
        following = await _ask(network, target, cookies, progress)
        if following is None:
            return
        target = following
    raise ProbeFailed(TOO_MANY_REDIRECTS, TOO_OFTEN % {"limit": MAX_REDIRECTS})


async def _ask(network: Network, target: Target, cookies: Cookies, progress: Progress) -> Target | None:
    """Ask once. Returns where the server redirects to, None if the answer is final and as expected."""
    asked = cookies.added_to(target)
    request = build_request(asked, _OWN_HEADERS)
    with await open_connection(network, target, progress) as connection:
        head, rest = await exchange(connection, request, progress)
        progress.status = head.status
        expected = _is_expected(head.status, target)
        if head.status in REDIRECTS and not (expected and target.expected_status):
            following = redirected(target, head.values("location"))
            if following is not None:
                cookies.take(target, head.values("set-cookie"), time.time())
                return following
            progress.note = _("The server redirects to another place, which is not followed.")
        if not expected:
            await keep_beginning(asked, head, rest, connection, progress)
            raise _unexpected(head.status)
        if target.expected_text:
            await find_text(asked, head, rest, connection, progress)
    return None


def _is_expected(status: int, target: Target) -> bool:
    if target.expected_status:
        return any(low <= status <= high for low, high in target.expected_status)
    return 200 <= status <= 399


def _unexpected(status: int) -> ProbeFailed:
    kind = _KINDS.get(status, {4: HTTP_4XX, 5: HTTP_5XX}.get(status // 100, UNEXPECTED_STATUS))
    return ProbeFailed(kind, ANSWERED % {"status": status})


KIND = Kind(
    word="http",
    label="HTTP",
    numbers={
        100: Variant("HTTP"),
        1: Variant(_("web")),
        6: Variant(_("web (admin)")),
    },
    columns=REQUEST,
    prober=HttpProber,
    failures=(HTTP_401, HTTP_403, HTTP_404, HTTP_4XX, HTTP_5XX, UNEXPECTED_STATUS, TOO_MANY_REDIRECTS),
    sentences=(ANSWERED, TOO_OFTEN),
)
