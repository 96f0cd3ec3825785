# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""By what a customer is recognised: e-mail, phone, and whether two names are the same."""

import re
import unicodedata

# Fewer digits are an extension, or filled in to get past a required field. Shared with ``_TAIL``.
PHONE_DIGITS = 7
# Digits of a country code, or of one with a trunk prefix that stays in it (Italy's 39 0).
_COUNTRY_DIGITS = 3


def normal_email(email):
    """Return an e-mail as it is compared: without blanks, in lower case; None when it is none."""
    return str(email).strip().lower() if email and "@" in str(email) else None


def normal_phone(phone):
    """Return the digits of a phone number, with a plus in front when it is international.

    None when it is no number that identifies anybody: too short, or one digit over and over.
    """
    text = str(phone or "").strip()
    digits = "".join(char for char in text if char in "0123456789")
    if len(digits) < PHONE_DIGITS or len(set(digits)) == 1:
        return None
    if text.startswith("+"):
        return f"+{digits}"
    if text.startswith("00"):
        return f"+{digits[2:]}" if len(digits) >= PHONE_DIGITS + 2 else None
    return digits


def same_phone(phone, other):
    """Tell whether two normal phones are the same number, one of them perhaps a national one.

    A national number is that of any country whose code makes the international one of it: 02
    555 01 01 is +32 2 555 01 01.
    """
    if phone == other:
        return True
    if (phone[0] == "+") == (other[0] == "+"):
        return False
    national, international = sorted((phone, other), key=lambda each: each[0] == "+")
    national = national.lstrip("0")
    code = international[1:].removesuffix(national)
    is_suffix = len(code) + len(national) == len(international) - 1
    return len(national) >= PHONE_DIGITS and is_suffix and 1 <= len(code) <= _COUNTRY_DIGITS


def phone_tail(phone):
    """Return the digits at the end that all ways to write a normal phone have in common."""
    return phone[-PHONE_DIGITS:]


def same_name(name, other):
    """Tell whether two names have the same words, whatever their order, capitals and accents."""
    return _words(name) == _words(other)


def _words(name):
    text = unicodedata.normalize("NFKD", str(name or "")).casefold()
    text = "".join(char for char in text if not unicodedata.combining(char))
    return sorted(re.findall(r"\w+", text))


def is_shown_as(shown, name):
    """Tell whether a contact is shown by a name, perhaps with its company's in front."""
    if same_name(shown, name):
        return True
    # whole words: An Peeters is not within Jan Peeters
    words = rf"(?<!\w){re.escape(str(name).strip())}(?!\w)"
    return bool(re.search(words, shown, re.IGNORECASE))
