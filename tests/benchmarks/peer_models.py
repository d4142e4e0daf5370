"""What an analyst would install instead: RecTools' SASRec and EASE, `implicit`'s ALS and BPR.

    PYTHON tests/benchmarks/peer_models.py sasrec --choose A.npz --report B.npz --out LISTS.npz

Run by `bench_peers.py` under the Python of another environment (`rectools[torch]`, `implicit`), with
the repository on PYTHONPATH for the one yardstick, `persmark.metrics`. Settings, and the epoch, are
chosen on the first task; the lists are of the second. Each point of a learning curve is a JSON line;
its seconds are those of training, without the measuring in between. The last line is the summary.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from persmark import metrics

K, LISTED, BLOCK = 10, 50, 1024
MODES = ("allowed", "removed")


@dataclass(frozen=True, eq=False)
class Task:
    """Codes of what is learned from, of what is known when scoring, and of what is asked for.

    Args:
        name: Path of the file it came from.
        n_users: Users in all.
        n_items: Items in all.
        train: (user, item, time) of what is learned from, in the order of users and time.
        history: (user, item) known when scoring, in the same order.
        asked: (user, item) pairs, ascending.
        mode: `allowed`, or `removed`: items of the history leave the ranking.
    """

    name: str
    n_users: int
    n_items: int
    train: tuple[np.ndarray, np.ndarray, np.ndarray]
    history: tuple[np.ndarray, np.ndarray]
    asked: tuple[np.ndarray, np.ndarray]
    mode: str

    @classmethod
    def read(cls, path: Path) -> Task:
        with np.load(path) as held:
            return cls(
                name=str(path),
                n_users=int(held["n_users"]),
                n_items=int(held["n_items"]),
                train=(held["user"], held["item"], held["time"]),
                history=(held["history_user"], held["history_item"]),
                asked=(held["asked_user"], held["asked_item"]),
                mode=str(held["mode"]),
            )

    @property
    def users(self) -> np.ndarray:
        """The users asked for, ascending."""
        return np.unique(self.asked[0])

    def matrix(self, pairs: tuple[np.ndarray, ...]) -> sparse.csr_matrix:
        """(n_users, n_items) how often; the pairs are (user, item, ...)."""
        cells = (np.ones(len(pairs[0]), np.float32), (pairs[0], pairs[1]))
        return sparse.csr_matrix(cells, shape=(self.n_users, self.n_items))

    def same_training(self, other: Task) -> bool:
        """Whether both learn from the same events."""
        return all(np.array_equal(a, b) for a, b in zip(self.train, other.train, strict=True))


Score = Callable[[np.ndarray], np.ndarray]


def lists(task: Task, score: Score) -> tuple[np.ndarray, np.ndarray]:
    """(n_users, LISTED) items, best first, and their scores; what may not be shown is -inf."""
    seen = task.matrix(task.history)
    width = min(LISTED, task.n_items)
    items, values = [], []
    for start in range(0, len(task.users), BLOCK):
        users = task.users[start : start + BLOCK]
        scores = np.array(score(users), np.float32)
        if task.mode == "removed":
            rows, columns = seen[users].nonzero()
            scores[rows, columns] = -np.inf
        top = np.argpartition(-scores, width - 1, axis=1)[:, :width]
        order = np.argsort(-np.take_along_axis(scores, top, 1), axis=1, kind="stable")
        top = np.take_along_axis(top, order, 1)
        items.append(top.astype(np.int32))
        values.append(np.take_along_axis(scores, top, 1))
    return np.concatenate(items), np.concatenate(values)


def ranks_of(task: Task, items: np.ndarray, values: np.ndarray) -> metrics.TiedRanks:
    """Where the asked pairs stand; one that is not listed stands behind all that are."""
    row = np.searchsorted(task.users, task.asked[0])
    here = (items[row] == task.asked[1][:, None]) & np.isfinite(values[row])
    found = here.any(axis=1)
    own = np.where(found, np.take_along_axis(values[row], here.argmax(1)[:, None], 1)[:, 0], -np.inf)
    greater = np.where(found, (values[row] > own[:, None]).sum(1), items.shape[1])
    equal = np.where(found, (values[row] == own[:, None]).sum(1), 1)
    return metrics.TiedRanks(row, greater.astype(np.int64), equal.astype(np.int64), len(task.users))


def ndcg(task: Task, score: Score) -> float:
    return float(metrics.ndcg(ranks_of(task, *lists(task, score)), K).mean())


class SasRec:
    """RecTools' SASRec; `epochs` 0: until `patience` epochs bring nothing.

    `packed` True spares the library the work on padding in its loss (most of the time where
    histories are short): the same model and gradient, sooner. False: the library as it comes.
    """

    def __init__(self, settings: dict[str, Any], seed: int) -> None:
        self.settings = {"epochs": 0, "most_epochs": 200, "patience": 8, "packed": False} | settings
        self.seed = seed

    def fit(self, task: Task) -> dict[str, Any]:
        import logging

        import pandas as pd
        import torch
        from pytorch_lightning import Callback, Trainer, seed_everything
        from rectools import Columns
        from rectools.dataset import Dataset
        from rectools.models import SASRecModel
        from rectools.models.nn.transformers.lightning import TransformerLightningModule

        class Packed(TransformerLightningModule):
            """The same loss over the places that hold an item; padding, of no weight in it, left out."""

            def training_step(self, batch: Any, batch_idx: int) -> Any:
                y = batch["y"]
                real, model = y != 0, self.torch_model
                vectors = model.item_model.get_all_embeddings()
                states = model.encode_sessions(batch, vectors)[real][None]
                offered = None
                if "negatives" in batch:
                    offered = torch.cat([y[real][:, None], batch["negatives"][real]], 1)[None]
                logits = model.similarity_module(states, vectors, offered) / self.logits_t
                loss = self.loss_calculator(logits, y[real][None], batch["yw"][real][None])
                self.log(self.train_loss_name, loss, on_step=False, on_epoch=True)
                return loss

        logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
        warnings.filterwarnings("ignore")
        seed_everything(self.seed)
        own = dict(self.settings)
        epochs, most, patience = (own.pop(name) for name in ("epochs", "most_epochs", "patience"))
        if own.pop("packed"):
            own["lightning_module_type"] = Packed
        user, item, when = task.train
        began = time.perf_counter()
        frame = pd.DataFrame(
            {Columns.User: user, Columns.Item: item, Columns.Weight: 1.0, Columns.Datetime: when}
        )
        frame[Columns.Datetime] = pd.to_datetime(frame[Columns.Datetime], unit="s")
        outer = self
        watch: dict[str, Any] = {"paused": 0.0, "best": -1.0, "epoch": 0, "state": None}
        curve: list[dict[str, float]] = []

        class Watch(Callback):
            def on_train_epoch_end(self, trainer: Any, module: Any) -> None:
                stopped = time.perf_counter()
                epoch, seconds = trainer.current_epoch + 1, stopped - began - watch["paused"]
                outer._module = module
                reached = ndcg(task, outer.scorer(task))
                module.train()
                loss = float(trainer.callback_metrics["train_loss"])
                point = {"epoch": epoch, "loss": loss, "validation_ndcg": reached,
                         "seconds": round(seconds, 2), "cpu": round(time.process_time(), 1),
                         "load": os.getloadavg()[0]}  # fmt: skip
                curve.append(point)
                print(json.dumps(point), flush=True)
                if reached > watch["best"]:
                    state = copy.deepcopy(module.torch_model.state_dict())
                    watch.update(best=reached, epoch=epoch, state=state)
                trainer.should_stop = not epochs and epoch - watch["epoch"] >= patience
                watch["paused"] += time.perf_counter() - stopped

        def trainer() -> Trainer:
            return Trainer(
                max_epochs=epochs or most,
                accelerator="cpu",
                logger=False,
                enable_checkpointing=False,
                enable_progress_bar=False,
                enable_model_summary=False,
                callbacks=[Watch()],
            )

        self._model = SASRecModel(**own, get_trainer_func=trainer)
        self._model.fit(Dataset.construct(frame))
        if not epochs:
            self._module.torch_model.load_state_dict(watch["state"])
        at = curve[(epochs or watch["epoch"]) - 1]
        return {
            "validation_ndcg": at["validation_ndcg"],
            "epoch": at["epoch"],
            "seconds": at["seconds"],
            "seconds_a_epoch": round(curve[-1]["seconds"] / len(curve), 2),
            "threads": torch.get_num_threads(),
            "chosen": self.settings | {"epochs": at["epoch"]},
            "curve": curve,
        }

    def scorer(self, task: Task) -> Score:
        import torch

        module = self._module
        preparator = module.data_preparator
        known = preparator.get_known_items_sorted_internal_ids()
        inner = np.zeros(task.n_items, np.int64)
        codes = preparator.get_known_item_ids().astype(np.int64)
        inner[codes] = known
        user, item = task.history
        keep = inner[item] > 0
        user, item = user[keep], inner[item[keep]]
        starts = np.searchsorted(user, np.arange(task.n_users + 1))
        module.torch_model.eval()
        with torch.no_grad():
            vectors = module.torch_model.item_model.get_all_embeddings()

        def score(users: np.ndarray) -> np.ndarray:
            sessions = [item[starts[one] : starts[one + 1]].tolist() for one in users]
            some = np.array([bool(own) for own in sessions])
            scores = np.full((len(users), task.n_items), -np.inf, np.float32)
            batch = preparator._collate_fn_recommend([(own, [], {}) for own in sessions if own])
            with torch.no_grad():
                last = module.torch_model.encode_sessions(batch, vectors)[:, -1, :]
                found = (last @ vectors.T).numpy()
            rows = np.flatnonzero(some)
            scores[rows[:, None], codes[None, :]] = found[:, known]
            return scores

        return score


class Implicit:
    """ALS and BPR of `implicit`."""

    def __init__(self, kind: str, settings: dict[str, Any], seed: int) -> None:
        self.kind, self.settings, self.seed = kind, settings, seed

    def fit(self, task: Task) -> dict[str, Any]:
        import implicit
        import threadpoolctl

        threadpoolctl.threadpool_limits(1, "blas")
        threads = int(os.environ.get("OMP_NUM_THREADS", "1"))
        own = {"random_state": self.seed, "num_threads": threads} | self.settings
        counted = task.matrix(task.train)
        began = time.perf_counter()
        if self.kind == "als":
            self._model = implicit.als.AlternatingLeastSquares(**own)
        else:
            counted.data[:] = 1
            self._model = implicit.bpr.BayesianPersonalizedRanking(**own)
        self._model.fit(counted, show_progress=False)
        seconds = time.perf_counter() - began
        reached = ndcg(task, self.scorer(task))
        return {"validation_ndcg": reached, "seconds": round(seconds, 2), "threads": threads,
                "chosen": self.settings}  # fmt: skip

    def scorer(self, task: Task) -> Score:
        if self.kind == "als":
            # The history may hold more than was learned from: users are folded in by it.
            history = task.matrix(task.history)
            return lambda users: (
                self._model.recalculate_user(users, history[users]) @ self._model.item_factors.T
            )
        return lambda users: self._model.user_factors[users] @ self._model.item_factors.T


class Ease:
    """RecTools' EASE over the `most_items` most frequent items."""

    def __init__(self, settings: dict[str, Any], seed: int) -> None:
        self.settings = {"most_items": 100_000, "regularization": 500.0} | settings

    def fit(self, task: Task) -> dict[str, Any]:
        import pandas as pd
        from rectools import Columns
        from rectools.dataset import Dataset
        from rectools.models import EASEModel

        counted = task.matrix(task.train)
        counted.data[:] = 1
        frequency = np.asarray(counted.sum(0)).ravel()
        order = np.argsort(-frequency, kind="stable")[: self.settings["most_items"]]
        kept = np.sort(order[frequency[order] > 0])
        rows, columns = counted[:, kept].nonzero()
        frame = pd.DataFrame({Columns.User: rows, Columns.Item: kept[columns], Columns.Weight: 1.0,
                              Columns.Datetime: "2000-01-01"})  # fmt: skip
        began = time.perf_counter()
        model = EASEModel(regularization=self.settings["regularization"])
        data = Dataset.construct(frame)
        model.fit(data)
        seconds = time.perf_counter() - began
        self._columns = data.item_id_map.get_external_sorted_by_internal().astype(np.int64)
        self._weight = model.weight.astype(np.float32)
        reached = ndcg(task, self.scorer(task))
        return {"validation_ndcg": reached, "seconds": round(seconds, 2), "items": len(kept),
                "threads": int(os.environ.get("OMP_NUM_THREADS", "0")), "chosen": self.settings}  # fmt: skip

    def scorer(self, task: Task) -> Score:
        history = task.matrix(task.history)[:, self._columns]
        history.data[:] = 1

        def score(users: np.ndarray) -> np.ndarray:
            scores = np.full((len(users), task.n_items), -np.inf, np.float32)
            scores[:, self._columns] = history[users] @ self._weight
            return scores

        return score


