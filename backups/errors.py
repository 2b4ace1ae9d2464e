"""Every way a backup operation is refused or fails, each with a sentence for a person.

A sentence says what happened, what did not, and what to do.
"""

from environments.errors import Failed as Failed
from environments.errors import Refused as Refused

# Refusals: nothing has begun


class BackupUnknown(Refused):
    def __init__(self, name: str) -> None:
        super().__init__(f"There is no backup {name!r}.")


class BackupNotCompleted(Refused):
    sentence = "This backup is not Completed; there is nothing to take from it."


class BackupNotEnded(Refused):
    sentence = "This backup is still being made. Cancel it, or wait for its end."


class BackupBroken(Refused):
    sentence = "This backup is damaged or missing and is no longer offered."


class BackupLeaving(Refused):
    sentence = "This backup is being deleted."


class PinRefused(Refused):
    """A pin without a reason, or one that is over before it begins."""


class BackupNotPinned(Refused):
    sentence = "This backup is not pinned."


class LastGoodBackup(Refused):
    sentence = "This is the newest undamaged backup of the environment; it is never deleted. Make another one first."


class NameNotTyped(Refused):
    """The typed name is not the environment's."""


class LinkUnknown(Refused):
    sentence = "There is no such download link."


class LinkNotValid(Refused):
    sentence = "This download link is no longer valid. Open the backup and choose Download again."


class BackupGone(Refused):
    sentence = "This backup was deleted; there is nothing left to download."


# Failures of the database's side


class DatabaseUnreachable(Failed):
    """No server answers at this address."""


class PasswordRefused(Failed):
    """The server does not accept the password."""


class DatabaseMissing(Failed):
    """The server has no database of this name."""


class ToolMissing(Failed):
    """No client program fits the server's version."""


class DumpFailed(Failed):
    """pg_dump ended with an error."""


class DumpIncomplete(Failed):
    """The dump does not read to its end."""


# Failures of the vault's side


class VaultUnreachable(Failed):
    """The vault does not answer, is not mounted, or is full."""


class VaultForeign(Failed):
    """The vault's marker is missing or names another installation."""


class StoredDiffers(Failed):
    """What was read back from the vault is not what was written."""


class StoredMissing(StoredDiffers):
    """What was stored is not in the vault any more."""


class StoredAlready(Failed):
    """The name is taken in the vault; nothing is ever written over."""


class ManifestNotReadable(Failed):
    """A manifest is missing, cut or of an unknown form."""


class PruneHeldBack(Failed):
    """A guard keeps everything in an environment until somebody has looked."""


class PruneIncomplete(Failed):
    """Something that was to be removed could not be removed now."""


class BackupFoundBroken(Failed):
    """What is stored of a backup is not what was saved."""


# Failures of the files' side


class FilesUnreadable(Failed):
    """The directory of uploaded files is missing or cannot be read."""


# What people upload


class UploadRefused(Refused):
    """An uploaded file is not taken. `code` names the rule that it breaks; nothing was changed."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class UnpackFailed(Failed):
    """The place where an uploaded archive is unpacked is full, closed, or somebody else writes to it."""


# Failures of putting back


class SwapRefused(Failed):
    """The exchange of old and new data was not done; the old data is in place."""


class LoadFailed(Failed):
    """A dump could not be loaded into the database beside the live one."""


class PuttingBackRefused(Failed):
    """A restore, upload or undo cannot be done here, or ended otherwise than it should."""


class RightsWithdrawn(Failed):
    """Whoever asked may no longer do it."""

    def __init__(self) -> None:
        super().__init__("Whoever asked for it no longer holds the right to do it. Nothing was changed.")


class NotOfThisApp(Refused):
    sentence = "A backup can only be restored into an environment of its own app."


class VersionNotAccepted(Refused):
    sentence = (
        "The backup was made with another version than the one that is deployed there. "
        "Read the warning and accept it (--accept-version), or choose another backup."
    )


class NothingToUndo(Refused):
    sentence = "There is nothing to take back here, or its time is over."
