from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in
from django.utils.translation import gettext_lazy as _

from monitors import charsets


class MonitorsConfig(AppConfig):
    name = "monitors"
    verbose_name = _("monitoring")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        charsets.register()
        from monitors.people import remember_where  # noqa: PLC0415  needs the models

        user_logged_in.connect(remember_where)
