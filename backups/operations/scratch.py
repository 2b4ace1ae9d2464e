"""Scratch: what attempts that are over have left on this machine, because others settled them or began again."""

import logging
import re
import shutil
from pathlib import Path

from django.conf import settings

from environments.choices import Status
from environments.models import Operation

from .exchange import tree_label

LABEL = re.compile(r"[0-9a-f]{12}-\d+")

logger = logging.getLogger(__name__)


def discard_left_scratch() -> None:
    """Remove it: whoever ended these operations does not see this machine's data directory. For the reaper."""
    folder = Path(settings.DATA_DIR) / "scratch"
    # Looked at before the rows: an attempt is Running before it makes anything here.
    there = {path.name for path in folder.glob("*-*") if LABEL.fullmatch(path.name)}
    if not there:
        return
    running = Operation.objects.filter(status=Status.RUNNING)
    for name in there - {tree_label(one, one.attempt) for one in running}:
        shutil.rmtree(folder / name, ignore_errors=True)
        logger.info("The scratch of %s was removed: that attempt ended elsewhere.", name)
