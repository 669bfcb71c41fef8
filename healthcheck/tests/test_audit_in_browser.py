"""The audit log in a browser."""

from __future__ import annotations

import pytest

from healthcheck.tests.browser import assert_accessible, expect, screenshot
from monitors import recording
from monitors.tests.builders import NOW, server

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
