import django.core.validators
from django.db import migrations, models

import monitors.fields


class Migration(migrations.Migration):
    dependencies = [
        ("monitors", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="server",
            name="interval_seconds",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="Seconds between two probes, 1 to 86,400. Empty = inherited.",
                null=True,
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(86400),
                ],
                verbose_name="interval (s)",
            ),
        ),
        migrations.AddField(
            model_name="server",
            name="timeout_seconds",
            field=models.FloatField(
                blank=True,
                help_text="Seconds that one probe may take in all, 0.1 to 300; never more than the interval. Empty = inherited.",
                null=True,
                validators=[
                    django.core.validators.MinValueValidator(0.1),
                    django.core.validators.MaxValueValidator(300),
                ],
                verbose_name="timeout (s)",
            ),
        ),
        migrations.AddField(
            model_name="server",
            name="healthy_threshold",
            field=models.PositiveSmallIntegerField(
                blank=True,
                help_text="Successful probes in a row that end an outage, 1 to 100. Empty = inherited.",
                null=True,
                validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(100)],
                verbose_name="successes to recover",
            ),
        ),
        migrations.AddField(
            model_name="server",
            name="unhealthy_threshold",
            field=models.PositiveSmallIntegerField(
                blank=True,
                help_text="Failed probes in a row that make the server unhealthy, 1 to 100. Empty = inherited.",
                null=True,
                validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(100)],
                verbose_name="failures to alarm",
            ),
        ),
        migrations.AddField(
            model_name="server",
            name="paused",
            field=models.BooleanField(db_default=False, default=False, editable=False, verbose_name="paused"),
        ),
        migrations.AddField(
            model_name="server",
            name="paused_reason",
            field=models.CharField(editable=False, max_length=200, null=True, verbose_name="why paused"),
        ),
        migrations.AddField(
            model_name="server",
            name="path",
            field=models.CharField(
                blank=True,
                help_text="Path and query to ask for. Empty = from the type.",
                max_length=500,
                null=True,
                verbose_name="path",
            ),
        ),
        migrations.AddField(
            model_name="server",
            name="scheme",
            field=models.CharField(
                blank=True,
                help_text="http, https, ws or wss. Empty = from host and port.",
                max_length=5,
                null=True,
                verbose_name="scheme",
            ),
        ),
        migrations.AddField(
            model_name="server",
            name="expected_status",
            field=models.CharField(
                blank=True,
                help_text="Codes and ranges, such as 200-299,301. Empty = any final 2xx or 3xx.",
                max_length=200,
                null=True,
                verbose_name="expected status",
            ),
        ),
        migrations.AddField(
            model_name="server",
            name="expected_text",
            field=models.CharField(
                blank=True,
                help_text="Must occur in the first 64 KiB of the answer. Empty = the body is not read.",
                max_length=200,
                null=True,
                verbose_name="expected text",
            ),
        ),
        migrations.AddField(
            model_name="server",
            name="request_headers",
            field=monitors.fields.EncryptedHeadersField(
                blank=True,
                help_text="A JSON object of texts, stored encrypted and shown masked.",
                null=True,
                verbose_name="request headers",
            ),
        ),
        migrations.AddField(
            model_name="server",
            name="verify_tls",
            field=models.BooleanField(
                blank=True,
                help_text="Whether the certificate must be valid. Empty = yes.",
                null=True,
                verbose_name="verify TLS",
            ),
        ),
        migrations.AddField(
            model_name="server",
            name="subprotocol",
            field=models.CharField(
                blank=True,
                help_text="WebSocket subprotocol that must be agreed on.",
                max_length=100,
                null=True,
                verbose_name="subprotocol",
            ),
        ),
        migrations.AddField(
            model_name="server",
            name="tags",
            field=monitors.fields.TagsField(
                blank=True,
                help_text="Words to filter by, separated by commas.",
                max_length=500,
                null=True,
                verbose_name="tags",
            ),
        ),
        migrations.AddField(
            model_name="server",
            name="from_inventory",
            field=models.BooleanField(
                db_default=False, default=False, editable=False, verbose_name="from the inventory"
            ),
        ),
        migrations.AlterModelOptions(
            name="server",
            options={
                "permissions": [("delete_all_servers", "Can delete all servers at once")],
                "verbose_name": "server",
                "verbose_name_plural": "servers",
            },
        ),
    ]
