from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from monitors import charsets


class MonitorsConfig(AppConfig):
    name = "monitors"
    verbose_name = _("monitoring")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        charsets.register()
