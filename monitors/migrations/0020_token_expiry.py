from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("monitors", "0019_addresses_without_secrets"),
    ]

    operations = [
        migrations.AddField(
            model_name="apitoken",
            name="expires_at",
            field=models.DateTimeField(
                blank=True,
                help_text="From then on it is refused. Empty: it never expires.",
                null=True,
                verbose_name="expires",
            ),
        ),
    ]
