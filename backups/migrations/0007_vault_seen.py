# What was last seen of the vault, for pages that do not look themselves.

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("backups", "0006_uploads")]

    operations = [
        migrations.AddField(
            model_name="installation",
            name="vault_problem",
            field=models.TextField(blank=True, default="", help_text="Why the vault could not be used when it was last tried"),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="installation",
            name="vault_problem_since",
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
