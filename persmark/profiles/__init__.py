"""Events become one row per user, as of a time: what marketers call profiles."""

from persmark.profiles.attention import attention_of, attention_over_all, opportunities
from persmark.profiles.build import (
    ProfilesBuilt,
    build_profiles,
    making,
    outdated,
    profiles_as_of,
    refresh_profiles,
)
from persmark.profiles.catalogue import (
    DAYPARTS,
    FEATURES,
    LIFECYCLE,
    LIVE_FEATURES,
    RFM_SEGMENTS,
    Feature,
    Group,
    attribute_feature,
)
from persmark.profiles.consented import consent_over_all
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
    "LIVE_FEATURES",
    "RFM_SEGMENTS",
    "Feature",
    "Group",
    "ProfilesBuilt",
    "attention_of",
    "attention_over_all",
    "attribute_feature",
    "build_profiles",
    "consent_over_all",
    "distribution",
    "feature_catalogue",
    "making",
    "opportunities",
    "outdated",
    "profile",
    "profile_columns",
    "profiles_as_of",
    "refresh_profiles",
    "rfm_cells",
    "search_users",
    "summary",
    "user_history",
]
