import django.db.models.deletion
from django.db import migrations, models

import monitors.fields


class Migration(migrations.Migration):
    dependencies = [
        ("monitors", "0009_certificate_expiry"),
    ]

    operations = [
        migrations.CreateModel(
            name="LastFailure",
            fields=[
                ("status", models.PositiveSmallIntegerField(null=True, verbose_name="status code")),
                (
                    "peer",
                    models.CharField(db_default="", default="", max_length=45, verbose_name="address connected to"),
                ),
                ("stages", models.CharField(db_default="", default="", max_length=60, verbose_name="stages")),
                (
                    "answer",
                    models.CharField(
                        db_default="",
                        default="",
                        help_text="As the server sent it, without what could be a secret of the monitor.",
                        max_length=300,
                        verbose_name="beginning of the answer",
                    ),
                ),
                (
                    "server",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="last_failure",
                        serialize=False,
                        to="monitors.server",
                        verbose_name="server",
                    ),
                ),
                ("at", monitors.fields.InstantField(verbose_name="at")),
                ("failure", models.CharField(max_length=20, verbose_name="failure")),
                ("detail", models.CharField(db_default="", default="", max_length=200, verbose_name="detail")),
            ],
            options={
                "verbose_name": "last failure",
                "verbose_name_plural": "last failures",
            },
        ),
        migrations.AddField(
            model_name="incident",
            name="answer",
            field=models.CharField(
                db_default="",
                default="",
                help_text="As the server sent it, without what could be a secret of the monitor.",
                max_length=300,
                verbose_name="beginning of the answer",
            ),
        ),
        migrations.AddField(
            model_name="incident",
            name="peer",
            field=models.CharField(db_default="", default="", max_length=45, verbose_name="address connected to"),
        ),
        migrations.AddField(
            model_name="incident",
            name="stages",
            field=models.CharField(db_default="", default="", max_length=60, verbose_name="stages"),
        ),
        migrations.AddField(
            model_name="incident",
            name="status",
            field=models.PositiveSmallIntegerField(null=True, verbose_name="status code"),
        ),
    ]
