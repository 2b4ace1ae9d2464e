"""What Django's checks find before anything starts: a vault in the wrong place, a queue that would run work twice."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, register

from environments.lifecycle.kinds import LONG, all_kinds
from environments.management.base import SETTINGS

from .engines.tools import folders

LEVELS = {"none": (0, 0), "gzip": (1, 9), "lz4": (1, 12), "zstd": (1, 22)}


@register(SETTINGS)
def check_vault(**_: Any) -> list[CheckMessage]:
    """The vault lies where nothing else does. Whether it answers is seen on use."""
    if "://" in settings.VAULT_LOCATION:
        return []
    vault = Path(settings.VAULT_LOCATION)
    if not vault.is_absolute():
        return [Error(f"PORTAL_VAULT is {vault}; it is expected to be an absolute path.", id="backups.E001")]
    rooms = {"the data directory": settings.DATA_DIR, "the public files": settings.STATIC_ROOT}
    for what, room in rooms.items():
        if Path(room).resolve().is_relative_to(vault.resolve()):
            return [Error(f"PORTAL_VAULT is {vault}, and {what} would lie in it.", id="backups.E002")]
    if vault.resolve().is_relative_to(Path(settings.STATIC_ROOT).resolve()):
        return [Error(f"PORTAL_VAULT is {vault}, among the public files: everybody could read it.", id="backups.E003")]
    return []


@register(SETTINGS)
def check_queue(**_: Any) -> list[CheckMessage]:
    """Redelivery above time-out above every time limit: else the same work would run twice at once."""
    return list(_queue_errors(settings.Q_CLUSTER))


def _queue_errors(queue: dict[str, Any]) -> Iterator[CheckMessage]:
    longest = max((kind.time_limit_seconds for kind in all_kinds()), default=0)
    for name, own in {queue["name"]: queue, **queue["ALT_CLUSTERS"]}.items():
        if own["retry"] <= own["timeout"]:
            yield Error(f"Q_CLUSTER: retry of the queue {name} is not above its timeout.", id="backups.E004")
        if name != queue["name"] and own["timeout"] <= longest:
            yield Error(
                f"Q_CLUSTER: timeout of the queue {name} is not above the longest time limit ({longest} s).",
                id="backups.E005",
            )
    if LONG not in queue["ALT_CLUSTERS"]:
        yield Error(f"Q_CLUSTER: there is no queue {LONG}.", id="backups.E006")


@register(SETTINGS)
def check_compression(**_: Any) -> list[CheckMessage]:
    """pg_dump takes the level that the setting names."""
    method, _divided, level = settings.DUMP_COMPRESSION.partition(":")
    lowest, highest = LEVELS[method]
    if level and not lowest <= int(level) <= highest:
        sentence = f"PORTAL_DUMP_COMPRESSION is {settings.DUMP_COMPRESSION}; {method} takes {lowest} to {highest}."
        return [Error(sentence, id="backups.E007")]
    return []


@register(SETTINGS)
def check_tools(**_: Any) -> list[CheckMessage]:
    """There are client programs. Looked for only: to ask them takes longer than most commands."""
    found = folders()
    if settings.PG_BIN and Path(settings.PG_BIN) not in found:
        sentence = f"PORTAL_PG_BIN is {settings.PG_BIN}, where no pg_dump and pg_restore lie."
        return [checks.Warning(sentence, id="backups.W001")]
    if not found:
        hint = "Install PostgreSQL's client programs, or set PORTAL_PG_BIN."
        return [checks.Warning("No pg_dump was found; no backup can be made.", hint=hint, id="backups.W002")]
    return []
