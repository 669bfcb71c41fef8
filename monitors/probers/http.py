"""The prober of web servers: one GET per look, redirects of the same host followed."""

from __future__ import annotations

import time
from dataclasses import dataclass

from monitors.probers import sentences
from monitors.probers.base import Failure, Outcome, Target
from monitors.probers.body import find_text, keep_beginning
from monitors.probers.connection import open_connection
from monitors.probers.cookies import Cookies
from monitors.probers.failures import ProbeFailed, Progress
from monitors.probers.message import build_request, exchange
from monitors.probers.network import Network, observe
from monitors.probers.redirect import REDIRECTS, redirected
from monitors.probers.sentences import _

MAX_REDIRECTS = 5

_OWN_HEADERS = {"Accept-Encoding": "identity", "Connection": "close"}
_KINDS = {401: Failure.HTTP_401, 403: Failure.HTTP_403, 404: Failure.HTTP_404}


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
    raise ProbeFailed(Failure.TOO_MANY_REDIRECTS, sentences.REDIRECTS % {"limit": MAX_REDIRECTS})


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
    kind = _KINDS.get(status, {4: Failure.HTTP_4XX, 5: Failure.HTTP_5XX}.get(status // 100, Failure.UNEXPECTED_STATUS))
    return ProbeFailed(kind, sentences.ANSWERED % {"status": status})
