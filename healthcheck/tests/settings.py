"""The settings under test: nothing of a developer's `.env` or data reaches a test, and no test reaches Slack."""

import atexit
import os
import shutil
import tempfile

_directory = tempfile.mkdtemp(prefix="shm-tests-")
atexit.register(shutil.rmtree, _directory, ignore_errors=True)

os.environ["DATA_DIR"] = _directory
os.environ["REDIS_URL"] = "redis://127.0.0.1:1/0"  # nothing answers there; who needs a Redis asks for `redis_server`
os.environ["SLACK_API_URL"] = "http://127.0.0.1:1/api/"
os.environ["TIME_ZONE"] = "UTC"
os.environ["LANGUAGE_CODE"] = "en"
for _name in ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "INVENTORY_URL", "INVENTORY_TOKEN", "PROBE_DENY_NETWORKS"):
    os.environ[_name] = ""
for _name in ("DEBUG", "SITE_URL", "ALLOWED_HOSTS", "HOST", "PORT", "TRUSTED_PROXIES"):
    os.environ.pop(_name, None)

from healthcheck.settings import *  # noqa: E402, F403
from healthcheck.settings import DATABASES  # noqa: E402

if "sqlite" in DATABASES["default"]["ENGINE"]:
    # A file, as in production: threads share a database in memory by a lock of its own kind, which never waits.
    DATABASES["default"]["TEST"] = {"NAME": f"{_directory}/tests.sqlite3"}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Each client of a test would look through every directory of static files. Whatever tests them runs a whole server.
SERVESTATIC_USE_FINDERS = SERVESTATIC_USE_STATIC_ROOT = False
