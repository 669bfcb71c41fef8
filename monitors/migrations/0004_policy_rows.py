from django.db import migrations

ENVIRONMENTS = ("DEV", "STAGE", "LIVE", "UNKNOWN")


def add_rows(apps, schema_editor):
    Policy = apps.get_model("monitors", "Policy")
    for environment in ENVIRONMENTS:
        Policy.objects.get_or_create(environment=environment)


class Migration(migrations.Migration):
    dependencies = [("monitors", "0003_policy")]

    operations = [migrations.RunPython(add_rows, migrations.RunPython.noop)]
