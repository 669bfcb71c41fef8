from django.db import migrations

import monitors.fields


class Migration(migrations.Migration):
    dependencies = [
        ("monitors", "0008_api_token"),
    ]

    operations = [
        migrations.AddField(
            model_name="serverstatus",
            name="certificate_expires_at",
            field=monitors.fields.InstantField(null=True, verbose_name="certificate expires"),
        ),
    ]
