"""What can go wrong on a person's machine, and the sentence that says what to do about it."""

import re

_ADVICE = (
    (
        r"No space left on device|Errno 28|not enough free space|os error 28",
        "The disk is full. Free some space (`df -h` shows where) and run the same command again.",
    ),
    (
        r"DO NOT MATCH THE HASHES|[Hh]ash mismatch",
        (
            "A downloaded file is not the one that the lock names. Try again; if it stays, the"
            " mirror in use serves altered files: look at `python3 -m pip config list`."
        ),
    ),
    (
        r"Could not get lock|is another process using it|frontend lock",
        (
            "Another program is installing packages (often the nightly update). Wait until it has"
            " ended and run the same command again."
        ),
    ),
    (
        (
            r"CERTIFICATE_VERIFY_FAILED|certificate verify failed|invalid peer certificate"
            r"|UnknownIssuer|Certificate verification failed"
        ),
        (
            "The certificate of the package server is not trusted here. Is the clock right"
            " (`date`)? Behind a company proxy, its CA certificate must be installed:"
            " copy it to /usr/local/share/ca-certificates/ and run `sudo update-ca-certificates`."
        ),
    ),
    (
        (
            r"Temporary failure (in name resolution|resolving)|Could not resolve|dns error"
            r"|Name or service not known|failed to lookup address|Network is unreachable"
            r"|Connection (refused|timed out)|Could not connect"
            r"|Failed to establish a new connection|tcp connect error|error sending request"
        ),
        (
            "The package server cannot be reached. Check the network (and the proxy, if there is"
            " one) and run the same command again; what is already there is kept."
        ),
    ),
    (
        r"Unable to locate package|has no installation candidate",
        (
            "The package lists of this machine do not know the package. Is the `main` component of"
            " Debian in /etc/apt/sources.list or /etc/apt/sources.list.d/?"
        ),
    ),
    (
        r"dpkg was interrupted|dpkg --configure -a|Unmet dependencies|held broken packages",
        (
            "The package system of this machine is in disorder. `sudo dpkg --configure -a` and"
            " `sudo apt-get --fix-broken install` mend it."
        ),
    ),
    (
        r"dpkg returned an error code",
        (
            "A Debian package could not be set up; the lines above say which."
            " `sudo dpkg --configure -a` tries again and shows why."
        ),
    ),
    (
        r"Permission denied|Errno 13|Read-only file system",
        "A file could not be written. Does this folder belong to you, and is the disk writable?",
    ),
)


_TELLING_LINES = 30  # what was overcome earlier must not be taken for the cause


class SetupError(Exception):
    """A step that failed, in words for the person at the keyboard.

    Attributes:
        sentence: what failed.
        advice: what to do about it; may be empty when nothing better than the output is known.
        output: the last lines that the failed program printed.
    """

    def __init__(self, sentence: str, *, advice: str = "", output: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.advice = advice
        self.output = output


def advice_for(output: str) -> str:
    """Return what to do about a program's output, or an empty string for an unknown trouble."""
    end = "\n".join(output.splitlines()[-_TELLING_LINES:])
    for pattern, advice in _ADVICE:
        if re.search(pattern, end):
            return advice
    return ""
