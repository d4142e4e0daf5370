"""The verbs of the command line, by what they are about."""

from persmark.commands import data, people, rules, serving, training
from persmark.commands.asking import AddVerb, Arguments, Document

TOPICS = (data, people, rules, training, serving)

__all__ = ["TOPICS", "AddVerb", "Arguments", "Document"]
