"""What is looked up within the portal of a day: lines for Django's shell, and for its database."""

SLOWEST = """SELECT extract(epoch FROM max(finished_at - greatest(created_at, not_before_at)))::float
    FROM environments_operation"""
FAILED = "SELECT count(*) FROM environments_operation WHERE status = 'Failed' AND kind <> 'prune'"
VERIFY = "from backups.tasks import verify_due; verify_due()"
ALARMS = """
from backups.operations.alarm import alarms_of
from environments import clock
from environments.models import Environment
found = alarms_of(Environment.objects.select_related("app", "region"), clock.now())
print("\\n".join(f"{one.environment}: {one.cause}: {one}" for many in found.values() for one in many))
"""
# Folders of backups that are not in the list, or the reverse; what nobody needs; what was begun and not ended.
REMAINS = """
from backups.models import Backup
from backups.storage import names
from backups.storage.survey import survey
from backups.storage.vault import open_vault
from environments.models import Environment
vault = open_vault()
for place in Environment.objects.all():
    folder, packs = names.backups_folder(place.pk), names.packs_folder(place.pk)
    there = set(vault.listdir(folder)[0])
    kept = {f"{one.pk}.{one.stored_attempt}" for one in Backup.objects.filter(environment=place).completed()}
    unfinished = [name for one in (packs, *(f"{folder}/{one}" for one in there)) for name in vault.unfinished(one)]
    print(*(there ^ kept), *survey(vault, place.pk).dead, *unfinished)
"""
