"""Every verb a person can do, for the pages and the command line alike.

A verb is a frozen request. `run` checks the role, does it in this process and writes the audit;
`start` does the same in a detached process (`python -m persmark job`), which outlives page and server.
"""

from persmark.actions.actor import ROLES, Actor, NotAllowedError
from persmark.actions.requests import (
    ApplyRules,
    BuildProfiles,
    CheckQuality,
    Compact,
    CreateAudience,
    DeleteSegment,
    Evaluate,
    ExportAudience,
    KeepApart,
    LoadDemo,
    LoadFiles,
    LoadSample,
    PublishRun,
    Request,
    RestoreSegment,
    SaveRule,
    SaveSegment,
    SwitchRule,
    Train,
    UndoLoad,
)
from persmark.actions.serving import serving
from persmark.actions.verbs import carry_out, run, start
from persmark.actions.workspaces import (
    DEMO,
    SAMPLE,
    create_workspace_for_upload,
    demo_workspace,
    drop_refused_upload,
    ensure_demo,
    ensure_sample,
    remove_workspace,
    sample_workspace,
    workspace_for_upload,
)

__all__ = [
    "DEMO",
    "ROLES",
    "SAMPLE",
    "Actor",
    "ApplyRules",
    "BuildProfiles",
    "CheckQuality",
    "Compact",
    "CreateAudience",
    "DeleteSegment",
    "Evaluate",
    "ExportAudience",
    "KeepApart",
    "LoadDemo",
    "LoadFiles",
    "LoadSample",
    "NotAllowedError",
    "PublishRun",
    "Request",
    "RestoreSegment",
    "SaveRule",
    "SaveSegment",
    "SwitchRule",
    "Train",
    "UndoLoad",
    "carry_out",
    "create_workspace_for_upload",
    "demo_workspace",
    "drop_refused_upload",
    "ensure_demo",
    "ensure_sample",
    "remove_workspace",
    "run",
    "sample_workspace",
    "serving",
    "start",
    "workspace_for_upload",
]
