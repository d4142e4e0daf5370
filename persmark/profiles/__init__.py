"""Events become one row per user, as of a time: what marketers call profiles."""

from persmark.profiles.attention import attention_of, attention_over_all
from persmark.profiles.build import ProfilesBuilt, build_profiles, profiles_as_of, refresh_profiles
from persmark.profiles.catalogue import (
    DAYPARTS,
    FEATURES,
    LIFECYCLE,
    RFM_SEGMENTS,
    Feature,
    Group,
    attribute_feature,
)
from persmark.profiles.look import (
    distribution,
    feature_catalogue,
    profile,
    profile_columns,
    rfm_cells,
    search_users,
    summary,
    user_history,
)

__all__ = [
    "DAYPARTS",
    "FEATURES",
    "LIFECYCLE",
    "RFM_SEGMENTS",
    "Feature",
    "Group",
    "ProfilesBuilt",
    "attention_of",
    "attention_over_all",
    "attribute_feature",
    "build_profiles",
    "distribution",
    "feature_catalogue",
    "profile",
    "profile_columns",
    "profiles_as_of",
    "refresh_profiles",
    "rfm_cells",
    "search_users",
    "summary",
    "user_history",
]
