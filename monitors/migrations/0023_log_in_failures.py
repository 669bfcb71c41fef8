from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("monitors", "0022_profile"),
    ]

    operations = [
        migrations.CreateModel(
            name="LogInFailures",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(editable=False, max_length=64, unique=True)),
                ("name", models.CharField(editable=False, max_length=150, verbose_name="name")),
                ("address", models.CharField(editable=False, max_length=64, verbose_name="address")),
                ("count", models.PositiveIntegerField(default=0, editable=False, verbose_name="failures")),
                ("began_at", models.DateTimeField(db_index=True, editable=False, verbose_name="first failure")),
                ("locked_until", models.DateTimeField(editable=False, null=True, verbose_name="locked until")),
            ],
            options={
                "verbose_name": "failed log-ins",
                "verbose_name_plural": "failed log-ins",
            },
        ),
    ]
