from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("monitors", "0023_log_in_failures")]

    operations = [
        migrations.AlterField(
            model_name="serverstatus",
            name="recent",
            field=models.CharField(db_default="", default="", max_length=960, verbose_name="recent outcomes"),
        ),
    ]
