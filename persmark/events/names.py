"""Header spellings of who a person is: contacts and consent, in the exports that marketers have.

Sources of the spellings: the export headers of Shopify, Klaviyo, Mailchimp and HubSpot, and their
German, French, Spanish and Chinese counterparts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType


def fold(name: str) -> str:
    """A header or event type without case, spaces and punctuation, for comparing spellings."""
    return re.sub(r"[\W_]+", "", name.strip().lower())


def _spelled(spellings: Mapping[str, str]) -> Mapping[str, str]:
    return MappingProxyType({one: name for name, words in spellings.items() for one in words.split()})


# What belongs in the contact vault; `name` is a full name, which is split.
CONTACT_NAMES = _spelled({
    "email": "email emailaddress emailid mail correo courriel 邮箱 电子邮箱 电子邮件 邮件地址",
    "phone": "phone phonenumber mobile mobilephone mobilenumber telephone telephonenumber tel cell cellphone "
    "whatsapp msisdn telefon telefonnummer handy handynummer téléphone telefono teléfono 手机 手机号 "
    "手机号码 电话 电话号码 联系电话",
    "first_name": "firstname givenname forename fname vorname prénom prenom 名 名字",
    "last_name": "lastname surname familyname lname nachname apellido apellidos 姓 姓氏",
    "name": "name fullname realname 姓名 真实姓名 收件人 收货人",
    "address": "address address1 address2 addressline1 addressline2 street streetaddress strasse straße "
    "adresse dirección direccion 地址 详细地址 收货地址",
    "zip": "zip zipcode postcode postalcode plz 邮编 邮政编码",
    "city": "city town stadt ville ciudad 城市",
    "country": "country countrycode pays país 国家",
})  # fmt: skip
# Of events and items these say how, where and what, not who.
_OF_USERS_ONLY = {"mail", "mobile", "whatsapp", "name", "名", "名字", "姓", "handy", "cell"}
_PLACES = {"zip", "city", "country"}
_WHOSE = re.compile(
    r"(customers?|clients?|users?|contacts?|members?|buyers?|billing|shipping|recipients?|subscribers?|profiles?|"
    r"persons?|primary|default|home|private|客户|用户|会员|联系人)(?=.)"
)
_LOGIN = {"username", "usersname", "profilename"}  # what a person calls themself, not who they are


def contact_field(name: str, *, of_users: bool) -> str | None:
    """Which contact a column holds, by its header; of a nested one the last part counts.

    Args:
        name: The column, as `Billing Name` or `customer.email`.
        of_users: Whether the file is one of users, where a plain `name` or `city` is a person's.

    Returns:
        A field of the contact vault, `name` for a full name, or None.
    """
    short = fold(name.rsplit(".", 1)[-1])
    if short in _LOGIN:
        return None
    field = CONTACT_NAMES.get(short)
    if field is None:
        plain = _WHOSE.sub("", short, count=1) if _WHOSE.match(short) else ""
        field = CONTACT_NAMES.get(plain)
    elif not of_users and short in _OF_USERS_ONLY:
        return None
    return None if not of_users and field in _PLACES else field


# A browser's or an app's own name for itself: it tells who somebody is until they log in, and after.
_DEVICE_NAMES = _spelled({
    "device": "deviceid anonymousid visitorid fullvisitorid clientid cookieid userpseudoid installationid "
    "installid advertisingid idfa gaid distinctid 设备id 设备号 匿名id 访客id",
})  # fmt: skip


def guess_keys(kind: str, present: Sequence[str], user_column: str | None) -> dict[str, str]:
    """What beside the user id tells who a user is: key -> column, by header spelling.

    Args:
        kind: events, items or users.
        present: The file's columns.
        user_column: The one that is mapped to the user id.
    """
    found: dict[str, str] = {}
    if kind == "items" or not user_column:
        return found
    for name in present:
        if name == user_column:
            continue
        about = contact_field(name, of_users=kind == "users")
        if about in ("email", "phone"):
            found.setdefault(about, name)
        elif fold(name) in _DEVICE_NAMES:
            found.setdefault("device", name)
    return found


EMAIL, SMS, AD_USER_DATA, AD_PERSONALIZATION = "email", "sms", "ad_user_data", "ad_personalization"

# Consent that names no way of contact is read as consent to e-mail.
_GRANTS = _spelled({
    EMAIL: "emailconsent consentemail emailoptin optinemail emailoptedin emailsubscribed subscribedtoemail "
    "acceptsemail acceptsemailmarketing acceptsmarketing emailmarketing emailmarketingconsent "
    "emailmarketingconsentstate emailpermission marketingconsent marketingoptin marketingpermission "
    "newsletter newsletteroptin newsletterconsent newslettersubscribed newslettersubscription "
    "newsletteranmeldung subscribed optin optedin optinstatus consent consentgiven consentstatus "
    "emailsubscriptionstatus einwilligung 同意 营销同意 同意营销 接受营销 邮件同意 邮件订阅 订阅 "
    "是否订阅 是否同意",
    SMS: "smsconsent consentsms smsoptin optinsms acceptssms acceptssmsmarketing smsmarketing "
    "smsmarketingconsent smsmarketingconsentstate smssubscribed smspermission 短信同意 短信订阅",
    AD_USER_DATA: "aduserdata aduserdataconsent",
    AD_PERSONALIZATION: "adpersonalization adspersonalization adpersonalizationconsent personalizedads",
})  # fmt: skip
_REFUSALS = _spelled({
    EMAIL: "unsubscribed unsubscribe optout optedout emailoptout emailoptedout optedoutofemail "
    "emailunsubscribed unsubscribedfromallemail donotemail abgemeldet 退订 已退订 拒收",
    SMS: "smsoptout smsoptedout smsunsubscribed donotsms donottext",
    "all": "donotcontact donotmarket 拒绝营销",
})  # fmt: skip
_WHEN = re.compile(r"(at|date|time|timestamp|on|时间|日期)$")
_SAID = _spelled({
    "yes": "yes y true t 1 granted grant subscribed optedin optin on active confirmed accepted agree agreed "
    "ok ja oui si sí 是 同意 已同意 订阅 已订阅 有 ✓ ✔",
    "no": "no n false f 0 denied deny unsubscribed optedout optout off declined rejected refused revoked "
    "withdrawn cleaned bounced suppressed redacted nein non 否 不同意 未同意 拒绝 退订 已退订 取消 ✗ ✘",
    # Nobody has said anything yet.
    "": "null none nan na unknown pending neversubscribed notsubscribed unconfirmed unset undefined 未知",
})  # fmt: skip
_DATE = re.compile(r"\s*(\d{4}[-/年.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}|\d{10,13}\s*$)")


def consent_purposes(name: str) -> tuple[tuple[str, ...], bool] | None:
    """What a column says about consent, by its header.

    Returns:
        The purposes it speaks of and whether its yes is a refusal (`unsubscribed`); None for other
        columns.
    """
    short = fold(name.rsplit(".", 1)[-1])
    stem = _WHEN.sub("", short)
    for names, refusal in ((_GRANTS, False), (_REFUSALS, True)):
        if purpose := names.get(short) or names.get(stem):
            return ((EMAIL, SMS) if purpose == "all" else (purpose,)), refusal
    return None


def consent_said(value: str) -> bool | None:
    """What a cell of a consent column says: yes, no, or nothing (blank, pending).

    A date says when it was done, and so that it was.

    Raises:
        ValueError: None of the known spellings.
    """
    whole = value.strip().removesuffix(".0")  # numbers that passed through a data frame
    short = fold(whole) or whole
    said = _SAID.get(short) if short else ""
    if said is None and _DATE.match(value):
        said = "yes"
    if said is None:
        raise ValueError(value)
    return said == "yes" if said else None


# Family names of two characters that are in use; all other Chinese ones have one.
_COMPOUND = _spelled({
    "both": "欧阳 司马 上官 诸葛 司徒 东方 独孤 南宫 夏侯 尉迟 皇甫 公孙 慕容 令狐 "
    "宇文 长孙 轩辕 端木 百里 呼延",
})  # fmt: skip
_HAN = re.compile(r"[\u3400-\u9fff]{2,4}")


def split_name(full: str) -> tuple[str, str]:
    """First and last name of a full one, as `Doe, Jane`, `Jane van Doe` or 欧阳秀英.

    A single word is a first name. Without a comma the last word is the last name, as in most European
    orders; a Chinese name begins with the family's.
    """
    words = " ".join(full.split())
    if _HAN.fullmatch(words):
        cut = 2 if words[:2] in _COMPOUND and len(words) > 2 else 1
        return words[cut:], words[:cut]
    if "," in words:
        last, _, first = words.partition(",")
        return first.strip(), last.strip()
    if _HAN.fullmatch(words.replace(" ", "")) and " " in words:
        last, _, first = words.partition(" ")
        return first.replace(" ", ""), last
    first, _, last = words.rpartition(" ")
    return (first, last) if first else (last, "")
