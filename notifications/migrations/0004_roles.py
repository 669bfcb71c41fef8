from django.contrib.auth.management import create_permissions
from django.db import migrations
from django.db.models import Q

OURS = ("monitors", "notifications")
OPERATED = {
    "monitors": (
        "add_server",
        "change_server",
        "delete_server",
        "change_incident",
        "change_policy",
    ),
    "notifications": (
        "add_channel",
        "change_channel",
        "delete_channel",
        "change_delivery",
    ),
}


def create_roles(apps, schema_editor):
    """Viewer, operator and admin. A group of such a name that exists already is given what it lacks."""
    alias = schema_editor.connection.alias
    # Permissions are otherwise made after the last migration, which is too late on a new database.
    for label in (*OURS, "auth"):
        config = apps.get_app_config(label)
        config.models_module = True
        create_permissions(config, apps=apps, using=alias, verbosity=0)
        config.models_module = None

    permissions = apps.get_model("auth", "Permission").objects.using(alias)
    ours = Q(content_type__app_label__in=OURS)
    viewed = ours & Q(codename__startswith="view_")
    operated = viewed
    for label, codenames in OPERATED.items():
        operated |= Q(content_type__app_label=label, codename__in=codenames)
    administered = ours | Q(content_type__app_label="auth", content_type__model__in=("user", "group"))

    groups = apps.get_model("auth", "Group").objects.using(alias)
    for name, allowed in {"viewer": viewed, "operator": operated, "admin": administered}.items():
        group, _ = groups.get_or_create(name=name)
        group.permissions.add(*permissions.filter(allowed))


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("monitors", "0008_api_token"),
        ("notifications", "0003_delivery"),
    ]

    operations = [
        migrations.RunPython(create_roles, migrations.RunPython.noop),
    ]
