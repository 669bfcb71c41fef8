from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("notifications", "0013_delivery_count"),
    ]

    operations = [
        migrations.AddField(
            model_name="delivery",
            name="planned_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
    ]
