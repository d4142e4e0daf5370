"""Events: read, map, clean, unify, sessionise; and the ledger of every row."""

from persmark.events.compact import compact, undo_load
from persmark.events.content import content_hash
from persmark.events.corrections import corrected_source, is_corrections, rejects_file
from persmark.events.formats import Format
from persmark.events.frames import load_tables
from persmark.events.guesses import Question
from persmark.events.ledger import load
from persmark.events.mapping import TIME_FORMATS, Mapping
from persmark.events.mappings import (
    SavedMapping,
    delete_mapping,
    mapping_for,
    read_as_before,
    rename_mapping,
    save_mapping,
    saved_mapping,
    saved_mappings,
)
from persmark.events.merges import keep_apart, merges, n_merged
from persmark.events.overview import Overview, overview
from persmark.events.propose import Proposal, propose
from persmark.events.reasons import REASONS, SKIPPED, what_to_do
from persmark.events.rules import rules_pending
from persmark.events.sample import load_sample
from persmark.events.sources import Source, ledger
from persmark.events.vocabulary import TARGETS, Target

__all__ = [
    "REASONS",
    "SKIPPED",
    "TARGETS",
    "TIME_FORMATS",
    "Format",
    "Mapping",
    "Overview",
    "Proposal",
    "Question",
    "SavedMapping",
    "Source",
    "Target",
    "compact",
    "content_hash",
    "corrected_source",
    "delete_mapping",
    "is_corrections",
    "keep_apart",
    "ledger",
    "load",
    "load_sample",
    "load_tables",
    "mapping_for",
    "merges",
    "n_merged",
    "overview",
    "propose",
    "read_as_before",
    "rejects_file",
    "rename_mapping",
    "rules_pending",
    "save_mapping",
    "saved_mapping",
    "saved_mappings",
    "undo_load",
    "what_to_do",
]
