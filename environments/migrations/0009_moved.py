# When an operation's work was last seen to get further.

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("environments", "0008_files_secret")]

    operations = [
        migrations.AddField(
            model_name="operation",
            name="moved_at",
            field=models.DateTimeField(
                blank=True, help_text="When its work was last seen to get further", null=True
            ),
        ),
    ]
