from django.db.backends.mysql import base, schema


class DatabaseSchemaEditor(schema.DatabaseSchemaEditor):
    """An adopted database may be in EUC-KR or three-byte UTF-8; a failure's detail or a Slack answer need not be."""

    sql_create_table = f"{schema.DatabaseSchemaEditor.sql_create_table} CHARACTER SET utf8mb4"


class DatabaseWrapper(base.DatabaseWrapper):
    SchemaEditorClass = DatabaseSchemaEditor
