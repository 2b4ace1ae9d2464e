"""The kinds of operations that backups bring, and what reaper and clock are to do: found when Django is ready."""

from environments.lifecycle.kinds import register, register_keeping
from environments.lifecycle.schedules import register_schedule

from .operations import create, delete, generations, prune, restore, undo, verify
from .tasks import SCHEDULES

register(create.KIND)
register(delete.KIND)
register(prune.KIND)
register(verify.KIND)
register(restore.KIND)
register(undo.KIND)
register_keeping(generations.discard_expired)
for schedule in SCHEDULES:
    register_schedule(schedule)
