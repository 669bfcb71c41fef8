from django.db import migrations

import monitors.fields


class Migration(migrations.Migration):
    dependencies = [("monitors", "0024_recent_of_two_letters")]

    operations = [
        migrations.AddField(
            model_name="server",
            name="options",
            field=monitors.fields.OptionsField(
                blank=True,
                help_text="Settings that only this kind of check has. Secrets are masked.",
                null=True,
                verbose_name="options",
            ),
        ),
    ]
