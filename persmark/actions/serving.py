"""Which recommender slates and target lists use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from persmark import recommend
from persmark.errors import InputError, PersmarkError
from persmark.store import Workspace
from persmark.text import text

if TYPE_CHECKING:
    from persmark.recommend import Recommender


def serving(workspace: Workspace, name: str | None = None) -> tuple[Recommender, str] | None:
    """The recommender that slates use, with its run: the published one, or the newest of a name.

    Returns:
        None where nothing was trained and no name was asked for.

    Raises:
        NotFoundError: The name is unknown, or was never trained here.
    """
    if name is None:
        run_ = recommend.published(workspace)
        return (recommend.load_run(workspace, run_.run_id), run_.run_id) if run_ else None
    recommend.recommender(name)
    for run_ in recommend.runs(workspace):
        if run_.recommender == name:
            return recommend.load_run(workspace, run_.run_id), run_.run_id
    raise _never_trained(name)


def _never_trained(name: str) -> PersmarkError:
    """A recommender of that name was never trained in the workspace."""
    return InputError(
        text("Recommender '{name}' must have been trained in this workspace. Received: {name}.", name=name),
        title="Not trained yet",
        hint="Train it on the Train page, or with `train`.",
    )
