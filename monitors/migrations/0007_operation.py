from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("monitors", "0006_history"),
    ]

    operations = [
        migrations.CreateModel(
            name="Heartbeat",
            fields=[
                ("name", models.CharField(max_length=50, primary_key=True, serialize=False, verbose_name="part")),
                ("at", models.DateTimeField(verbose_name="last ran")),
            ],
            options={
                "verbose_name": "heartbeat",
                "verbose_name_plural": "heartbeats",
            },
        ),
        migrations.CreateModel(
            name="InventoryRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("started_at", models.DateTimeField(verbose_name="started")),
                ("finished_at", models.DateTimeField(null=True, verbose_name="finished")),
                ("dry_run", models.BooleanField(default=False, verbose_name="dry run")),
                ("created", models.JSONField(default=list, verbose_name="created")),
                ("changed", models.JSONField(default=list, verbose_name="changed")),
                ("vanished", models.JSONField(default=list, verbose_name="vanished")),
                ("rejected", models.JSONField(default=list, verbose_name="rejected")),
                ("unchanged", models.PositiveIntegerField(default=0, verbose_name="unchanged")),
                ("error", models.CharField(default="", max_length=500, verbose_name="error")),
            ],
            options={
                "verbose_name": "inventory run",
                "verbose_name_plural": "inventory runs",
            },
        ),
        migrations.CreateModel(
            name="Gap",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("began_at", models.DateTimeField(verbose_name="began")),
                ("ended_at", models.DateTimeField(verbose_name="ended")),
            ],
            options={
                "verbose_name": "gap in probing",
                "verbose_name_plural": "gaps in probing",
                "indexes": [models.Index(fields=["ended_at"], name="gap_ended")],
            },
        ),
    ]
