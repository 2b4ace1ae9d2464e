# What was wrong when that was last looked at, for pages that come before it is looked at anew.

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("environments", "0009_moved")]

    operations = [
        migrations.AddField(
            model_name="environment",
            name="notices",
            field=models.JSONField(blank=True, default=list, editable=False),
        ),
    ]
