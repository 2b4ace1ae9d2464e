# Uploaded files may lie in an S3 bucket: the secret of its key stands encrypted beside the address.

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("environments", "0007_role_called")]

    operations = [
        migrations.AddField(
            model_name="environment",
            name="files_secret",
            field=models.TextField(blank=True, default="", editable=False),
            preserve_default=False,
        ),
        migrations.AlterField(
            model_name="environment",
            name="files_directory",
            field=models.CharField(help_text="A directory, or an S3 address without the secret", max_length=4096),
        ),
    ]
