from django.db import migrations, models

import monitors.fields


class Migration(migrations.Migration):
    dependencies = [
        ("notifications", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="channel",
            name="name",
            field=models.CharField(blank=True, max_length=80, null=True, verbose_name="name"),
        ),
        migrations.AddField(
            model_name="channel",
            name="hook_url",
            field=monitors.fields.EncryptedTextField(
                blank=True,
                help_text="An incoming webhook; stored encrypted. Empty = messages go out by the bot token.",
                null=True,
                verbose_name="webhook URL",
            ),
        ),
        migrations.AddField(
            model_name="channel",
            name="hook_url_hint",
            field=models.CharField(editable=False, max_length=20, null=True, verbose_name="webhook"),
        ),
        migrations.AddField(
            model_name="channel",
            name="enabled",
            field=models.BooleanField(
                db_default=True,
                default=True,
                help_text="Off: nothing is sent here, the channel is kept.",
                verbose_name="receives alerts",
            ),
        ),
        migrations.AddField(
            model_name="channel",
            name="environments",
            field=monitors.fields.TagsField(
                blank=True,
                help_text="Only servers of these. Empty = all.",
                max_length=50,
                null=True,
                verbose_name="environments",
            ),
        ),
        migrations.AddField(
            model_name="channel",
            name="next_send_at",
            field=models.DateTimeField(
                editable=False,
                help_text="Slack allows one message a second.",
                null=True,
                verbose_name="next message not before",
            ),
        ),
    ]
