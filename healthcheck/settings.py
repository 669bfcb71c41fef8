"""Every setting, read from the environment or `.env`. The README's configuration table explains each variable."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.utils.translation import gettext_lazy as _

from healthcheck.broker import celery_broker_url
from healthcheck.installation import generated, redis_socket
from healthcheck.peers import LOOPBACK, networks
from healthcheck.schedule import every
from healthcheck.variables import Variables, bracketed
from monitors.policy import BOUNDS

os.umask(0o077)  # every process reads this, and what it writes is for its own user: data, secrets, logs
BASE_DIR = Path(__file__).resolve().parent.parent
env = Variables()
env.read_env(BASE_DIR / ".env")  # absent in production; variables win over the file

VERSION = "0.1.0"
DEBUG = env.truth("DEBUG", default=False)
EMBEDDED = not env.given("DATABASE_URL")
"""True for the default stack on one machine: SQLite and an embedded Redis in DATA_DIR."""
DATA_DIR = env.directory("DATA_DIR", BASE_DIR / "var", make=EMBEDDED)

# Secrets are generated for the embedded stack and required otherwise: two machines must share them.
SECRET_KEY = env.secret("SECRET_KEY", partial(generated, DATA_DIR, "secret_key") if EMBEDDED else None)
ENCRYPTION_KEYS = env.keys("ENCRYPTION_KEYS", partial(generated, DATA_DIR, "encryption_keys") if EMBEDDED else None)

HOST = env.text("HOST", "127.0.0.1")
PORT = env.whole("PORT", 8000, 1, 65_535)
SITE_URL = env.web_address("SITE_URL", f"http://{bracketed(HOST)}:{PORT}").rstrip("/")
_site = urlsplit(SITE_URL)
SECURE = _site.scheme == "https"
ALLOWED_HOSTS = env.hosts("ALLOWED_HOSTS", [bracketed(_site.hostname or ""), "localhost", "127.0.0.1", "[::1]"])
DEMO = env.truth("DEMO", default=True)
CSRF_TRUSTED_ORIGINS = [f"{_site.scheme}://{_site.netloc}"] if SECURE else []
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = SECURE
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]  # asked for from inside, without TLS
SECURE_HSTS_SECONDS = 31_536_000 if SECURE else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SECURE else None
TRUSTED_PROXIES = networks(env.networks("TRUSTED_PROXIES") or LOOPBACK)
"""Whose X-Forwarded-For is believed."""
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
# What subdomains do and whether a domain is preloaded is for its owner to decide, not for one host of it.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "monitors",  # before django.contrib.auth: createsuperuser and changepassword are ours
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "servestatic.runserver_nostatic",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_filters",
    "django_htmx",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "notifications",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "servestatic.middleware.ServeStaticMiddleware",
    "healthcheck.headers.Headers",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "monitors.middleware.Audited",
    "monitors.middleware.Preferences",
    "monitors.middleware.LogInLimits",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
ROOT_URLCONF = "healthcheck.urls"
ASGI_APPLICATION = "healthcheck.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

SQLITE_OPTIONS = {
    "transaction_mode": "IMMEDIATE",  # DEFERRED transactions fail when two writers meet
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-20000;",
}
MYSQL_OPTIONS = {
    "charset": "utf8mb4",
    # In /*M! */ what MySQL has not: a process that stands still in a transaction must not keep its locks for ever.
    "init_command": "SET time_zone='+00:00', sql_mode='STRICT_TRANS_TABLES,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO'"
    " /*M! , idle_transaction_timeout=10 */",
    "connect_timeout": 3,
    "read_timeout": 20,  # a database that hangs must not hang the prober
    "write_timeout": 20,
}
ENGINES = {"django.db.backends.sqlite3": "healthcheck.sqlite", "django.db.backends.mysql": "healthcheck.mysql"}
DATABASES: dict[str, dict[str, Any]] = {"default": env.database("DATABASE_URL", f"sqlite:///{DATA_DIR}/db.sqlite3")}
_database = DATABASES["default"]
_database["ENGINE"] = ENGINES[_database["ENGINE"]]
_database["OPTIONS"] = {
    **(SQLITE_OPTIONS if "sqlite" in _database["ENGINE"] else MYSQL_OPTIONS),
    **_database.get("OPTIONS", {}),
}
_database["CONN_MAX_AGE"] = 60
_database["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.broker("REDIS_URL", f"unix://{redis_socket(DATA_DIR)}?db=0")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "shm",
        "OPTIONS": {"socket_timeout": 2, "socket_connect_timeout": 2},
    }
}

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
AUTHENTICATION_BACKENDS = ["monitors.backends.RoleBackend"]
LOGIN_URL = "/login/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/login/"
PASSWORD_RESET_TIMEOUT = 3 * 24 * 3600  # seconds that a link to set a password is good for

LANGUAGES = [("en", _("English")), ("ko", _("Korean"))]
LANGUAGE_CODE = env.language("LANGUAGE_CODE", "en", [code for code, _name in LANGUAGES])
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = ["healthcheck.formats"]
TIME_ZONE = env.zone("TIME_ZONE", "UTC")
USE_I18N = USE_TZ = True
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
SERVESTATIC_USE_FINDERS = True  # no collectstatic needed
SERVESTATIC_AUTOREFRESH = DEBUG
DATA_UPLOAD_MAX_MEMORY_SIZE = 8 * 1024 * 1024  # 5,000 servers in one request are about 3 MB
FILE_UPLOAD_MAX_MEMORY_SIZE = DATA_UPLOAD_MAX_MEMORY_SIZE  # nothing that is sent is written to the disk

ACCENTS = {  # the accent of the pages (static/css/tokens.css) in the steps that the admin asks for
    "50": "#f2f6fd",
    "100": "#e7effc",
    "200": "#cbdcf8",
    "300": "#a5c5fb",
    "400": "#86b6ff",
    "500": "#3f80e0",
    "600": "#1259c3",
    "700": "#0f4ca6",
    "800": "#103f86",
    "900": "#15336a",
    "950": "#15263e",
}
UNFOLD: dict[str, Any] = {
    "SITE_TITLE": _("Server health monitor"),
    "SITE_HEADER": _("Server health monitor"),
    "SITE_SYMBOL": "monitor_heart",
    "SITE_URL": "/",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "healthcheck.navigation.icon"}],
    "STYLES": ["healthcheck.navigation.tokens", "healthcheck.navigation.style_sheet"],
    "COLORS": {"primary": ACCENTS},
    "SHOW_LANGUAGES": True,
    "SIDEBAR": {"navigation": "healthcheck.navigation.side_bar"},
}

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "monitors.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["monitors.permissions.RolePermission"],
    "DEFAULT_PAGINATION_CLASS": "monitors.pagination.Pagination",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "monitors.openapi.Schema",
    "DEFAULT_PARSER_CLASSES": ["monitors.parsers.BoundedJSONParser"],
    "DEFAULT_METADATA_CLASS": "monitors.metadata.Metadata",
    "EXCEPTION_HANDLER": "monitors.errors.handle",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Server health monitor",
    "VERSION": VERSION,
    "DESCRIPTION": "Register servers, see their health and history, and manage who is told.\n\n"
    "Unknown fields and filters are refused. What is read-only may be sent back, and is ignored. Texts are trimmed.",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "validatorUrl": None},  # nothing is asked of another host
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": r"/api/",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {"EnvironmentEnum": "monitors.models.Environment"},  # one name for one and for several
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "monitors.openapi.complete",
    ],
}

CELERY_BROKER_URL = celery_broker_url(REDIS_URL)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_CHANNEL_ERROR_RETRY = True  # a Redis that is read-only, full or asks for a password will be well again
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True  # Celery's default from 6 on; concerns late acks only
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 300,
    "socket_timeout": 15,
    "socket_connect_timeout": 5,
    "socket_keepalive": not REDIS_URL.startswith("unix"),
    "health_check_interval": 10,
    "global_keyprefix": "shm:",
}
CELERY_TASK_IGNORE_RESULT = True  # nobody reads results, so there is no result backend
CELERY_TASK_ACKS_LATE = False  # the database is the truth; a lost message costs one interval
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0, "interval_max": 0.2}
CELERY_TASK_DEFAULT_QUEUE = "ticks"
CELERY_TASK_ROUTES = {
    "monitors.tasks.probe_servers": {"queue": "probes"},
    "notifications.tasks.deliver": {"queue": "deliveries"},
    "notifications.tasks.watch_workspace": {"queue": "deliveries"},
}
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_POOL = "threads"
CELERY_WORKER_CONSUMER = "healthcheck.celery:PatientConsumer"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_BEAT_SCHEDULER = "healthcheck.schedule:SteadyScheduler"
CELERY_DB_REUSE_MAX = 10**9  # see healthcheck.celery.check_connections
CELERY_BEAT_MAX_LOOP_INTERVAL = 1
CELERY_TIMEZONE = "UTC"

# What a probe does when neither its server nor its environment's policy says otherwise.
PROBE_INTERVAL_SECONDS = env.whole("PROBE_INTERVAL_SECONDS", 30, *BOUNDS["interval_seconds"])
PROBE_TIMEOUT_SECONDS = env.number("PROBE_TIMEOUT_SECONDS", 5.0, *BOUNDS["timeout_seconds"])
HEALTHY_THRESHOLD = env.whole("HEALTHY_THRESHOLD", 3, *BOUNDS["healthy_threshold"])
UNHEALTHY_THRESHOLD = env.whole("UNHEALTHY_THRESHOLD", 3, *BOUNDS["unhealthy_threshold"])
SLOW_AFTER_MS = env.whole("SLOW_AFTER_MS", 0, *BOUNDS["slow_after_ms"]) or None
PROBE_BATCH_SIZE = env.whole("PROBE_BATCH_SIZE", 250, 1, 10_000)
PROBE_MAX_IN_FLIGHT = env.whole("PROBE_MAX_IN_FLIGHT", 4000, 1, 1_000_000)
PROBE_DENY_NETWORKS = env.networks("PROBE_DENY_NETWORKS")
env.authorities("SSL_CERT_FILE")  # OpenSSL reads the variable itself
HISTORY_OUTCOMES_HOURS = env.whole("HISTORY_OUTCOMES_HOURS", 24, 1, 87_600)
HISTORY_MINUTES_DAYS = env.whole("HISTORY_MINUTES_DAYS", 7, 1, 3_650)
HISTORY_HOURS_DAYS = env.whole("HISTORY_HOURS_DAYS", 90, 1, 3_650)
HISTORY_DAYS_DAYS = env.whole("HISTORY_DAYS_DAYS", 1095, 1, 36_500)
TRANSITION_HINT_TASK = "notifications.tasks.deliver_due"
"""Sent, lossily, after a commit that stored a transition, so that news leave before the next tick."""

SLACK_BOT_TOKEN = env.token("SLACK_BOT_TOKEN", not_this="xapp-")
SLACK_APP_TOKEN = env.token("SLACK_APP_TOKEN", not_this="xoxb-")
SLACK_API_URL = env.web_address("SLACK_API_URL", "https://slack.com/api/", asked=True).rstrip("/") + "/"
INVENTORY_URL = env.web_address("INVENTORY_URL", secret=True, asked=True)
INVENTORY_TOKEN = env.token("INVENTORY_TOKEN")

CELERY_BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    "probe due servers": {"task": "monitors.tasks.probe_due", "schedule": every(1.0), "options": {"expires": 2}},
    "deliver due messages": {
        "task": "notifications.tasks.deliver_due",
        "schedule": every(1.0),
        "options": {"expires": 2},
    },
    "prune deliveries": {
        "task": "notifications.tasks.prune_deliveries",
        "schedule": every(600),
        "options": {"expires": 600},
    },
    "watch the workspace": {
        "task": "notifications.tasks.watch_workspace",
        "schedule": every(3.0),
        "options": {"expires": 3},
    },
    "prune history": {"task": "monitors.tasks.prune_history", "schedule": every(60.0), "options": {"expires": 60}},
    "clear sessions": {"task": "monitors.tasks.clear_sessions", "schedule": every(3600), "options": {"expires": 3600}},
}
if INVENTORY_URL:
    CELERY_BEAT_SCHEDULE["synchronise inventory"] = {
        "task": "monitors.tasks.sync_inventory",
        "schedule": every(600.0),
        "options": {"expires": 600},
    }

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "broker": {"()": "healthcheck.logs.CollapseBrokerErrors"},
        "secrets": {"()": "healthcheck.logs.HideSecrets"},
    },
    "formatters": {"line": {"()": "healthcheck.logs.LineFormatter"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["broker", "secrets"]}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "celery": {"level": "WARNING"},
        "kombu": {"level": "WARNING"},
        "slack_sdk": {"level": "WARNING"},
        "urllib3": {"level": "WARNING"},
        "django.server": {"handlers": ["console"], "level": "INFO", "propagate": False},
    },
}
