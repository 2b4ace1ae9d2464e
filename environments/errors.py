"""What can be refused about an environment, each with a sentence for a person."""


class Refused(Exception):
    """A request that is not carried out. Its text is one plain sentence with what to do.

    `argument`: which argument of the operation is wrong, where it is one alone.
    """

    sentence = "This is not possible."
    argument = ""

    def __init__(self, sentence: str = "") -> None:
        super().__init__(sentence or self.sentence)


class Failed(Exception):
    """Work that began and did not succeed. Its text becomes the operation's closing sentence."""


class AddressNotReadable(Refused):
    sentence = (
        "The database address is not readable; write postgresql://user:password@host:5432/name, "
        "with odd characters percent-encoded (# is %23)."
    )


class FilesAddressNotReadable(AddressNotReadable):
    sentence = (
        "The address of uploaded files is not readable; write an absolute path, or "
        "s3://KEY:SECRET@bucket/prefix?endpoint=https://…&region=…, with odd characters percent-encoded (/ is %2F)."
    )


class EnvironmentUnknown(Refused):
    def __init__(self, name: str) -> None:
        super().__init__(f"There is no environment {name!r}; it is written app/environment.")


class EnvironmentUnregistered(Refused):
    """It was found in the vault: it has backups, and nobody has said yet where it runs."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} was found in the vault and is not registered here: its database and its files are not known. "
            f"Run register_environment {name} with --database and --files first; its backups stay."
        )


class EnvironmentBusy(Refused):
    """Another excluding operation is Queued or Running."""


class TooMuchAtOnce(Refused):
    """One person asks for more than one may have at a time; others are served beside it."""


class OperationUnknown(Refused):
    def __init__(self, name: str) -> None:
        super().__init__(f"There is no operation {name!r}.")


class OperationEnded(Refused):
    sentence = "The operation has already ended; there is nothing to cancel."


class RegistrationRefused(Refused):
    """An environment's database, directory or region does not fit."""


class InvitationRefused(Refused):
    """Nobody can be invited so: the address is wrong, or its account is switched off."""


class InvitationNotValid(Refused):
    sentence = "This invitation is no longer valid: it was used, replaced, or is older than 7 days. Ask for a new one."


class MemberAlready(Refused):
    """Whoever is invited belongs to the team already."""


class MemberChanged(Refused):
    """Somebody else changed a member's rights since the form was opened."""

    def __init__(self, name: str, now: str) -> None:
        super().__init__(
            f"The rights of {name} were changed meanwhile: {now} Nothing was changed by you; look again, then decide."
        )


class LastContact(Refused):
    """An app keeps at least one person who can manage its members."""

    argument = "role"


class RuntimeRefused(Refused):
    """The runtime did not do, or does not tell, what it was asked."""


class AppStillRunning(Failed):
    """The app is not really stopped: its runtime says so, or it still has sessions or open files."""


class AppDidNotStart(Failed):
    """The app was asked to start and does not run."""


class AppNotStopped(Refused):
    """Something is only possible while the app is stopped."""
