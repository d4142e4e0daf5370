"""What a caller may have done wrong, said so that they can mend it.

Every message has the form "{What} {rule}. Received: {value}. {What is available or what to do}."
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from persmark.text import Text


class PersmarkError(Exception):
    """A refusal a person can act on.

    Args:
        message: What is wrong, as a `Text` or an English sentence.
        title: Two or three words for a headline.
        hint: What to do next.
    """

    def __init__(self, message: Text | str, title: str = "", hint: Text | str = "") -> None:
        self.message = message if isinstance(message, Text) else Text("{sentence}", {"sentence": message})
        self.title = title or "Not possible"
        self.hint = hint if isinstance(hint, Text) else Text("{sentence}", {"sentence": hint})
        super().__init__(str(self))

    def __str__(self) -> str:
        hint = self.hint.render()
        return f"{self.message.render()} {hint}".strip()


@contextmanager
def called(name: str, *, instead_of: str) -> Iterator[None]:
    """Refusals of the block speak of a file by the name that people know, not by where it lies."""
    try:
        yield
    except PersmarkError as error:
        error.message = _renamed(error.message, instead_of, name)
        error.hint = _renamed(error.hint, instead_of, name)
        raise


def _renamed(sentence: Text, old: str, new: str) -> Text:
    values = {
        key: new if value == old else _renamed(value, old, new) if isinstance(value, Text) else value
        for key, value in sentence.values.items()
    }
    return Text(sentence.template, values)


class InputError(PersmarkError, ValueError):
    """A value given by the caller breaks a rule."""


class NotFoundError(PersmarkError, LookupError):
    """A named thing (workspace, user, segment, recommender, run) does not exist."""


class ColumnMissingError(PersmarkError, KeyError):
    """A table lacks a column that is needed."""

    __str__ = PersmarkError.__str__


class FileRefusedError(PersmarkError, ValueError):
    """A file cannot be read as events, items or users; nothing of it was loaded."""


class EmptyError(PersmarkError):
    """The step before has not been done, or left nothing to work on."""


class BusyError(PersmarkError):
    """Somebody else is writing to this workspace."""


class DiskFullError(PersmarkError):
    """There is no room left on the disk; what was published before stands as it was."""
