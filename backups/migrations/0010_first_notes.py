from django.db import migrations


def note_all(apps, schema_editor):
    """What was made before there were notes is noted by the workers within minutes."""
    rows = apps.get_model('backups', 'Backup').objects.filter(stored_attempt__isnull=False)
    rows.update(notes_number=1, is_noted=False)


class Migration(migrations.Migration):

    dependencies = [
        ('backups', '0009_notes'),
    ]

    operations = [
        migrations.RunPython(note_all, migrations.RunPython.noop),
    ]
