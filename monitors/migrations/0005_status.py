import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import monitors.fields


class Migration(migrations.Migration):
    dependencies = [
        ("monitors", "0004_policy_rows"),
    ]

    operations = [
        migrations.CreateModel(
            name="Incident",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("host_name", models.CharField(max_length=255, verbose_name="name")),
                (
                    "environment",
                    monitors.fields.EnumField(values=("DEV", "STAGE", "LIVE", "UNKNOWN"), verbose_name="environment"),
                ),
                ("address", models.CharField(max_length=800, verbose_name="address")),
                ("failure", models.CharField(max_length=20, verbose_name="failure")),
                ("detail", models.CharField(max_length=200, verbose_name="detail")),
                (
                    "began_at",
                    models.DateTimeField(help_text="The first failed probe of the run.", verbose_name="began"),
                ),
                (
                    "confirmed_at",
                    models.DateTimeField(help_text="The probe that completed the run.", verbose_name="confirmed"),
                ),
                (
                    "ended_at",
                    models.DateTimeField(
                        help_text="The first success of the recovering run.", null=True, verbose_name="ended"
                    ),
                ),
                ("end_reason", monitors.fields.ChoiceCharField(default="", max_length=20, verbose_name="how it ended")),
                ("acknowledged_by", models.CharField(default="", max_length=150, verbose_name="acknowledged by")),
                ("acknowledged_at", models.DateTimeField(null=True, verbose_name="acknowledged")),
                (
                    "server",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="incidents",
                        to="monitors.server",
                        verbose_name="server",
                    ),
                ),
            ],
            options={
                "verbose_name": "incident",
                "verbose_name_plural": "incidents",
            },
        ),
        migrations.CreateModel(
            name="StatusTransition",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("host_name", models.CharField(max_length=255, verbose_name="name")),
                (
                    "environment",
                    monitors.fields.EnumField(values=("DEV", "STAGE", "LIVE", "UNKNOWN"), verbose_name="environment"),
                ),
                ("from_health", models.CharField(max_length=9, verbose_name="from")),
                ("to_health", models.CharField(max_length=9, verbose_name="to")),
                ("reason", monitors.fields.ChoiceCharField(max_length=20, verbose_name="reason")),
                ("outage", monitors.fields.ChoiceCharField(default="", max_length=7, verbose_name="outage")),
                (
                    "notification",
                    models.BooleanField(
                        help_text="Whether the server's notification was on.", verbose_name="notification"
                    ),
                ),
                ("failure", models.CharField(default="", max_length=20, verbose_name="failure")),
                ("detail", models.CharField(default="", max_length=200, verbose_name="detail")),
                (
                    "actor",
                    models.CharField(
                        default="",
                        help_text="Who did it; empty for the monitor itself.",
                        max_length=150,
                        verbose_name="by",
                    ),
                ),
                ("at", models.DateTimeField(verbose_name="at")),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="stored")),
                ("handed_over_at", models.DateTimeField(editable=False, null=True, verbose_name="handed over")),
                (
                    "incident",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="transitions",
                        to="monitors.incident",
                        verbose_name="incident",
                    ),
                ),
                (
                    "server",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="transitions",
                        to="monitors.server",
                        verbose_name="server",
                    ),
                ),
            ],
            options={
                "verbose_name": "status transition",
                "verbose_name_plural": "status transitions",
            },
        ),
        migrations.CreateModel(
            name="ServerStatus",
            fields=[
                (
                    "server",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="status",
                        serialize=False,
                        to="monitors.server",
                        verbose_name="server",
                    ),
                ),
                (
                    "health",
                    models.CharField(db_default="UNKNOWN", default="UNKNOWN", max_length=9, verbose_name="health"),
                ),
                ("successes", models.PositiveIntegerField(db_default=0, default=0, verbose_name="successes in a row")),
                ("failures", models.PositiveIntegerField(db_default=0, default=0, verbose_name="failures in a row")),
                (
                    "inconclusive",
                    models.PositiveIntegerField(db_default=0, default=0, verbose_name="inconclusive in a row"),
                ),
                ("since", monitors.fields.InstantField(null=True, verbose_name="since")),
                ("run_began_at", monitors.fields.InstantField(null=True, verbose_name="run began")),
                (
                    "first_failure",
                    models.CharField(db_default="", default="", max_length=20, verbose_name="first failure of the run"),
                ),
                (
                    "first_detail",
                    models.CharField(db_default="", default="", max_length=200, verbose_name="first detail of the run"),
                ),
                ("failure", models.CharField(db_default="", default="", max_length=20, verbose_name="failure")),
                ("detail", models.CharField(db_default="", default="", max_length=200, verbose_name="detail")),
                ("last_checked_at", monitors.fields.InstantField(null=True, verbose_name="last checked")),
                ("elapsed_us", models.PositiveIntegerField(null=True, verbose_name="time taken (µs)")),
                ("stages", models.CharField(db_default="", default="", max_length=60, verbose_name="stages")),
                (
                    "peer",
                    models.CharField(db_default="", default="", max_length=45, verbose_name="address connected to"),
                ),
                ("recent", models.CharField(db_default="", default="", max_length=900, verbose_name="recent outcomes")),
                ("next_probe_at", monitors.fields.InstantField(db_index=True, null=True, verbose_name="next probe")),
                ("last_slot", monitors.fields.InstantField(null=True, verbose_name="last recorded slot")),
                ("claimed_until", monitors.fields.InstantField(null=True, verbose_name="claimed until")),
                (
                    "incident",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="monitors.incident",
                        verbose_name="open incident",
                    ),
                ),
            ],
            options={
                "verbose_name": "server status",
                "verbose_name_plural": "server statuses",
            },
        ),
        migrations.AddIndex(
            model_name="incident",
            index=models.Index(fields=["ended_at", "began_at"], name="incident_open"),
        ),
        migrations.AddIndex(
            model_name="incident",
            index=models.Index(fields=["server", "began_at"], name="incident_server"),
        ),
        migrations.AddIndex(
            model_name="statustransition",
            index=models.Index(fields=["handed_over_at"], name="transition_handover"),
        ),
        migrations.AddIndex(
            model_name="statustransition",
            index=models.Index(fields=["server", "at"], name="transition_server"),
        ),
        migrations.AddIndex(
            model_name="statustransition",
            index=models.Index(fields=["at"], name="transition_at"),
        ),
    ]
