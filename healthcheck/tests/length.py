"""How much the tests try: enough to notice a mistake within minutes or, with TESTS=long, all that there is to try."""

from __future__ import annotations

import os

AT_LENGTH = os.environ.get("TESTS") == "long"
