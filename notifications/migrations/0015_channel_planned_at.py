from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("notifications", "0014_delivery_planned_at"),
    ]

    operations = [
        migrations.AddField(
            model_name="channel",
            name="planned_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
    ]
