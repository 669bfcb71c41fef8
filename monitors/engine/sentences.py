"""What is said of a failed probe, and how a sentence that was stored is found again. Pure: knows no language.

A sentence is stored in English. It is its own key in the catalogs; one that holds a value is found by its template, so
that whoever shows it to people can say it in theirs (`monitors.wording.detail_words`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache

from monitors import address


def _(sentence: str) -> str:
    """Marks a sentence for the catalogs."""
    return sentence


TLS_FAILED = _("The TLS handshake failed: %(reason)s.")
NOT_VALID = _("The certificate is outside its validity: %(reason)s.")
NOT_TRUSTED = _("The certificate is not trusted: %(reason)s.")
COULD_NOT_PROBE = _("This machine could not probe: %(code)s at stage %(stage)s.")
OWN_FAULT = _("A fault of the monitor itself: %(kind)s.")
STOOD_STILL = _("The monitor itself stood still for %(seconds)s s while it looked.")
TEMPLATES = (
    *(TLS_FAILED, NOT_VALID, NOT_TRUSTED, COULD_NOT_PROBE, OWN_FAULT, STOOD_STILL),
    *address.TEMPLATES,
    _("Start with http://, https://, ws:// or wss:// instead of %(scheme)s://."),  # said by earlier versions
)
"""Those of the kinds are in their modules."""
REASONS = (  # what OpenSSL says most often; they are values of the templates above
    _("certificate has expired"),
    _("certificate is not yet valid"),
    _("self-signed certificate"),
    _("self-signed certificate in certificate chain"),
    _("unable to get issuer certificate"),
    _("unable to get local issuer certificate"),
    _("unable to verify the first certificate"),
    _("unknown reason"),
)
RETIRED = (  # said by earlier versions; they stand in the history of those who upgraded
    _("Choose one of http, https, ws and wss."),
    _("No address is known for the name."),
    _("The headers of the answer are larger than 16 KiB."),
    _("The server redirects to something that is not an address."),
)

_PLACE = re.compile(r"%\((\w+)\)s")


@cache
def _pattern(template: str) -> re.Pattern[str]:
    """Matches what the template can have become. A value that stands in it twice is the same both times."""
    fixed, *rest = _PLACE.split(template)
    pattern, seen = re.escape(fixed), set[str]()
    for name, text in zip(rest[::2], rest[1::2], strict=True):
        pattern += (f"(?P={name})" if name in seen else f"(?P<{name}>.+?)") + re.escape(text)
        seen.add(name)
    return re.compile(pattern)


@lru_cache(maxsize=1024)
def template_of(detail: str, templates: tuple[str, ...]) -> tuple[str, Mapping[str, str]]:
    """Which of `templates` `detail` was made of, and its values; the text itself, without values, for every other."""
    for template in templates:
        if match := _pattern(template).fullmatch(detail):
            return template, match.groupdict()
    return detail, {}
