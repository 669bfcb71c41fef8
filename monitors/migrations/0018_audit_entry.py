from django.db import migrations, models

import monitors.fields


class Migration(migrations.Migration):
    dependencies = [
        ("monitors", "0017_heartbeat_skew"),
    ]

    operations = [
        migrations.CreateModel(
            name="AuditEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(help_text="When it was done.", verbose_name="time")),
                (
                    "actor",
                    models.CharField(
                        help_text="The user, or whoever pressed the button or ran the command.",
                        max_length=150,
                        verbose_name="who",
                    ),
                ),
                (
                    "user_id",
                    models.BigIntegerField(
                        help_text="Tells users apart whose names changed. Empty for who is no user.",
                        null=True,
                        verbose_name="user's number",
                    ),
                ),
                (
                    "face",
                    monitors.fields.ChoiceCharField(
                        help_text="By which way it was done.", max_length=20, verbose_name="via"
                    ),
                ),
                (
                    "address",
                    models.CharField(
                        default="",
                        help_text="The network address of the request, the host of the command, or the channel of the button.",
                        max_length=64,
                        verbose_name="address",
                    ),
                ),
                (
                    "action",
                    monitors.fields.ChoiceCharField(help_text="What was done.", max_length=20, verbose_name="action"),
                ),
                (
                    "subject_kind",
                    monitors.fields.ChoiceCharField(
                        help_text="What kind of thing it was done to.", max_length=20, verbose_name="kind"
                    ),
                ),
                (
                    "subject_id",
                    models.CharField(help_text="Of what it was done to.", max_length=255, verbose_name="id"),
                ),
                (
                    "subject_name",
                    models.CharField(help_text="The name that it had then.", max_length=255, verbose_name="name"),
                ),
                (
                    "changes",
                    models.JSONField(
                        default=dict,
                        help_text="Each field that changed, before and after. Secrets are masked.",
                        verbose_name="changes",
                    ),
                ),
            ],
            options={
                "verbose_name": "audit log entry",
                "verbose_name_plural": "audit log",
                "default_permissions": ("view",),
                "indexes": [
                    models.Index(fields=["at"], name="audit_at"),
                    models.Index(fields=["actor", "at"], name="audit_actor"),
                    models.Index(fields=["subject_kind", "subject_id", "at"], name="audit_subject"),
                ],
            },
        ),
    ]
