from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("monitors", "0012_incident_acknowledged_index"),
    ]

    operations = [
        migrations.AddField(
            model_name="heartbeat",
            name="skew_seconds",
            field=models.FloatField(null=True, verbose_name="clock ahead (s)"),
        ),
    ]
