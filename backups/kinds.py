"""The kinds of operations that backups bring, and what reaper and clock are to do: found when Django is ready."""

from environments.lifecycle.kinds import register, register_keeping
from environments.lifecycle.schedules import register_schedule

from .operations import create, delete, deploy, examine, generations, prune, restore, scratch, undo, upload, verify
from .tasks import SCHEDULES
from .transfer import discard_expired_uploads

register(create.KIND)
register(delete.KIND)
register(deploy.KIND)
register(prune.KIND)
register(verify.KIND)
register(restore.KIND)
register(undo.KIND)
register(examine.KIND)
register(upload.KIND)
register_keeping(generations.discard_expired)
register_keeping(discard_expired_uploads)
register_keeping(scratch.discard_left_scratch)
for schedule in SCHEDULES:
    register_schedule(schedule)
