"""Events: read, map, clean, unify, sessionise; and the ledger of every row."""

from persmark.events.compact import compact, undo_load
from persmark.events.formats import Format
from persmark.events.frames import load_tables
from persmark.events.ledger import Source, ledger, load, rejects_csv
from persmark.events.mapping import TIME_FORMATS, Mapping
from persmark.events.merges import keep_apart, merges, n_merged
from persmark.events.overview import Overview, overview
from persmark.events.propose import Proposal, Question, propose
from persmark.events.sample import load_sample
from persmark.events.vocabulary import TARGETS, Target

__all__ = [
    "TARGETS",
    "TIME_FORMATS",
    "Format",
    "Mapping",
    "Overview",
    "Proposal",
    "Question",
    "Source",
    "Target",
    "compact",
    "keep_apart",
    "ledger",
    "load",
    "load_sample",
    "load_tables",
    "merges",
    "n_merged",
    "overview",
    "propose",
    "rejects_csv",
    "undo_load",
]
