# When a person last had a turn in a queue.

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("environments", "0011_crews")]

    operations = [
        migrations.AddIndex(
            model_name="operation",
            index=models.Index(fields=["requested_by", "queue", "started_at"], name="operation_turn"),
        ),
    ]
