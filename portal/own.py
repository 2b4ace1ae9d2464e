"""What this process runs with, as workers tell it and doctor compares it: its code, its keys, where uploads wait."""

import hashlib
import logging
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.crypto import salted_hmac

from backups.storage import spool
from environments.lifecycle.crews import QUEUES

CODE, CODE_AT, KEYS, UPLOADS = "code", "code_at", "keys", "uploads"
WINGS = ("portal", "backups", "environments")

logger = logging.getLogger(__name__)


def own_facts(queues: Iterable[str]) -> dict[str, Any]:
    """Facts fit for JSON. A fact that is not known is empty."""
    return {QUEUES: list(queues), CODE: code(), CODE_AT: code_at(), KEYS: _keys(), UPLOADS: _uploads()}


@cache
def code() -> str:
    """What tells this code from any other. Ask it early: files may be exchanged under a process that runs."""
    digest = hashlib.sha256()
    for path in _files():
        digest.update(str(path.relative_to(settings.ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


@cache
def code_at() -> float:
    """When the newest file of this code came to this machine, as its disk says: seconds since 1970. As early, too."""
    return max(path.stat().st_mtime for path in _files())


def _files() -> list[Path]:
    return [path for wing in WINGS for path in sorted((settings.ROOT / wing).rglob("*.py"))]


def _keys() -> str:
    """Tells keys apart and none of them: short, and made with all of them."""
    secret = "\n".join([settings.SECRET_KEY, *sorted(settings.SECRETS_KEYS)])
    return salted_hmac("portal.own.keys", "", secret=secret, algorithm="sha256").hexdigest()[:8]


def _uploads() -> str:
    try:
        return spool.mark()
    except OSError as error:
        logger.warning("The folder of uploads cannot be used: %s", error.strerror)
        return ""
