import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import monitors.fields


class Migration(migrations.Migration):
    dependencies = [
        ("monitors", "0005_status"),
        ("notifications", "0002_channel_settings"),
    ]

    operations = [
        migrations.CreateModel(
            name="Delivery",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", monitors.fields.ChoiceCharField(max_length=20, verbose_name="kind")),
                (
                    "key",
                    models.CharField(
                        help_text="What it is about; once per channel.", max_length=100, verbose_name="key"
                    ),
                ),
                ("incident_id", models.BigIntegerField(db_index=True, null=True, verbose_name="incident")),
                (
                    "facts",
                    models.JSONField(
                        default=dict,
                        help_text="What the message says, where no transition says it.",
                        verbose_name="facts",
                    ),
                ),
                ("state", monitors.fields.ChoiceCharField(default="pending", max_length=10, verbose_name="state")),
                (
                    "reason",
                    models.CharField(
                        default="", help_text="Why it was skipped or failed.", max_length=50, verbose_name="reason"
                    ),
                ),
                ("attempts", models.PositiveIntegerField(default=0, verbose_name="attempts")),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="created")),
                (
                    "next_attempt_at",
                    models.DateTimeField(default=django.utils.timezone.now, verbose_name="next attempt"),
                ),
                ("first_attempt_at", models.DateTimeField(null=True, verbose_name="first attempt")),
                ("lease_until", models.DateTimeField(editable=False, null=True, verbose_name="lease until")),
                ("token", models.CharField(default="", editable=False, max_length=32)),
                ("sent_at", models.DateTimeField(null=True, verbose_name="sent")),
                (
                    "seconds",
                    models.FloatField(
                        help_text="From the transition to Slack's acceptance.", null=True, verbose_name="seconds"
                    ),
                ),
                ("slack_ts", models.CharField(default="", max_length=20, verbose_name="Slack's timestamp")),
                ("possible_repeat", models.BooleanField(default=False, verbose_name="possible repeat")),
                ("error", models.CharField(default="", max_length=200, verbose_name="last error")),
                (
                    "channel",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="deliveries",
                        to="notifications.channel",
                        verbose_name="channel",
                    ),
                ),
                (
                    "transition",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="deliveries",
                        to="monitors.statustransition",
                        verbose_name="transition",
                    ),
                ),
            ],
            options={
                "verbose_name": "delivery",
                "verbose_name_plural": "deliveries",
                "indexes": [
                    models.Index(fields=["state", "next_attempt_at"], name="delivery_due"),
                    models.Index(fields=["created_at"], name="delivery_created"),
                ],
                "constraints": [models.UniqueConstraint(fields=("channel", "key"), name="delivery_once")],
            },
        ),
    ]
