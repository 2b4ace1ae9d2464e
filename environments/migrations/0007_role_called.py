# The role is called as people write it.

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("environments", "0006_older_protocol")]

    operations = [
        migrations.AlterField(
            model_name="membership",
            name="role",
            field=models.CharField(
                choices=[
                    ("viewer", "Viewer"),
                    ("developer", "Developer"),
                    ("operator", "Operator"),
                    ("technical_contact", "Technical contact"),
                ],
                default="viewer",
                max_length=20,
            ),
        ),
    ]
