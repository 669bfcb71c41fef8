import django.db.models.deletion
from django.db import migrations, models

import monitors.fields


class Migration(migrations.Migration):
    dependencies = [
        ("monitors", "0005_status"),
    ]

    operations = [
        migrations.CreateModel(
            name="Rollup",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("resolution", models.PositiveIntegerField(verbose_name="seconds covered")),
                ("start", monitors.fields.InstantField(verbose_name="start")),
                ("succeeded", models.PositiveIntegerField(verbose_name="succeeded")),
                ("failed", models.PositiveIntegerField(verbose_name="failed")),
                ("inconclusive", models.PositiveIntegerField(verbose_name="inconclusive")),
                ("elapsed_sum_us", models.PositiveBigIntegerField(verbose_name="time taken by successes (µs)")),
                ("elapsed_max_us", models.PositiveIntegerField(verbose_name="longest success (µs)")),
                (
                    "server",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="rollups",
                        to="monitors.server",
                        verbose_name="server",
                    ),
                ),
            ],
            options={
                "verbose_name": "rollup",
                "verbose_name_plural": "rollups",
                "indexes": [models.Index(fields=["resolution", "start"], name="rollup_age")],
                "constraints": [models.UniqueConstraint(fields=("server", "resolution", "start"), name="rollup_once")],
            },
        ),
        migrations.CreateModel(
            name="PastOutcome",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("slot", monitors.fields.InstantField(verbose_name="slot")),
                ("failure", models.CharField(default="", max_length=20, verbose_name="failure")),
                ("elapsed_us", models.PositiveIntegerField(verbose_name="time taken (µs)")),
                ("status", models.PositiveSmallIntegerField(null=True, verbose_name="status code")),
                ("stages", models.CharField(default="", max_length=60, verbose_name="stages")),
                ("detail", models.CharField(default="", max_length=200, verbose_name="detail")),
                (
                    "server",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="outcomes",
                        to="monitors.server",
                        verbose_name="server",
                    ),
                ),
            ],
            options={
                "verbose_name": "outcome",
                "verbose_name_plural": "outcomes",
                "constraints": [models.UniqueConstraint(fields=("server", "slot"), name="outcome_once_per_slot")],
            },
        ),
    ]
