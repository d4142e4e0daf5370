"""What a search keeps on disk until it ends: after a cancel or a crash it goes on where it stopped."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from persmark.recommend.measure import Measured, load_measured, save_measured
from persmark.recommend.search.asked import FindBest
from persmark.recommend.training import Ground
from persmark.store import Workspace

FOLDER = "searches"
_STATE = "search.json"


@dataclass(frozen=True)
class State:
    """What was measured so far, on disk."""

    folder: Path

    @classmethod
    def of(cls, workspace: Workspace, request: FindBest, ground: Ground) -> State:
        """The state of this very search; another one's, or one that shall not go on, is removed."""
        parent = workspace.folder / FOLDER
        # A longer time, another name or the word to go on ask for the same figures.
        same = dataclasses.asdict(request) | {"minutes": 0, "label": "", "resume": False, "recommenders": ()}
        asked = json.dumps([same, dict(ground.reads), dict(ground.weights)], sort_keys=True, default=str)
        folder = parent / hashlib.sha256(asked.encode()).hexdigest()[:16]
        if parent.is_dir():
            for path in parent.iterdir():
                if path != folder or not request.resume:
                    shutil.rmtree(path, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        return cls(folder)

    def spent(self) -> float:
        """Seconds before this start."""
        try:
            return float(json.loads((self.folder / _STATE).read_text("utf-8"))["spent"])
        except (OSError, ValueError, KeyError):
            return 0.0

    def keep(self, found: Measured, spent: float) -> None:
        """One more is measured."""
        save_measured(self.folder / f"{found.recommender}.npz", found)
        shutil.rmtree(self.learning(found.recommender), ignore_errors=True)
        self.spend(spent)

    def spend(self, spent: float) -> None:
        """So much of the time is gone, whatever happens next."""
        part = self.folder / f"{_STATE}.part"
        part.write_text(json.dumps({"spent": spent}), "utf-8")
        part.replace(self.folder / _STATE)

    def learning(self, name: str, *, final: bool = False) -> Path:
        """Where a training that takes long keeps how far it is."""
        return self.folder / ("final" if final else "measured") / name

    def load(self, name: str) -> Measured | None:
        """What was measured before."""
        return load_measured(self.folder / f"{name}.npz")

    def remove(self) -> None:
        """The search has ended."""
        shutil.rmtree(self.folder, ignore_errors=True)


def unfinished(workspace: Workspace) -> list[str]:
    """Names that a search which did not end has measured; it can go on from there."""
    parent = workspace.folder / FOLDER
    return sorted(path.stem for path in parent.glob("*/*.npz")) if parent.is_dir() else []
