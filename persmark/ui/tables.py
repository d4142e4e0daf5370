"""Tables on a page and as files that are safe to open in a spreadsheet."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, cast

import pandas as pd
import streamlit as st

from persmark.spreadsheet import escaped_cell

ROWS_SHOWN = 1_000

# Column -> heading. What is not here is shown as its own name with spaces.
HEADINGS: Mapping[str, str] = MappingProxyType({
    "n_events": "Events", "n_users": "Users", "n_items": "Items", "user_id": "User", "item_id": "Item",
    "event_type": "Type", "event_time": "Time (UTC)", "local_date": "Day", "local_hour": "Hour",
    "rows_in": "Rows in", "loaded_at": "Loaded at (UTC)", "saved_at": "Saved at (UTC)",
    "source_id": "No.", "n_target": "Contacted", "n_holdout": "Held out",
    "ndcg": "NDCG", "hit_rate": "Hit rate", "mrr": "MRR",
    "rfm_segment": "RFM segment", "recency_days": "Days since purchase", "frequency": "Orders",
    "n_purchases": "Orders", "monetary": "Spent", "mean_gap_days": "Days between orders",
    "last_event_time": "Last event (UTC)", "who": "Who belongs to it", "came_as": "Came as",
    "shared": "Shared with it", "to_do": "What to do",
    "rfm_segment_before": "RFM before", "rfm_segment_after": "RFM after",
    "n_purchases_before": "Orders before", "n_purchases_after": "Orders after",
    "monetary_before": "Spent before", "monetary_after": "Spent after", "from_group": "From",
    "measured": "Prediction", "better_by": "Ours better by", "better_low": "At least",
    "better_high": "At most", "auc": "AUC", "auc_above_rfm": "AUC above RFM",
    "brier_below_rfm": "Brier below RFM", "n_bought": "Bought", "bought_share": "Share that bought",
    "debiased_recall": "Recall beside best sellers", "popularity_bias": "Leans on best sellers",
    "exposure_gini": "Uneven exposure", "novelty": "Novelty (bits)", "fit_seconds": "Training (s)",
    "score_seconds": "Scoring (s)", "against_simple": "Ahead of the best simple one",
    "against_low": "At least", "against_high": "At most",
    "n_rows": "Rows", "became": "Became", "trained_at": "Trained at",
})  # fmt: skip


_NAMES_OF_FILES = ("file", "name", "used_for")
_LONG_NAME = 36
_METRICS = (
    "ndcg", "low", "high", "difference", "debiased_recall", "popularity_bias", "exposure_gini",
    "against_simple", "against_low", "against_high", "gap", "train", "validation",
    "recall", "hit_rate", "mrr", "coverage", "auc", "value", "better_by", "better_low",
    "better_high",
)  # fmt: skip


def heading(column: str) -> str:
    """A column's heading."""
    return HEADINGS.get(column, column.replace("_", " ").capitalize())


def _guarded(value: object) -> object:
    return escaped_cell(value) if isinstance(value, str) else value


def csv_bytes(table: pd.DataFrame) -> bytes:
    """CSV in which no text is taken for a formula; UTF-8 with a mark, lines as RFC 4180 ends them."""
    safe = table.copy()
    for column in safe.columns:
        if not pd.api.types.is_numeric_dtype(safe[column]) and not pd.api.types.is_datetime64_any_dtype(
            safe[column]
        ):
            safe[column] = safe[column].map(_guarded)
    safe.columns = [str(_guarded(str(column))) for column in safe.columns]
    return ("\ufeff" + safe.to_csv(index=False, lineterminator="\r\n")).encode("utf-8")


def _config(table: pd.DataFrame) -> dict[str, Any]:
    config: dict[str, Any] = {}
    for column in table.columns:
        kind, label = table[column].dtype, heading(str(column))
        if pd.api.types.is_bool_dtype(kind):
            config[column] = st.column_config.CheckboxColumn(label)
        elif pd.api.types.is_datetime64_any_dtype(kind):
            config[column] = st.column_config.DatetimeColumn(label, format="YYYY-MM-DD HH:mm")
        elif str(column).endswith("share") and pd.api.types.is_float_dtype(kind):
            config[column] = st.column_config.NumberColumn(label, format="%.1f%%")
        elif pd.api.types.is_float_dtype(kind):
            config[column] = st.column_config.NumberColumn(label, format=_float_format(table, str(column)))
        elif pd.api.types.is_integer_dtype(kind):
            config[column] = st.column_config.NumberColumn(label, format="localized")
        else:
            # A file's name may be as long as it likes; the figures beside it must stay in sight.
            narrow = column in _NAMES_OF_FILES and table[column].astype(str).str.len().max() > _LONG_NAME
            config[column] = st.column_config.TextColumn(label, width="medium" if narrow else None)
    return config


def _float_format(table: pd.DataFrame, column: str) -> str:
    """Metrics with three decimals everywhere; others as many as their size asks for, never an exponent."""
    if column in _METRICS:
        return "%.3f"
    most = table[column].abs().max()
    if pd.isna(most) or most >= 1000:
        return "localized"
    return "%.1f" if most >= 100 else "%.2f" if most >= 1 else "%.3f"


def _drawable(table: pd.DataFrame) -> pd.DataFrame:
    """Decimals as numbers: a grid shows them as text otherwise."""
    from decimal import Decimal

    drawn = table.head(ROWS_SHOWN).copy()
    for column in drawn.columns:
        present = drawn[column].dropna()
        if len(present) and isinstance(present.iloc[0], Decimal):
            drawn[column] = drawn[column].astype(float)
        if pd.api.types.is_float_dtype(drawn[column].dtype):
            if str(column).endswith("share"):
                drawn[column] = 100 * drawn[column]
            elif drawn[column].abs().max() >= 1000:
                drawn[column] = drawn[column].round(1)
    return drawn


def show_table(
    table: pd.DataFrame,
    key: str,
    *,
    file_name: str = "",
    height: int | str = "auto",
    download: bool = True,
    choose: bool = False,
) -> int | None:
    """A table, at most `ROWS_SHOWN` rows of it, with all of it as a CSV download.

    Returns:
        With `choose`, the place of the row that is ticked.
    """
    drawn = _drawable(table)
    chosen = st.dataframe(
        drawn,
        hide_index=True,
        column_config=_config(drawn),
        height=height if isinstance(height, int) else ("auto" if len(drawn) < 10 else 380),
        key=f"table-{key}",
        # What is empty is said as everywhere else on a page.
        placeholder="–",
        on_select="rerun" if choose else "ignore",
        selection_mode="single-row",
    )
    if len(table) > ROWS_SHOWN:
        st.caption(f"The first {ROWS_SHOWN:,} of {len(table):,} rows; the download has all.")
    if download:
        st.download_button(
            "Download as CSV",
            lambda: csv_bytes(table),
            file_name=file_name or f"{key}.csv",
            mime="text/csv",
            key=f"download-{key}",
            icon=":material/download:",
            on_click="ignore",
        )
    rows = cast(Any, chosen)["selection"]["rows"] if choose else []
    return int(rows[0]) if rows and rows[0] < len(drawn) else None
