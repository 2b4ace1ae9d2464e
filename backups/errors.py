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


class CommentChanged(Refused):
    """Somebody else wrote a comment since the form was opened."""

    def __init__(self, now: str) -> None:
        said = f"it is “{now}” now" if now else "it is empty now"
        super().__init__(f"The comment was changed meanwhile: {said}. Yours is not saved; save it again to replace it.")


class PinChanged(Refused):
    """Somebody else pinned it or took the pin out since the form was opened."""

    def __init__(self, now: str) -> None:
        said = f"it is pinned now: {now}" if now else "it is not pinned any more"
        super().__init__(f"The pin was changed meanwhile: {said}. Yours is not saved; send it again to replace it.")


class BackupLeaving(Refused):
    sentence = "This backup is being deleted."


class BackupBeingRestored(Refused):
    sentence = "This backup is being restored just now. Delete it when that has ended."


class PinRefused(Refused):
    """A pin without a reason, or one that is over before it begins."""


class BackupNotPinned(Refused):
    sentence = "This backup is not pinned."


class LastGoodBackup(Refused):
    sentence = "This is the newest undamaged backup of the environment; it is never deleted. Make another one first."


class NameNotTyped(Refused):
    """The typed name is not the environment's."""

    argument = "confirm"


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


class DumpTooNew(DumpIncomplete):
    """The dump's format is newer than every client program here."""


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


class NotesNotReadable(Failed):
    """Notes on a backup are damaged or of an unknown form."""


class CatalogueBehind(VaultForeign):
    """The portal's database is older than what the vault knows of it."""


class PruneHeldBack(Failed):
    """A guard keeps everything in an environment until somebody has looked."""


class PruneIncomplete(Failed):
    """Something that was to be removed could not be removed now."""


class BackupFoundBroken(Failed):
    """What is stored of a backup is not what was saved."""


# Failures of the files' side


class FilesUnreadable(Failed):
    """The directory of uploaded files is missing or cannot be read."""


class FilesStoreUnreachable(FilesUnreadable):
    """The S3 store of uploaded files does not answer, or refuses."""


class FilesNotWhole(Failed):
    """Uploaded files beside the live ones are not as they were put there, or cannot be brought in: it is of no use to
    go on."""


# What people upload


class UploadRefused(Refused):
    """An uploaded file is not taken. `code` names the rule that it breaks; nothing was changed."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class UploadGone(Refused):
    sentence = "This upload is no longer there: it was used, given up, or left for 24 hours. Choose the file again."


class UploadElsewhere(Refused):
    sentence = (
        "The uploaded file is not on this machine. Nothing was changed. Let all machines share one "
        "PORTAL_DATA_DIR/uploads, then choose the file again."
    )


class UploadNotGood(Refused):
    """An upload that was not examined yet, or did not pass."""

    def __init__(self, why: str) -> None:
        super().__init__(why or "The file is still being read to its end. Wait for that, then go on.")


class EmptyNotAgreed(Refused):
    sentence = (
        "The archive holds no file at all, so that all uploaded files would be gone. Nothing was changed. Agree that "
        "they are (--allow-empty), or choose another file."
    )


class UploadInUse(Refused):
    sentence = "This file is being put into the environment right now. Wait for the end, or cancel that."


class OffsetDiffers(Refused):
    """A sender goes on elsewhere than where the file ends, or another one has taken over. `offset`: where it ends."""

    def __init__(self, offset: int) -> None:
        super().__init__(f"The file ends at byte {offset} here; go on from there.")
        self.offset = offset


class ChecksumDiffers(Refused):
    sentence = "What came is not what was sent: the checksum differs. Nothing of it was kept; send it again."


class TooMuchSent(Refused):
    sentence = "The file is longer than was told at its beginning. Nothing was changed. Choose the file again."


class NoRoom(Refused):
    """There is no room for what somebody wants to bring."""


class UnpackFailed(Failed):
    """The place where an uploaded archive is unpacked is full, closed, or somebody else writes to it."""


# Failures of putting back


class SwapRefused(Failed):
    """The exchange of old and new data was not done; the old data is in place."""


class LoadFailed(Failed):
    """A dump could not be loaded into the database beside the live one."""


class PuttingBackRefused(Failed):
    """A restore, upload or undo cannot be done here, or ended otherwise than it should."""


class TakenBack(PuttingBackRefused):
    """An exchange that had begun cannot be carried through, so the old data is put back."""


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


class PackageRefused(Refused):
    """A deployment package that cannot be registered, or not deployed there."""


class PackageUnknown(Refused):
    """The app has no package of this version, or more than one."""


class DeployFailed(Failed):
    """A package was not deployed; the portal's record names the one from before."""


class NothingToUndo(Refused):
    sentence = "There is nothing to take back here, or its time is over."


class PortalNotSaved(Failed):
    """The portal's own database could not be copied into the vault."""


class PortalNotRestored(Refused):
    """A copy of the portal's own database cannot be put back here."""
