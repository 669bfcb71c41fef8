from django.db import migrations, models


class Migration(migrations.Migration):
    """Messages that are there keep the id by which they are edited and answered."""

    dependencies = [
        ("notifications", "0019_log_in_roles"),
    ]

    operations = [
        migrations.RenameField(model_name="delivery", old_name="slack_ts", new_name="remote_id"),
        migrations.RenameField(model_name="delivery", old_name="thread_ts", new_name="thread_id"),
        migrations.RenameField(model_name="delivery", old_name="after_ts", new_name="after_id"),
        migrations.AlterField(
            model_name="delivery",
            name="remote_id",
            field=models.CharField(default="", max_length=255, verbose_name="id in the medium"),
        ),
        migrations.AlterField(
            model_name="delivery",
            name="thread_id",
            field=models.CharField(
                default="", help_text="The message that it answers.", max_length=255, verbose_name="thread"
            ),
        ),
        migrations.AlterField(
            model_name="delivery",
            name="after_id",
            field=models.CharField(db_default="", default="", editable=False, max_length=255),
        ),
    ]
