"""Contacts under lock, pseudonyms, consent, and the smallest group that may be shown."""

from persmark.privacy.consent import (
    CONSENT_STATES,
    DENIED,
    GRANTED,
    PURPOSES,
    UNKNOWN,
    consent_counts,
    consents,
    save_consents,
)
from persmark.privacy.keys import (
    KEY_VARIABLE,
    KeyLostError,
    key_path,
    pseudonym,
    seal,
    seal_all,
    unseal,
    unseal_all,
)
from persmark.privacy.vault import CONTACT_FIELDS, REACHED_BY, Vault

# Users. Source: US Centers for Medicare & Medicaid Services, cell size suppression policy: no cell
# that counts 1 to 10 people is shown.
MINIMUM_GROUP_SIZE = 11


__all__ = [
    "CONSENT_STATES",
    "CONTACT_FIELDS",
    "DENIED",
    "GRANTED",
    "KEY_VARIABLE",
    "MINIMUM_GROUP_SIZE",
    "PURPOSES",
    "REACHED_BY",
    "UNKNOWN",
    "KeyLostError",
    "Vault",
    "consent_counts",
    "consents",
    "key_path",
    "pseudonym",
    "save_consents",
    "seal",
    "seal_all",
    "unseal",
    "unseal_all",
]
