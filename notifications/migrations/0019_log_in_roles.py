from django.contrib.auth.management import create_permissions
from django.db import migrations
from django.db.models import Q

OURS = Q(content_type__app_label="monitors", content_type__model__in=("loginfailures", "profile"))


def extend_roles(apps, schema_editor):
    """Who administers sees who is locked out, and unlocks them. It is nobody else's business: people type passwords
    where their name belongs."""
    alias = schema_editor.connection.alias
    # Permissions are otherwise made after the last migration, which is too late.
    config = apps.get_app_config("monitors")
    config.models_module = True
    create_permissions(config, apps=apps, using=alias, verbosity=0)
    config.models_module = None

    ours = list(apps.get_model("auth", "Permission").objects.using(alias).filter(OURS))
    for group in apps.get_model("auth", "Group").objects.using(alias).filter(name__in=("viewer", "operator", "admin")):
        if group.name == "admin":
            group.permissions.add(*ours)
        else:
            group.permissions.remove(*ours)


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("monitors", "0023_log_in_failures"),
        ("notifications", "0018_audit_roles"),
    ]

    operations = [
        migrations.RunPython(extend_roles, migrations.RunPython.noop),
    ]
