"""What is still alive on this machine."""

from pathlib import Path


def is_gone(process: int) -> bool:
    """Whether it has ended; one that only its parent has not looked after yet counts as ended."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def naming(text: str) -> list[str]:
    """The command lines of living processes whose command line or environment names this text."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command, environ = (folder / "cmdline").read_bytes(), (folder / "environ").read_bytes()
        except OSError:
            continue
        if text.encode() in command or text.encode() in environ:
            found.append(command.replace(b"\0", b" ").decode(errors="replace").strip())
    return [line for line in found if line]
