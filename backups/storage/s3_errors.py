"""What an S3 store says when it does not do what it is asked, in words for a person. Never its own words: they may hold
keys."""

import re
from dataclasses import dataclass

from botocore import exceptions as told
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from ..errors import Failed, VaultUnreachable

PASSING = {
    *("SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequestsException"),
    *("InternalError", "ServiceUnavailable", "RequestTimeout", "RequestTimeoutException", "BandwidthLimitExceeded"),
    *("OperationAborted", "ConditionalRequestConflict"),
}
PASSING_STATUS = {429, 500, 502, 503, 504}
FULL = {
    *("InsufficientStorage", "QuotaExceeded", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "StorageFull"),
    *("ServiceQuotaExceeded", "TotalStorageExceeded", "InsufficientCapacity", "507"),
}
EXPIRED = {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "InvalidToken", "RequestExpired"}
UNKNOWN_KEY = {"InvalidAccessKeyId", "InvalidClientTokenId", "UnrecognizedClientException", "XAmzInvalidAccessKeyId"}
FORBIDDEN = {"AccessDenied", "AllAccessDisabled", "AccountProblem", "UnauthorizedAccess", "Forbidden", "401", "403"}
ELSEWHERE = {"PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed", "301", "307"}
ELSEWHERE |= {"IllegalLocationConstraintException"}
ARCHIVED = {"InvalidObjectState"}
NO_STORE = {"NotImplemented", "MethodNotAllowed", "400", "404", "405", "501", "NotFound"}
BROKEN_OFF = (
    *(told.ReadTimeoutError, told.ConnectionClosedError, told.HTTPClientError),
    *(told.IncompleteReadError, told.ResponseStreamingError),
)
AWAY = (told.EndpointConnectionError, told.ConnectTimeoutError, told.ProxyConnectionError)
NO_KEY = (told.NoCredentialsError, told.PartialCredentialsError, told.CredentialRetrievalError)


def code_of(error: Exception) -> str:
    """S3's code, else the HTTP status; nothing where no answer came."""
    if not isinstance(error, ClientError):
        return ""
    code = str(error.response.get("Error", {}).get("Code") or _status(error))
    return code if re.fullmatch(r"[A-Za-z0-9.]{1,60}", code) else str(_status(error))


def is_passing(error: Exception) -> bool:
    """Whether the same question may be answered a moment later."""
    if isinstance(error, ClientError):
        return code_of(error) in PASSING or (_status(error) in PASSING_STATUS and code_of(error) not in FULL)
    return isinstance(error, (*BROKEN_OFF, *AWAY, ResponseParserError)) and not isinstance(error, told.SSLError)


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


@dataclass(frozen=True)
class Words:
    """What a person calls the store, and what they would have to correct."""

    what: str
    begun: str
    place_at: str
    endpoint_at: str
    region_at: str
    key_at: str
    signed_at: str
    set_key: str
    error: type[Failed]


VAULT = Words(
    what="vault",
    begun="What was being written was not kept, what was stored before is untouched.",
    place_at="PORTAL_VAULT",
    endpoint_at="PORTAL_S3_ENDPOINT_URL",
    region_at="PORTAL_S3_REGION",
    key_at="AWS_ACCESS_KEY_ID",
    signed_at="AWS_SECRET_ACCESS_KEY",
    set_key="Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    error=VaultUnreachable,
)
NOTHING = "Nothing was read or written."


class Place:
    """Where a store is, and what is wrong there."""

    def __init__(self, bucket: str, prefix: str, endpoint: str, words: Words = VAULT) -> None:
        self.bucket, self.words = bucket, words
        self._name = f"s3://{bucket}/{prefix}".rstrip("/")
        self.endpoint = endpoint.rstrip("/") or "AWS"

    def __str__(self) -> str:
        return self._name

    def sentence(self, error: Exception) -> str:
        """What happened, what did not, and what to do."""
        words = self.words
        if isinstance(error, ClientError):
            return self._answered(code_of(error), _status(error))
        if isinstance(error, NO_KEY):
            return f"There is no key for the {words.what} at {self}. {NOTHING} {words.set_key}."
        if isinstance(error, told.SSLError):
            return (
                f"The certificate of {self.endpoint} is not accepted, so nothing was read or written in the "
                f"{words.what}. Correct the certificate, or {words.endpoint_at}."
            )
        if isinstance(error, ResponseParserError):
            return self.no_store()
        if isinstance(error, AWAY):
            return (
                f"The {words.what} at {self} cannot be reached: nothing answers at {self.endpoint}. {words.begun} "
                f"Start the store or correct {words.endpoint_at}, then try again."
            )
        if isinstance(error, BROKEN_OFF):
            return (
                f"The {words.what} at {self} does not answer in time, or breaks off. {words.begun} "
                "Look at the store and the way to it, then try again."
            )
        *others, last = dict.fromkeys((words.place_at, words.endpoint_at, words.region_at))
        return (
            f"The {words.what} at {self} cannot be asked: the bucket's name, the address or the region is not one. "
            f"{NOTHING} Correct {' or '.join(filter(None, (', '.join(others), last)))}."
        )

    def no_store(self) -> str:
        """Something answers, and not as S3 does."""
        return (
            f"What answers at {self.endpoint} is no S3 store, so nothing was read or written in the {self.words.what}. "
            f"Correct {self.words.endpoint_at}, then try again."
        )

    def _answered(self, code: str, status: int) -> str:
        if code in ARCHIVED:
            return "The object lies in an archive of the store. Fetch it from there first, then try again."
        for codes, sentence in self._sentences():
            if code in codes:
                return sentence
        words = self.words
        verb = "fails" if code in PASSING or status >= 500 else "refuses"
        # S3 has a word for everything: a mere number may come from something else.
        where = "the store" if code.isalpha() else f"the store, and at {words.endpoint_at}"
        return f"The {words.what} at {self} {verb} ({code or status}). {words.begun} Look at {where}, then try again."

    def _sentences(self) -> list[tuple[set[str], str]]:
        what, begun, region_at = self.words.what, self.words.begun, self.words.region_at
        return [
            (
                {"NoSuchBucket", "InvalidBucketName"},
                f"There is no bucket {self.bucket} at {self.endpoint}. {NOTHING} "
                f"Make the bucket or correct {self.words.place_at}, then try again.",
            ),
            (FULL, f"No space left in the {what} at {self}. {begun} Make room there, then try again."),
            (
                EXPIRED,
                f"The credentials for the {what} at {self} have expired. {begun} "
                "Give the portal new ones, then try again.",
            ),
            (
                UNKNOWN_KEY,
                f"The store at {self.endpoint} does not know the key in {self.words.key_at}. {begun} "
                "Correct it, then try again.",
            ),
            (
                {"SignatureDoesNotMatch"},
                f"The store at {self.endpoint} does not accept the secret in {self.words.signed_at}. {begun} "
                "Correct it, then try again.",
            ),
            (
                FORBIDDEN,
                f"Access is denied in the {what} at {self}. {begun} "
                "Let the portal's key list, read, write and delete there, then try again.",
            ),
            (
                {"RequestTimeTooSkewed"},
                f"This machine's clock and the clock of {self.endpoint} are too far apart, so it refuses. {begun} "
                "Set the clock right, then try again.",
            ),
            (
                ELSEWHERE,
                f"The bucket {self.bucket} lies in another region. {NOTHING} Correct {region_at}, then try again.",
            ),
            (NO_STORE, self.no_store()),
        ]
