"""How far a person has come with an upload: whether the app is stopped, what they brought, and what is in the way."""

from dataclasses import dataclass
from functools import cached_property

from django.http import HttpRequest
from django.urls import reverse

from environments.access import Passed
from environments.choices import Right, State
from environments.errors import EnvironmentUnregistered
from environments.lifecycle.submit import in_the_way
from environments.models import Operation
from environments.runtimes.choose import means_of
from environments.states import look

from ..choices import UploadPart, UploadState
from ..errors import Failed, UploadRefused
from ..models import Upload
from ..operations.accept import check_is_taken
from ..transfer import uploads_of

STOPPED = (State.STOPPED, State.EMPTY)
ENDINGS = {UploadPart.DATABASE: ".backup,.dump", UploadPart.FILES: ".zip,.tar.gz,.tgz", UploadPart.FULL: ".zip,.tar.gz"}
ONLY_FULL = "The full backup brings both. Remove it to bring single files."
NOT_FULL = "Takes the place of both files. Remove what you have brought to choose it."
DUMPS, ARCHIVES = {UploadPart.DATABASE, UploadPart.FULL}, {UploadPart.FILES, UploadPart.FULL}
CHECKS = (
    ("The kind, by content and not by name", {*DUMPS, *ARCHIVES}),
    ("The dump is complete and can be read here", DUMPS),
    ("The archive is complete and does not swell beyond measure", ARCHIVES),
    ("No path leaves the directory; no links, no devices", ARCHIVES),
    ("There is room to unpack it beside the live files", ARCHIVES),
)
# What a browser sends in one piece: it can be lost with a connection, no more.
CHUNK_BYTES = 16 << 20


@dataclass(frozen=True)
class Card:
    """One part, and what was brought for it. `barred`: why nothing can be."""

    part: UploadPart
    upload: Upload | None
    barred: str
    stage: "Stage"

    @property
    def endings(self) -> str:
        return ENDINGS[self.part]

    @property
    def has_failed(self) -> bool:
        """Whether its examination ended without an answer."""
        examination = self.upload and self.upload.examination
        return bool(examination and examination.is_ended and self.is_here)

    @property
    def is_here(self) -> bool:
        return self.upload is not None and self.upload.state == UploadState.HERE

    @property
    def is_coming(self) -> bool:
        return self.upload is not None and self.upload.state == UploadState.COMING

    @property
    def is_examined(self) -> bool:
        """Whether it is being read now."""
        return self.is_here and not self.has_failed

    @property
    def told(self) -> str:
        """How its examination ended, to be spoken."""
        if self.upload is None or not self.upload.examination or self.is_examined:
            return ""
        words = {UploadState.GOOD: "is checked.", UploadState.BAD: f"cannot be used. {self.upload.refusal}"}
        return f"{self.upload.filename} {words.get(UploadState(self.upload.state), 'was not examined.')}"

    @property
    def remove_address(self) -> str:
        return self._address("upload_remove")

    @property
    def examine_address(self) -> str:
        return self._address("upload_examine")

    @property
    def transfer_address(self) -> str:
        return self._address("transfer")

    def _address(self, name: str) -> str:
        return self.stage.address(name, self.upload.pk) if self.upload else ""


class Stage:
    """One environment before an upload. Nothing is looked at before it is asked for, and nothing twice."""

    def __init__(self, passed: Passed, request: HttpRequest) -> None:
        self.passed, self.environment = passed, passed.environment
        given = request.POST if request.method == "POST" else request.GET
        self.says_stopped = given.get("stopped", request.GET.get("stopped")) == "yes"

    # Whether the app is stopped

    @cached_property
    def state(self) -> State:
        """What the environment does right now, by its own runtime."""
        return look(self.environment)

    @property
    def is_said_stopped(self) -> bool:
        """Whether only the person says that it is stopped."""
        return self.state == State.UNKNOWN and self.says_stopped

    @property
    def is_open(self) -> bool:
        """Whether anything may be brought."""
        return self.state in STOPPED or self.is_said_stopped

    @cached_property
    def in_the_way(self) -> Operation | None:
        return in_the_way(self.environment)

    @property
    def is_stopping(self) -> bool:
        return self.in_the_way is not None and self.in_the_way.kind == "stop"

    @property
    def may_stop(self) -> bool:
        return Right.OPERATE in self.passed

    @property
    def can_stop(self) -> bool:
        """Whether the portal has the means to stop it."""
        return means_of(self.environment).may_stop

    # What was brought

    @cached_property
    def dumps_refused(self) -> str:
        """Why no database dump is taken here; empty when one is."""
        try:
            check_is_taken(self.environment)
        except (UploadRefused, EnvironmentUnregistered) as refused:
            return str(refused)
        except Failed:
            return ""  # asked again when a file is here
        return ""

    @cached_property
    def uploads(self) -> dict[str, Upload]:
        """The newest of each part."""
        rows = uploads_of(self.environment, self.passed.by.user).select_related("examination", "operation")
        return {upload.part: upload for upload in reversed(rows)}

    @property
    def used_by(self) -> Operation | None:
        """The operation that puts what was brought into the environment right now."""
        running = (upload.operation for upload in self.uploads.values() if upload.operation)
        return next((operation for operation in running if operation.is_active), None)

    @property
    def cards(self) -> list[Card]:
        return [Card(part, self.uploads.get(part), self._barred(part), self) for part in UploadPart]

    @property
    def is_ready(self) -> bool:
        """Whether all that was brought can be put into the environment together."""
        is_mixed = UploadPart.FULL in self.uploads and len(self.uploads) > 1
        return (
            bool(self.uploads) and not is_mixed and all(one.state == UploadState.GOOD for one in self.uploads.values())
        )

    @property
    def leaves_empty(self) -> bool:
        """Whether what was brought is only a part of what will be cleared."""
        return self.is_ready and len(self.uploads) == 1 and UploadPart.FULL not in self.uploads

    @property
    def checks(self) -> list[tuple[str, bool]]:
        """What is checked before anything is touched, and whether that was done."""
        good = {part for part, upload in self.uploads.items() if upload.state == UploadState.GOOD}
        return [(words, bool(parts & good)) for words, parts in CHECKS]

    def _barred(self, part: UploadPart) -> str:
        if self.dumps_refused and (part != UploadPart.FILES or not self.environment.is_registered):
            return self.dumps_refused
        if part == UploadPart.FULL:
            return NOT_FULL if self.uploads.keys() - {part} else ""
        return ONLY_FULL if UploadPart.FULL in self.uploads else ""

    # Where it goes on

    @property
    def query(self) -> str:
        """What the person said, as the end of an address."""
        return "?stopped=yes" if self.is_said_stopped else ""

    @property
    def confirm_address(self) -> str:
        return self.address("upload_confirm")

    @property
    def live_address(self) -> str:
        return self.address("upload_live")

    def address(self, name: str = "upload", *ids: object) -> str:
        """Another door of this page, with what the person said."""
        place = [self.environment.app.slug, self.environment.slug, *ids]
        return f"{reverse(f'backups:{name}', args=place)}{self.query}"
