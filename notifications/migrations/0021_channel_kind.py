from django.db import migrations, models

import notifications.fields


def name_kinds(apps, schema_editor):
    channels = apps.get_model("notifications", "Channel").objects.using(schema_editor.connection.alias)
    channels.filter(kind="", hook_url=None).update(kind="slack_bot")
    channels.filter(kind="").update(kind="slack_webhook")


class Migration(migrations.Migration):
    """Every channel that is there was one of Slack: by the bot token, or by a webhook of its own."""

    dependencies = [
        ("notifications", "0020_remote_id"),
    ]

    operations = [
        migrations.AddField(
            model_name="channel",
            name="kind",
            field=notifications.fields.KindField(
                db_default="",
                default="",
                editable=False,
                max_length=30,
                verbose_name="kind",
            ),
        ),
        migrations.AddField(
            model_name="channel",
            name="settings",
            field=notifications.fields.SettingsField(default=dict, editable=False, null=True),
        ),
        migrations.AlterField(
            model_name="channel",
            name="hook_url",
            field=notifications.fields.SecretField(blank=True, null=True, verbose_name="webhook URL"),
        ),
        migrations.AlterField(
            model_name="channel",
            name="next_send_at",
            field=models.DateTimeField(
                editable=False,
                help_text="At the pace that the medium allows.",
                null=True,
                verbose_name="next message not before",
            ),
        ),
        migrations.RunPython(name_kinds, migrations.RunPython.noop),
    ]
