import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("monitors", "0014_known_until"),
    ]

    operations = [
        migrations.CreateModel(
            name="UnknownTime",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("began_at", models.DateTimeField(verbose_name="began")),
                ("ended_at", models.DateTimeField(verbose_name="ended")),
                (
                    "server",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="unknown_times",
                        to="monitors.server",
                        verbose_name="server",
                    ),
                ),
            ],
            options={
                "verbose_name": "unknown time",
                "verbose_name_plural": "unknown times",
                "default_permissions": (),
                "indexes": [models.Index(fields=["ended_at"], name="unknown_time_age")],
                "constraints": [models.UniqueConstraint(fields=("server", "ended_at"), name="unknown_time_once")],
            },
        ),
    ]
