"""What is said of a failed probe, and how a sentence that was stored is found again. Pure: knows no language.

A sentence is stored in English. It is its own key in the catalogs; one that holds a value is found by its template, so
that whoever shows it to people can say it in theirs (`monitors.wording.detail_words`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from monitors import address


def _(sentence: str) -> str:
    """Marks a sentence for the catalogs."""
    return sentence


ANSWERED = _("The server answered with status %(status)s.")
UPGRADE_REFUSED = _("The server refused the upgrade with status %(status)s.")
BAD_UPGRADE = _("The upgrade has no valid %(header)s header.")
REDIRECTS = _("The server redirects more than %(limit)s times.")
TLS_FAILED = _("The TLS handshake failed: %(reason)s.")
NOT_VALID = _("The certificate is outside its validity: %(reason)s.")
NOT_TRUSTED = _("The certificate is not trusted: %(reason)s.")
COULD_NOT_PROBE = _("This machine could not probe: %(code)s at stage %(stage)s.")
OWN_FAULT = _("A fault of the monitor itself: %(kind)s.")
STOOD_STILL = _("The monitor itself stood still for %(seconds)s s while it looked.")
TEMPLATES = (
    *(ANSWERED, UPGRADE_REFUSED, BAD_UPGRADE, REDIRECTS, TLS_FAILED, NOT_VALID, NOT_TRUSTED),
    *(COULD_NOT_PROBE, OWN_FAULT, STOOD_STILL, *address.TEMPLATES),
)
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
    _("No address is known for the name."),
    _("The headers of the answer are larger than 16 KiB."),
    _("The server redirects to something that is not an address."),
)

_PLACE = re.compile(r"%\((\w+)\)s")


def _pattern(template: str) -> re.Pattern[str]:
    """Matches what the template can have become. A value that stands in it twice is the same both times."""
    fixed, *rest = _PLACE.split(template)
    pattern, seen = re.escape(fixed), set[str]()
    for name, text in zip(rest[::2], rest[1::2], strict=True):
        pattern += (f"(?P={name})" if name in seen else f"(?P<{name}>.+?)") + re.escape(text)
        seen.add(name)
    return re.compile(pattern)


_PATTERNS = {template: _pattern(template) for template in TEMPLATES}


@lru_cache(maxsize=1024)
def template_of(detail: str) -> tuple[str, Mapping[str, str]]:
    """The template that `detail` was made of, and its values; the text itself, without values, for every other."""
    for template, pattern in _PATTERNS.items():
        if match := pattern.fullmatch(detail):
            return template, match.groupdict()
    return detail, {}
