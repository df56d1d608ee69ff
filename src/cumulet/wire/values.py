"""What generated code calls: conversions between a protocol's text and Python values, and the errors they raise.

Every conversion raises `BadValueError` with AWS's words for a value of the wrong type; a protocol's parser turns it into its own error.
"""

from __future__ import annotations

import base64
import binascii
import re
from datetime import UTC, datetime
from functools import lru_cache
from math import floor
from typing import Any, NoReturn

import orjson

from cumulet.base.messages import BytesBody


class BadValueError(ValueError):
    """A value that cannot be what the model says; the text is AWS's message."""


_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
_FLOAT = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,4})?")
_SPECIAL = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
_UNPRINTABLE = re.compile("[\r\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_control = _UNPRINTABLE.search
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


def loads(body: bytes) -> Any:
    """The JSON value in `body`; an error's message is empty, as AWS says nothing about syntax."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise BadValueError("") from None


def _json_default(value: Any) -> Any:
    kind = type(value)
    if kind is datetime:
        return value.timestamp()
    if kind is bytes:
        return base64.b64encode(value).decode()
    if kind is BytesBody:
        return base64.b64encode(value.data).decode()
    if isinstance(value, (set, frozenset, tuple)):
        return list(value)
    raise TypeError(kind.__name__)


def dumps(value: Any) -> bytes:
    """JSON with blobs in base64 and datetimes as seconds since the epoch."""
    return orjson.dumps(value, _json_default, orjson.OPT_PASSTHROUGH_DATETIME)


def mismatch(value: Any, wanted: str) -> NoReturn:
    """Raise for a JSON value of a type that cannot become `wanted` ("a String", "an Integer")."""
    if type(value) is dict:
        raise BadValueError("Start of structure or map found where not expected.")
    if type(value) is list:
        raise BadValueError("Start of list found where not expected")
    if value is None:
        found = "NULL_VALUE"
    elif value is True:
        found = "TRUE_VALUE"
    elif value is False:
        found = "FALSE_VALUE"
    elif type(value) is str:
        found = "STRING_VALUE"
    else:
        found = "NUMBER_VALUE" if type(value) is int else "DECIMAL_VALUE"
    raise BadValueError(f"{found} can not be converted to {wanted}")


def mis_shaped(value: Any) -> NoReturn:
    """Raise for a JSON value where a structure, list or map was expected."""
    if type(value) is dict or type(value) is list:
        mismatch(value, "")
    raise BadValueError("Unexpected value type in payload")


def j_string(value: Any) -> str:
    if type(value) is str:
        return value
    mismatch(value, "a String")


def j_integer(value: Any) -> int:
    if type(value) is int and -0x80000000 <= value <= 0x7FFFFFFF:
        return value
    return _whole(value, 0x80000000, "an Integer")


def j_long(value: Any) -> int:
    if type(value) is int and value <= 0x7FFFFFFFFFFFFFFF:
        return value
    return _whole(value, 1 << 63, "a Long")


def _whole(value: Any, limit: int, wanted: str) -> int:
    """A decimal number loses its fraction, as in Java; one out of range is refused."""
    if type(value) is float and -limit <= value < limit:
        return int(value)
    mismatch(value, wanted)


def j_boolean(value: Any) -> bool:
    if type(value) is bool:
        return value
    mismatch(value, "a Boolean")


def j_double(value: Any) -> float:
    if type(value) is float or type(value) is int:
        return value
    if type(value) is str and value in _SPECIAL:
        return _SPECIAL[value]
    mismatch(value, "a Double")


def j_blob(value: Any) -> bytes:
    if type(value) is not str:
        if type(value) is dict or type(value) is list:
            mismatch(value, "")
        raise BadValueError("only base64-encoded strings are convertible to bytes")
    return blob(value)


def j_epoch(value: Any) -> datetime:
    if type(value) is float or type(value) is int:
        return _at(value)
    mismatch(value, "a Timestamp")


def j_iso8601(value: Any) -> datetime:
    return iso_datetime(value) if type(value) is str else j_epoch(value)


def j_any(value: Any) -> Any:
    return value


def _at(seconds: float) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        raise BadValueError("Timestamp out of range") from None


def blob(text: str) -> bytes:
    """Strict base64, as AWS reads it."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadValueError("Invalid base64 encoding") from None


def integer(text: str) -> int:
    """A 32-bit integer."""
    return _digits(text, 0x80000000)


def long_integer(text: str) -> int:
    """A 64-bit integer."""
    return _digits(text, 1 << 63)


def _digits(text: str, limit: int) -> int:
    if _INTEGER.fullmatch(text) is not None and -limit <= (value := int(text)) < limit:
        return value
    raise BadValueError(f"{text[:64]!r} is not an integer or out of range")


def double(text: str) -> float:
    if text in _SPECIAL:
        return _SPECIAL[text]
    if len(text) > 400 or _FLOAT.fullmatch(text) is None:
        raise BadValueError(f"{text[:64]!r} is not a number")
    return float(text)


def boolean(text: str) -> bool:
    lower = text.lower()
    if lower == "true":
        return True
    if lower == "false":
        return False
    raise BadValueError(f"{text[:64]!r} is not a boolean")


def iso_datetime(text: str) -> datetime:
    """An ISO 8601 date and time; one without an offset is UTC."""
    try:
        value = datetime.fromisoformat(text.strip())
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadValueError(f"{text[:64]!r} is not a timestamp") from None


def http_datetime(text: str) -> datetime:
    """A date of RFC 9110, or an ISO 8601 one, which SDKs have sent too."""
    from email.utils import parsedate_to_datetime  # 5 ms that only conditional requests need

    try:
        value = parsedate_to_datetime(text)
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return iso_datetime(text)


def http_datetime_or_none(text: str) -> datetime | None:
    """As RFC 9110 says, a condition whose date cannot be read is no condition."""
    try:
        return http_datetime(text)
    except BadValueError:
        return None


def epoch_text(text: str) -> datetime:
    return _at(double(text))


def header_list(text: str) -> list[str]:
    """The items of a comma-separated header; quoted ones keep their commas."""
    if '"' not in text:
        return [item for part in text.split(",") if (item := part.strip())]
    return [
        quoted.replace('\\"', '"') if quoted else plain
        for quoted, plain in re.findall(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^,"]+?))\s*(?:,|$)', text)
    ]


def json_header(text: str) -> Any:
    return loads(blob(text))


def text_payload(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise BadValueError("The body is not UTF-8 text") from None


def many(value: str | list[str]) -> list[str]:
    """A query parameter that may be repeated."""
    return value if type(value) is list else [value]  # type: ignore[list-item]


def one(value: str | list[str]) -> str:
    """A query parameter that counts once: the first."""
    return value[0] if type(value) is list else value  # type: ignore[return-value]


# ------------------------------------------------------------------------------------------------------------ output


def _datetime(value: Any) -> datetime:
    """An aware UTC datetime of a datetime or of epoch seconds; a naive one is UTC."""
    if type(value) is not datetime:
        return datetime.fromtimestamp(value, UTC)
    if value.tzinfo is UTC:
        return value
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def iso(value: Any) -> str:
    """`2006-02-03T16:45:09Z`, with milliseconds where there are any."""
    text = iso_millis(value)
    return text[:19] + "Z" if text[20:23] == "000" else text


def iso_millis(value: Any) -> str:
    """`2006-02-03T16:45:09.000Z`, cut, not rounded."""
    seconds = value if type(value) is float or type(value) is int else _datetime(value).timestamp()
    whole, millis = divmod(floor(seconds * 1000 + 0.001), 1000)
    minute, second = divmod(whole, 60)
    return f"{_minute(minute)}{second:02d}.{millis:03d}Z"


@lru_cache(4096)
def _minute(minutes: int) -> str:
    """`2006-02-03T16:45:`, `minutes` after the epoch: what most timestamps of a listing share."""
    return datetime.fromtimestamp(minutes * 60, UTC).isoformat()[:17]


@lru_cache(4096)
def http_date(value: Any) -> str:
    """`Wed, 12 Oct 2009 17:50:00 GMT`"""
    moment = _datetime(value)
    return (
        f"{_DAYS[moment.weekday()]}, {moment.day:02d} {_MONTHS[moment.month - 1]} {moment.year:04d} "
        f"{moment.hour:02d}:{moment.minute:02d}:{moment.second:02d} GMT"
    )


def epoch(value: Any) -> float | int:
    return value.timestamp() if isinstance(value, datetime) else value


def epoch_header(value: Any) -> str:
    return f"{epoch(value):g}"


unsafe = re.compile('[&<>"\r\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]').search
"""The first character of a text that XML cannot hold as it is: generated code asks before it calls `escape`."""


def escape(value: str) -> str:
    """Text for an XML element or attribute. What XML 1.0 cannot hold becomes a character reference, as in S3's listings."""
    if unsafe(value) is None:
        return value
    value = value.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")
    return value if _control(value) is None else _UNPRINTABLE.sub(lambda found: f"&#x{ord(found[0]):X};", value)


def encode_blob(value: Any) -> str:
    return base64.b64encode(value.data if type(value) is BytesBody else value).decode()


def boolean_text(value: Any) -> str:
    return "true" if value else "false"


def double_text(value: Any) -> str:
    text = repr(float(value))
    return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}.get(text, text)


def header(value: Any) -> str:
    """A header's value that cannot end the header: controls go, what latin-1 cannot hold is encoded as in RFC 2047."""
    if type(value) is str and value.isascii() and value.isprintable():
        return value
    text = _CONTROL.sub(" ", str(value))
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        return "=?UTF-8?B?" + base64.b64encode(text.encode(errors="replace")).decode() + "?="
    return text


def header_name(text: str) -> str:
    """A header's name made of token characters only."""
    return text if _TOKEN.fullmatch(text) else re.sub(r"[^!#$%&'*+.^_`|~0-9A-Za-z-]", "-", text)


def as_body(value: Any) -> Any:
    """A raw body: bytes or a Body as they are, text encoded, nothing where there is none."""
    if value is None:
        return b""
    if type(value) is BytesBody:
        return value.data
    return value.encode() if type(value) is str else value


def header_items(value: Any) -> str:
    return ",".join(
        '"' + item.replace('"', '\\"') + '"' if "," in item or '"' in item else item for item in map(header, value)
    )


def json_header_text(value: Any) -> str:
    return base64.b64encode(dumps(value)).decode()
