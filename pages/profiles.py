"""Being built."""

from persmark.ui.words import page_head

page_head("Profiles", "Being built.")
