"""The failures of all kinds of check by the names that tests say them by: `Failure.HTTP_404`."""

from __future__ import annotations

from typing import Any

from monitors import kinds
from monitors.engine.failures import Failure as _Failure


class _Failures(tuple[_Failure, ...]):
    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        if name.isupper() and (found := kinds.failure(name.lower())):
            return found
        raise AttributeError(name)


Failure = _Failures(kinds.failures())
