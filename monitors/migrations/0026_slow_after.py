import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("monitors", "0025_server_options"),
    ]

    operations = [
        migrations.AddField(
            model_name="policy",
            name="slow_after_ms",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="A check that succeeds but takes longer than this is slow; 1 to 300,000. Empty = inherited.",
                null=True,
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(300000),
                ],
                verbose_name="slow after (ms)",
            ),
        ),
        migrations.AddField(
            model_name="server",
            name="slow_after_ms",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="A check that succeeds but takes longer than this is slow; 1 to 300,000. Empty = inherited.",
                null=True,
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(300000),
                ],
                verbose_name="slow after (ms)",
            ),
        ),
    ]
