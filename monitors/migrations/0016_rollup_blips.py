from django.db import migrations, models


class Migration(migrations.Migration):
    """Nullable, so that no table of millions of rows is written anew."""

    dependencies = [
        ("monitors", "0015_unknown_time"),
    ]

    operations = [
        migrations.AddField(
            model_name="rollup",
            name="blips",
            field=models.PositiveIntegerField(null=True, verbose_name="single failures"),
        ),
    ]
