from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("notifications", "0015_channel_planned_at"),
    ]

    operations = [
        migrations.AddField(
            model_name="workspace",
            name="planned_at",
            field=models.DateTimeField(null=True),
        ),
    ]
