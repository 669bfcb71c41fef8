import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("monitors", "0002_server_settings"),
    ]

    operations = [
        migrations.CreateModel(
            name="Policy",
            fields=[
                (
                    "interval_seconds",
                    models.PositiveIntegerField(
                        blank=True,
                        help_text="Seconds between two probes, 1 to 86,400. Empty = inherited.",
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(86400),
                        ],
                        verbose_name="interval (s)",
                    ),
                ),
                (
                    "timeout_seconds",
                    models.FloatField(
                        blank=True,
                        help_text="Seconds that one probe may take in all, 0.1 to 300; never more than the interval. Empty = inherited.",
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(0.1),
                            django.core.validators.MaxValueValidator(300),
                        ],
                        verbose_name="timeout (s)",
                    ),
                ),
                (
                    "healthy_threshold",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        help_text="Successful probes in a row that end an outage, 1 to 100. Empty = inherited.",
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(100),
                        ],
                        verbose_name="successes to recover",
                    ),
                ),
                (
                    "unhealthy_threshold",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        help_text="Failed probes in a row that make the server unhealthy, 1 to 100. Empty = inherited.",
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(100),
                        ],
                        verbose_name="failures to alarm",
                    ),
                ),
                (
                    "environment",
                    models.CharField(
                        editable=False, max_length=7, primary_key=True, serialize=False, verbose_name="environment"
                    ),
                ),
            ],
            options={
                "verbose_name": "policy",
                "verbose_name_plural": "policies",
            },
        ),
    ]
