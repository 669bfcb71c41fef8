from django.db import migrations

import monitors.fields


class Migration(migrations.Migration):
    dependencies = [
        ("monitors", "0013_certificate_subject"),
    ]

    operations = [
        migrations.AddField(
            model_name="serverstatus",
            name="known_until",
            field=monitors.fields.InstantField(null=True, verbose_name="known until"),
        ),
    ]
