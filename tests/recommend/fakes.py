"""Recommenders for tests: one that learns step by step and can break on the way, one without an opinion."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from persmark.recommend import RECOMMENDERS, Reason, Recommender, Settings, registry
from persmark.recommend.interactions import Interactions
from persmark.recommend.lesson import Lesson
from persmark.recommend.options import option
from persmark.recommend.saved import Saved
from persmark.text import text


@dataclass(frozen=True)
class LearnerSettings(Settings):
    """Settings of `learner`."""

    epochs: int = option(4, about="Passes over the events", unit="epochs", low=1, high=10_000)
    pause_seconds: float = option(0.0, about="Rest after each", unit="seconds", low=0, high=60)
    minutes: float = option(60.0, about="Longest time to learn", unit="minutes", low=0.0, high=600)
    breaks: str = option("", about="How it ends in the middle: memory, killed, error or not at all")


class Learner(Recommender):
    """Logits of the items fitted to how often each is bought, by gradient steps: it has a real curve."""

    name = "learner"
    settings_type = LearnerSettings
    learned = True
    settings: LearnerSettings
    logits: np.ndarray[Any, Any]

    def _learn(self, interactions: Interactions, lesson: Lesson) -> None:
        count = np.bincount(interactions.item, minlength=interactions.n_items).astype(float)
        share = count / count.sum()
        logits = np.zeros(interactions.n_items)
        started = time.monotonic()
        for epoch in range(1, self.settings.epochs + 1):
            chance = np.exp(logits) / np.exp(logits).sum()
            logits += 5.0 * (share - chance)
            loss = -float(share @ np.log(np.exp(logits) / np.exp(logits).sum()))
            lesson.on_point(
                {
                    "epoch": epoch,
                    "loss": loss,
                    "train_ndcg": 0.5 - loss / 10,
                    "validation_ndcg": 0.4 - loss / 10,
                }
            )
            lesson.on_progress(epoch / self.settings.epochs, text("Pass {n}", n=epoch))
            if epoch == 2:
                _break(self.settings.breaks)
            time.sleep(self.settings.pause_seconds)
            if time.monotonic() - started > 60 * self.settings.minutes:
                break
        self.logits = logits

    def _score(self, histories: Interactions) -> Any:
        return np.tile(self.logits.astype(np.float32), (histories.n_users, 1))

    def _filled(self, histories: Interactions, values: Any) -> Any:
        return np.ones(values.shape, bool)

    def _reason(self, history: Interactions, item: int, titles: Mapping[str, str]) -> Reason:
        return Reason("learned", {}, text("learned"))

    def _arrays(self) -> dict[str, Any]:
        return {"logits": self.logits}

    def _restore(self, held: Saved) -> None:
        self.logits = held.arrays["logits"]


def _break(how: str) -> None:
    if how == "memory":
        raise MemoryError
    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "error":
        raise RuntimeError("weights went astray")


class Constant(Learner):
    """The same score for every item."""

    name = "constant"

    def _score(self, histories: Interactions) -> Any:
        return np.zeros((histories.n_users, len(self.item_ids)), np.float32)


def known() -> Mapping[str, type[Recommender]]:
    """The recommenders there are, with these two."""
    return MappingProxyType({**RECOMMENDERS, Learner.name: Learner, Constant.name: Constant})


def register() -> None:
    """For a process of its own: let the names be known."""
    registry.RECOMMENDERS = known()
