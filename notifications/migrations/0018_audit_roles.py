from django.contrib.auth.management import create_permissions
from django.db import migrations

PERMISSION = {"content_type__app_label": "monitors", "codename": "view_auditentry"}


def extend_roles(apps, schema_editor):
    """Who administers reads who did what, and from which address; on a new database the other roles were given it
    with everything that can be seen."""
    alias = schema_editor.connection.alias
    # Permissions are otherwise made after the last migration, which is too late.
    config = apps.get_app_config("monitors")
    config.models_module = True
    create_permissions(config, apps=apps, using=alias, verbosity=0)
    config.models_module = None

    permission = apps.get_model("auth", "Permission").objects.using(alias).get(**PERMISSION)
    groups = apps.get_model("auth", "Group").objects.using(alias)
    for group in groups.filter(name__in=("viewer", "operator")):
        group.permissions.remove(permission)
    for group in groups.filter(name="admin"):
        group.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("monitors", "0018_audit_entry"),
        ("notifications", "0017_delivery_after_ts"),
    ]

    operations = [
        migrations.RunPython(extend_roles, migrations.RunPython.noop),
    ]
