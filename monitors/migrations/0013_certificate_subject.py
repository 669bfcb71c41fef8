from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("monitors", "0012_incident_acknowledged_index"),
    ]

    operations = [
        migrations.AddField(
            model_name="serverstatus",
            name="certificate_subject",
            field=models.CharField(db_default="", default="", max_length=100, verbose_name="certificate of"),
        ),
    ]
