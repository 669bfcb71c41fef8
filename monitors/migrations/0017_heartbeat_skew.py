from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("monitors", "0016_rollup_blips"),
    ]

    operations = [
        migrations.AddField(
            model_name="heartbeat",
            name="skew_seconds",
            field=models.FloatField(null=True, verbose_name="clock ahead (s)"),
        ),
    ]