def made(name: str, settings: dict[str, Any], seed: int) -> Any:
    if name == "sasrec":
        return SasRec(settings, seed)
    return Ease(settings, seed) if name == "ease" else Implicit(name, settings, seed)


def main() -> None:
    """Choose on one task, list for the other."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", choices=["sasrec", "als", "bpr", "ease"])
    parser.add_argument("--choose", type=Path, required=True)
    parser.add_argument("--report", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--grid", default="[{}]", help="JSON: settings to choose from")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    first = Task.read(asked.choose)
    tried, best, kept = [], None, None
    for settings in json.loads(asked.grid):
        model = made(asked.model, settings, asked.seed)
        found = model.fit(first)
        tried.append({name: found[name] for name in ("chosen", "validation_ndcg", "seconds")})
        print(json.dumps(tried[-1]), flush=True)
        if best is None or found["validation_ndcg"] > best["validation_ndcg"]:
            best, kept = found, model
    assert best is not None
    if asked.report and asked.out:
        second = Task.read(asked.report)
        if not first.same_training(second):
            kept = made(asked.model, best["chosen"], asked.seed)
            best |= {"report_seconds": kept.fit(second)["seconds"]}
        items, values = lists(second, kept.scorer(second))
        np.savez(asked.out, items=items, values=values)
    print(json.dumps(best | {"model": asked.model, "tried": tried}))


if __name__ == "__main__":
    main()
