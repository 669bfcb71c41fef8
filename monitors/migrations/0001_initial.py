"""The predecessor's table `server_health`, exactly: an existing one is adopted by `migrate --fake-initial`."""

import django.core.validators
import django.utils.timezone
from django.db import migrations, models

import monitors.fields


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Server",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "host_name",
                    monitors.fields.NameField(
                        help_text="Unique, without regard to case, as the database compares.",
                        max_length=255,
                        verbose_name="name",
                    ),
                ),
                (
                    "host",
                    models.CharField(
                        help_text="A name or an address; may carry scheme, port and path, as in https://web.example.com:8443/health.",
                        max_length=255,
                        verbose_name="host",
                    ),
                ),
                (
                    "port",
                    models.IntegerField(
                        help_text="1 to 65535. A port inside the host wins. Without a scheme, 443 and 8443 mean TLS.",
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(65535),
                        ],
                        verbose_name="port",
                    ),
                ),
                (
                    "type",
                    monitors.fields.ChoiceIntegerField(
                        help_text="1 and 6 are probed by HTTP GET; 2, 3 and 4 by a WebSocket handshake.",
                        verbose_name="type",
                    ),
                ),
                (
                    "notification",
                    models.BooleanField(
                        db_default=True,
                        default=True,
                        help_text="Off: still probed and shown, but nobody is told.",
                        verbose_name="notification",
                    ),
                ),
                (
                    "environment",
                    monitors.fields.EnumField(values=("DEV", "STAGE", "LIVE", "UNKNOWN"), verbose_name="environment"),
                ),
                (
                    "created_at",
                    monitors.fields.TimestampField(
                        db_default=monitors.fields.CurrentSecond(),
                        default=django.utils.timezone.now,
                        editable=False,
                        null=True,
                        verbose_name="created",
                    ),
                ),
                ("updated_at", monitors.fields.TimestampField(auto_now=True, null=True, verbose_name="updated")),
            ],
            options={
                "db_table": "server_health",
                "verbose_name": "server",
                "verbose_name_plural": "servers",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("host_name",),
                        name="host_name",
                        violation_error_message="A server with this name exists already.",
                    )
                ],
            },
        ),
    ]
