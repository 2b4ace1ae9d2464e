"""Why an uploaded archive is not taken: a code and one sentence for each rule."""

from ..errors import UploadRefused

LONGEST_MEMBER = 200
ADVICE = "Nothing was changed. Make the archive anew, then upload that."

WHY = {
    # What it is made of
    "link": "The archive holds a link, {member}; only ordinary files and folders are taken",
    "device": "The archive holds a device, {member}; only ordinary files and folders are taken",
    "pipe": "The archive holds a pipe or socket, {member}; only ordinary files and folders are taken",
    "sparse": "The archive holds a sparse file, {member}; make it without --sparse, with bsdtar by --no-read-sparse",
    "member-kind": "The archive holds {member} in a form that is not taken; only ordinary files and folders are",
    "empty": "The archive holds no file at all",
    # Names
    "name-empty": "The archive holds a file without a name",
    "name-control": "The archive holds a name with a line break or another control character, {member}",
    "name-encoding": "The archive holds a name that is not written in UTF-8, {member}",
    "name-absolute": "The archive holds a path that begins at the root, {member}",
    "name-drive": "The archive holds a path that begins with a drive, {member}",
    "name-backslash": "The archive holds a name with a backslash, {member}; folders are parted by / only",
    "name-climbs": "The archive holds a path that leads out of its folder, {member}",
    "name-unclear": "The archive holds a path with an empty part or a single dot in it, {member}",
    "name-differs": "The archive gives one file two names, {member}",
    "part-too-long": "The archive holds a name of more than {limit} bytes, {member}",
    "path-too-long": "The archive holds a path of more than {limit} bytes, {member}",
    "too-deep": "The archive holds a path of more than {limit} folders, {member}",
    "duplicate": "The archive holds {member} twice",
    "file-and-folder": "The archive holds {member} both as a file and as a folder",
    "case-clash": "The archive holds {member} a second time in another spelling (capitals or accents)",
    "names-list": "The archive's NAMES.json does not fit its names ({member})",
    # Limits
    "too-many-entries": "The archive holds more than {limit} files and folders",
    "too-large": "The archive unpacks to more than {limit} bytes, for which there is no room here",
    "ratio": "The archive unpacks to more than {limit} times its own size, as only made-up archives do",
    # Whole or not
    "truncated": "The archive is cut off: it ends in the middle",
    "no-end": "The archive is cut off: the mark at its end is missing",
    "broken": "The archive is damaged: {member} does not unpack",
    "wrong-crc": "The archive is damaged: the checksum of {member} is wrong",
    "wrong-size": "The archive is damaged: {member} is not as long as the archive says",
    "malformed": "The archive is damaged: what it says about {member} cannot be read",
    "headers-differ": "The archive is damaged: it says two different things about {member}",
    "overlap": "The archive is damaged: {member} lies over another file",
    "junk-before": "Something stands before the beginning of the archive",
    "junk-inside": "Something that belongs to no file stands in the middle of the archive, before {member}",
    "junk-after": "Something stands behind the end of the archive",
    "two-ends": "The archive has two ends, so that two programs would unpack two different things",
    "changed": "The file is not the one that was looked at before",
    # What this portal does not read
    "encrypted": "The archive is encrypted ({member}); make it without a password",
    "many-parts": "The archive is one part of several; make it in one piece",
    "method": "{member} is packed in a way that is not taken (method {method}); only Deflate and Store are",
    "several-gzips": "The archive is several gzip files in a row; make it in one piece",
    "old-tar": "The archive is a tar in a form older than 1988; make it with today's tar",
    "global-names": "The archive gives one name or size to all its files, which is not taken",
}


def refusal(code: str, member: bytes | str = "", **facts: object) -> UploadRefused:
    """The error to raise. `member` is escaped and cut; it may be anything."""
    said = shown(member) if member else "its content"
    return UploadRefused(code, f"{WHY[code].format(member=said, **facts)}. {ADVICE}")


def shown(member: bytes | str) -> str:
    """A name fit for a sentence: quoted, without anything that does not print, at most 200 characters."""
    text = member.decode("utf-8", "surrogateescape") if isinstance(member, bytes) else member
    escaped = "".join(map(_printable, text[: LONGEST_MEMBER + 1]))
    return f"'{escaped if len(escaped) <= LONGEST_MEMBER else escaped[: LONGEST_MEMBER - 1] + '…'}'"


def _printable(character: str) -> str:
    if "\udc80" <= character <= "\udcff":
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character if character.isprintable() else character.encode("unicode_escape").decode()
