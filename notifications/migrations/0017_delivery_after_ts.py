from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("notifications", "0016_workspace_planned_at"),
    ]

    operations = [
        migrations.AddField(
            model_name="delivery",
            name="after_ts",
            field=models.CharField(db_default="", default="", editable=False, max_length=20),
        ),
    ]
