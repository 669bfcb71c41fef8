from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("monitors", "0020_token_expiry"),
    ]

    operations = [
        migrations.AddField(
            model_name="apitoken",
            name="read_only",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="It reads what its user may read, and changes nothing.",
                verbose_name="read-only",
            ),
        ),
    ]
