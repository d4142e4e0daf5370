"""The one door to the databases: workspaces, their published tables and their small state."""

from persmark.store.reader import EngineError, QueryStoppedError, Reader, literal, quoted, read_sql
from persmark.store.room import require_room, room_on_disk
from persmark.store.state import State
from persmark.store.workspace import (
    Workspace,
    create_workspace,
    delete_workspace,
    list_workspaces,
    now,
    open_workspace,
    workspace_exists,
    workspace_name,
)
from persmark.store.writer import Writer, exclusive

__all__ = [
    "EngineError",
    "QueryStoppedError",
    "Reader",
    "State",
    "Workspace",
    "Writer",
    "create_workspace",
    "delete_workspace",
    "exclusive",
    "list_workspaces",
    "literal",
    "now",
    "open_workspace",
    "quoted",
    "read_sql",
    "require_room",
    "room_on_disk",
    "workspace_exists",
    "workspace_name",
]
