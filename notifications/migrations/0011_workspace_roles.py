from django.contrib.auth.management import create_permissions
from django.db import migrations
from django.db.models import Q

OURS = Q(
    content_type__app_label="notifications", content_type__model__in=("workspace", "workspacechannel", "slacksocket")
)
VIEWED = OURS & Q(codename__startswith="view_")


def extend_roles(apps, schema_editor):
    """Everybody who sees channels may see what is known of the workspace; nobody but the monitor changes it."""
    alias = schema_editor.connection.alias
    # Permissions are otherwise made after the last migration, which is too late.
    config = apps.get_app_config("notifications")
    config.models_module = True
    create_permissions(config, apps=apps, using=alias, verbosity=0)
    config.models_module = None

    permissions = apps.get_model("auth", "Permission").objects.using(alias)
    groups = apps.get_model("auth", "Group").objects.using(alias)
    for name, allowed in {"viewer": VIEWED, "operator": VIEWED, "admin": OURS}.items():
        for group in groups.filter(name=name):
            group.permissions.add(*permissions.filter(allowed))


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("notifications", "0010_storm_roles"),
    ]

    operations = [
        migrations.RunPython(extend_roles, migrations.RunPython.noop),
    ]
