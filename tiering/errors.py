"""What a user did wrong, in one line: the value, the rule, the way out.

Everything that ends a command with exit code 2 is an `InputError`; whatever else escapes is a defect of ours and
keeps its traceback.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class InputError(ValueError):
    """Input that breaks a stated rule. Its text is one line: what was given, the rule, the way out."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


class NeedsFuture(InputError):
    """A clairvoyant controller was started on a host that cannot know the future."""


class IllegalDecision(InputError):
    """A controller answered with something its host cannot do."""


def unknown(kind: str, value: str, known: Iterable[str], owner: str = "") -> InputError:
    """An `InputError` for a name that is in no table, with the nearest name or the whole table as the way out.

    `owner` says whose table it is, as in "controller 'pi'".
    """
    names = sorted(known)
    near = get_close_matches(value, names, n=1, cutoff=0.5)
    way_out = f"did you mean {near[0]!r}?" if near else f"there is {', '.join(names) or 'nothing'}"
    of = f" of {owner}" if owner else ""
    return InputError(f"unknown {kind} {value!r}{of}: {way_out}")


def printable(text: str) -> str:
    """A name out of a file: control characters would steer the terminal, lone surrogates cannot be written."""
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")
