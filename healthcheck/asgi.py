"""What the web process serves. From the outside in: what is answered at once, what is bounded, what waits its turn."""

import os

from django.conf import settings
from django.core.asgi import get_asgi_application

from healthcheck.admission import Admission

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "healthcheck.settings")
# Each request runs in a thread of its own, so a connection that is kept serves nobody and waits for the collector.
settings.DATABASES["default"]["CONN_MAX_AGE"] = 0
django = get_asgi_application()

from healthcheck.alive import Alive  # noqa: E402  needs the models
from healthcheck.bodies import Bodies  # noqa: E402

application = Alive(Bodies(Admission(django)))
