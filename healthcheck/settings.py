"""Every setting, read from the environment or `.env`. The README's configuration table explains each variable."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from django.utils.translation import gettext_lazy as _

from healthcheck.broker import celery_broker_url
from healthcheck.installation import generated, redis_socket
from healthcheck.peers import LOOPBACK, networks
from healthcheck.schedule import every

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
environ.Env.read_env(BASE_DIR / ".env")  # absent in production; variables win over the file

VERSION = "0.1.0"
DEBUG = env.bool("DEBUG", default=False)
DATA_DIR = Path(env.str("DATA_DIR", default=str(BASE_DIR / "var"))).absolute()
EMBEDDED = "DATABASE_URL" not in env.ENVIRON
"""True for the default stack on one machine: SQLite and an embedded Redis in DATA_DIR."""

# Secrets are generated for the embedded stack and required otherwise: two machines must share them.
SECRET_KEY = env.str("SECRET_KEY", default=generated(DATA_DIR, "secret_key") if EMBEDDED else environ.Env.NOTSET)
ENCRYPTION_KEYS = env.list(
    "ENCRYPTION_KEYS", default=[generated(DATA_DIR, "encryption_keys")] if EMBEDDED else environ.Env.NOTSET
)

HOST = env.str("HOST", default="127.0.0.1")
PORT = env.int("PORT", default=8000)
SITE_URL = env.str("SITE_URL", default=f"http://{HOST}:{PORT}").rstrip("/")
_site = urlsplit(SITE_URL)
SECURE = _site.scheme == "https"
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[_site.hostname, "localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = [f"{_site.scheme}://{_site.netloc}"] if SECURE else []
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = SECURE
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]  # asked for from inside, without TLS
SECURE_HSTS_SECONDS = 31_536_000 if SECURE else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SECURE else None
TRUSTED_PROXIES = networks("TRUSTED_PROXIES", env.list("TRUSTED_PROXIES", default=LOOPBACK))
"""Whose X-Forwarded-For is believed."""
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
# What subdomains do and whether a domain is preloaded is for its owner to decide, not for one host of it.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
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
    "monitors",
    "notifications",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "servestatic.middleware.ServeStaticMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
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
DATABASES: dict[str, dict[str, Any]] = {"default": env.db("DATABASE_URL", default=f"sqlite:///{DATA_DIR}/db.sqlite3")}
_database = DATABASES["default"]
if _database["ENGINE"] == "django.db.backends.mysql":
    _database["ENGINE"] = "healthcheck.mysql"
_database["OPTIONS"] = {
    **(SQLITE_OPTIONS if "sqlite" in _database["ENGINE"] else MYSQL_OPTIONS),
    **_database.get("OPTIONS", {}),
}
_database["CONN_MAX_AGE"] = 60
_database["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.str("REDIS_URL", default=f"unix://{redis_socket(DATA_DIR)}?db=0")
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

LANGUAGE_CODE = env.str("LANGUAGE_CODE", default="en")
LANGUAGES = [("en", _("English")), ("ko", _("Korean"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = ["healthcheck.formats"]
TIME_ZONE = env.str("TIME_ZONE", default="UTC")
USE_I18N = USE_TZ = True
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
SERVESTATIC_USE_FINDERS = True  # no collectstatic needed
SERVESTATIC_AUTOREFRESH = DEBUG
DATA_UPLOAD_MAX_MEMORY_SIZE = 8 * 1024 * 1024  # 5,000 servers in one request are about 3 MB

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
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_PARSER_CLASSES": ["monitors.parsers.BoundedJSONParser"],
    "EXCEPTION_HANDLER": "monitors.errors.handle",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Server health monitor",
    "VERSION": VERSION,
    "DESCRIPTION": "Register servers, see their health and history, and manage who is told.",
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
        "monitors.api.documents.describe_errors",
    ],
}

CELERY_BROKER_URL = celery_broker_url(REDIS_URL)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
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
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_BEAT_SCHEDULER = "healthcheck.schedule:SteadyScheduler"
CELERY_DB_REUSE_MAX = 10**9  # see healthcheck.celery.check_connections
CELERY_BEAT_MAX_LOOP_INTERVAL = 1
CELERY_TIMEZONE = "UTC"

# What a probe does when neither its server nor its environment's policy says otherwise.
PROBE_INTERVAL_SECONDS = env.int("PROBE_INTERVAL_SECONDS", default=30)
PROBE_TIMEOUT_SECONDS = env.float("PROBE_TIMEOUT_SECONDS", default=5.0)
HEALTHY_THRESHOLD = env.int("HEALTHY_THRESHOLD", default=3)
UNHEALTHY_THRESHOLD = env.int("UNHEALTHY_THRESHOLD", default=3)
PROBE_BATCH_SIZE = env.int("PROBE_BATCH_SIZE", default=250)
PROBE_MAX_IN_FLIGHT = env.int("PROBE_MAX_IN_FLIGHT", default=4000)
PROBE_DENY_NETWORKS = env.list("PROBE_DENY_NETWORKS", default=[])
HISTORY_OUTCOMES_HOURS = env.int("HISTORY_OUTCOMES_HOURS", default=24)
HISTORY_MINUTES_DAYS = env.int("HISTORY_MINUTES_DAYS", default=7)
HISTORY_HOURS_DAYS = env.int("HISTORY_HOURS_DAYS", default=90)
HISTORY_DAYS_DAYS = env.int("HISTORY_DAYS_DAYS", default=1095)
TRANSITION_HINT_TASK = "notifications.tasks.deliver_due"
"""Sent, lossily, after a commit that stored a transition, so that news leave before the next tick."""

SLACK_BOT_TOKEN = env.str("SLACK_BOT_TOKEN", default="")
SLACK_APP_TOKEN = env.str("SLACK_APP_TOKEN", default="")
SLACK_API_URL = env.str("SLACK_API_URL", default="https://slack.com/api/").rstrip("/") + "/"
INVENTORY_URL = env.str("INVENTORY_URL", default="")
INVENTORY_TOKEN = env.str("INVENTORY_TOKEN", default="")

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
    "filters": {"secrets": {"()": "healthcheck.logs.HideSecrets"}},
    "formatters": {"line": {"()": "healthcheck.logs.LineFormatter"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["secrets"]}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "celery": {"level": "WARNING"},
        "kombu": {"level": "WARNING"},
        "slack_sdk": {"level": "WARNING"},
        "urllib3": {"level": "WARNING"},
        "django.server": {"handlers": ["console"], "level": "INFO", "propagate": False},
    },
}
