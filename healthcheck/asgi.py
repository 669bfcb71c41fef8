import os

from django.conf import settings
from django.core.asgi import get_asgi_application

from healthcheck.admission import Admission

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "healthcheck.settings")
# Each request runs in a thread of its own, so a connection that is kept serves nobody and waits for the collector.
settings.DATABASES["default"]["CONN_MAX_AGE"] = 0
application = Admission(get_asgi_application())
