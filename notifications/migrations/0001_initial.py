"""The predecessor's table `notifications`, exactly: an existing one is adopted by `migrate --fake-initial`."""

from django.db import migrations, models

import monitors.fields


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Channel",
            fields=[
                (
                    "channel_id",
                    models.CharField(
                        help_text="Slack's id, such as C024BE91L.",
                        max_length=255,
                        primary_key=True,
                        serialize=False,
                        verbose_name="channel id",
                    ),
                ),
                (
                    "updated_at",
                    monitors.fields.SecondsDateTimeField(
                        auto_now=True, db_default=monitors.fields.CurrentSecond(), verbose_name="updated"
                    ),
                ),
            ],
            options={
                "verbose_name": "channel",
                "verbose_name_plural": "channels",
                "db_table": "notifications",
            },
        ),
    ]
