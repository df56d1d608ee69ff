"""Filter patterns: the documentation's examples, and that nothing crashes them or makes them slow."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cumulet.services.logs.engine.errors import PatternError
from cumulet.services.logs.engine.pattern import compile_pattern
from cumulet.services.logs.engine.regex import Regex

EVENT = (
    '{"eventType": "UpdateTrail", "sourceIPAddress": "111.111.111.111", "arrayKey": ["value", "another value"],'
    ' "objectList": [{"name": "a", "id": 1}, {"name": "b", "id": 2}], "SomeObject": null, "ThisFlag": true,'
    ' "latency": 4.5e2, "code": 404, "nested": {"a.b": {"deep": "x"}}, "text": "say \\"hi\\""}'
)
ACCESS = '127.0.0.1 Prod frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534'
FIELDS = "[ip, user, username, timestamp, request, status_code, bytes]"


@pytest.mark.parametrize(
    ("pattern", "message", "wanted"),
    [
        ("", "anything", True),
        ("  ", "", True),
        ("ERROR", "[ERROR 400] BAD REQUEST", True),
        ("ERROR", "[error 400] BAD REQUEST", False),
        ("ERROR ARGUMENTS", "[ERROR 419] MISSING ARGUMENTS", True),
        ("ERROR ARGUMENTS", "[ERROR 400] BAD REQUEST", False),
        ("?ERROR ?ARGUMENTS", "[WARN] ARGUMENTS", True),
        ("?ERROR ?ARGUMENTS", "[WARN] nothing", False),
        ("ERROR -ARGUMENTS", "[ERROR 400] BAD REQUEST", True),
        ("ERROR -ARGUMENTS", "[ERROR 419] MISSING ARGUMENTS", False),
        ('"INTERNAL SERVER ERROR"', "[ERROR 500] INTERNAL SERVER ERROR", True),
        ('"INTERNAL SERVER ERROR"', "INTERNAL ERROR SERVER", False),
        (r'"say \"hi\""', 'I say "hi"', True),
        ('-"a b" ?c', "c a b", False),
        ("?ERROR WARN", "WARN only", True),
        ("%AUTHORIZED%", "[ERROR 401] UNAUTHORIZED REQUEST", True),
        (r"%^\[ERROR\s4\d{2}\]%", "[ERROR 404] x", True),
        (r"%^\[ERROR\s4\d{2}\]%", "x [ERROR 404]", False),
        ("größe", "die größe zählt", True),
    ],
)
def test_terms(pattern: str, message: str, wanted: bool) -> None:
    assert compile_pattern(pattern)(message) is wanted


@pytest.mark.parametrize(
    ("condition", "wanted"),
    [
        ('$.eventType = "UpdateTrail"', True),
        ('$.eventType != "NoTrail"', True),
        ('$.missing != "NoTrail"', False),
        ('$.sourceIPAddress != "123.123.*"', True),
        ("$.sourceIPAddress = 111.111.*", True),
        ('$.arrayKey[0] = "value"', True),
        ('$.arrayKey[*] = "another*"', True),
        ('$.arrayKey[7] = "value"', False),
        ("$.objectList[1].id = 2", True),
        ("$.objectList[*].id > 1", True),
        ("$.SomeObject IS NULL", True),
        ("$.eventType IS NULL", False),
        ("$.SomeOtherObject NOT EXISTS", True),
        ("$.SomeObject NOT EXISTS", False),
        ("$.ThisFlag IS TRUE", True),
        ("$.ThisFlag IS FALSE", False),
        ("$.latency >= 450 && $.latency < 4.51E2", True),
        ("$.code = 404", True),
        ("$.code = 40*", True),
        ('$.code = "404"', False),
        ("$.code = %4\\d\\d%", True),
        ("$.code != %5\\d\\d%", True),
        ('($.code = 1 || $.code = 404) && ($.eventType = "Up*" || $.code = 2)', True),
        ('$.code = 1 || $.code = 2 && $.eventType = "UpdateTrail"', False),
        ("$.nested['a.b'].deep = x", True),
        ('$.nested.["a.b"].deep = x', True),
        (r'$.text = "say \"hi\""', True),
        ("$.code < 404", False),
        ("$.eventType > 3", False),
    ],
)
def test_json(condition: str, wanted: bool) -> None:
    assert compile_pattern(f"{{ {condition} }}")(EVENT) is wanted


@pytest.mark.parametrize("message", ["", "plain", "{", '{"a": ', "[" * 5000, "{}", "[1]", '{"a":' * 3000, "NaN"])
def test_json_patterns_bear_any_message(message: str) -> None:
    assert compile_pattern("{ $.a = 1 }")(message) is False


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [
        (FIELDS, True),
        ("[ip, user, username, timestamp, request =*.html*, status_code = 4*, bytes]", True),
        ("[ip, user, username, timestamp, request, status_code = 4* || status_code = 5*, bytes > 1000]", True),
        ("[ip, user, username, timestamp, request, status_code = 404 && status_code != 405, bytes < 1000]", False),
        ("[..., status_code=%4[0-9]{2}%, bytes]", True),
        ("[ip=%127\\.0\\.0\\.[1-9]%, ...]", True),
        ("[ip, ..., bytes=1534]", True),
        ('[ip, user, username, timestamp="10/Oct/2000*", ...]', True),
        ("[ip, user]", False),
        ("[a, b, c, d, e, f, g, h]", False),
        ("[...]", True),
    ],
)
def test_fields(pattern: str, wanted: bool) -> None:
    assert compile_pattern(pattern)(ACCESS) is wanted


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("ERROR:", "Invalid character(s) in term 'ERROR:'"),
        ('""', "Invalid character(s) in term '\"\"'"),
        ('"open', "Invalid character(s) in term '\"open'"),
        ("{ $.a = 1", "If a filter pattern starts with '{' it must end with '}'"),
        ("[a, b", "If a filter pattern starts with '[' it must end with ']'"),
        ("{ a = 1 }", "Invalid filter pattern"),
        ("{ $.a }", "Invalid filter pattern"),
        ("{ $.a = }", "Invalid filter pattern"),
        ("{ $.a < x }", "Invalid filter pattern"),
        ("{ ($.a = 1 }", "Invalid filter pattern"),
        ("{ $.a[*].b[*] = 1 }", "Invalid filter pattern"),
        ("{ " + "(" * 400 + "$.a = 1" + ")" * 400 + " }", "Invalid filter pattern"),
        ("[a, ..., b, ...]", "Invalid filter pattern"),
        ("[a=1 && b=2]", "Invalid filter pattern"),
        ("[]", "Invalid filter pattern"),
        ("%something!%", "Invalid character(s) in term '%something!%'"),
        ("%(a)%", "Invalid character(s) in term '%(a)%'"),
        ("%[a%", "Invalid character(s) in term '%[a%'"),
        ("%a{1001}%", "Invalid filter pattern"),
        ("%a% %b% %c%", "Invalid filter pattern"),
    ],
)
def test_refused(pattern: str, message: str) -> None:
    with pytest.raises(PatternError) as caught:
        compile_pattern(pattern)
    assert str(caught.value) == message


_PIECES = st.tuples(
    st.sampled_from(["a", "b", ".", "[ab]", "[^a]", "[a-c1]", r"\d", r"\W", r"\s", r"\.", r"\x61"]),
    st.sampled_from(["", "", "*", "+", "?", "{2}", "{0,2}", "{1,}", "*?", "{2,3}"]),
).map("".join)
_CHAINS = st.tuples(
    st.sampled_from(["", "", "^"]), st.lists(_PIECES, max_size=4).map("".join), st.sampled_from(["", "", "$"])
).map("".join)


@settings(deadline=None, max_examples=400)
@given(st.lists(_CHAINS, min_size=1, max_size=3).map("|".join), st.text("abc1. ü\n", max_size=8))
def test_regex_agrees_with_python(expression: str, message: str) -> None:
    if expression:
        wanted = re.search(expression.replace("$", r"\Z"), message, re.ASCII) is not None
        assert Regex(expression).search(message) is wanted


@settings(deadline=None, max_examples=400)
@given(
    st.one_of(
        st.text(max_size=60),
        st.text('{}[]()$.*%"\\?-=!<>&|,a1 ', max_size=60),
        st.text('$.*"=!<>&|()a1 [],', max_size=40).map(lambda text: f"{{{text}}}"),
        st.text('.*"=!<>&|()%a1 ,', max_size=40).map(lambda text: f"[{text}]"),
        st.text("a[]^$*+?{}1,|\\.x", min_size=1, max_size=20).map(lambda text: f"%{text}%"),
    ),
    st.one_of(st.text(max_size=80), st.just(EVENT), st.just(ACCESS)),
)
def test_any_pattern_is_refused_or_works(pattern: str, message: str) -> None:
    try:
        matches = compile_pattern(pattern)
    except PatternError as err:
        assert str(err)
    else:
        assert matches(message) in (True, False)


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("%[a-z]*[a-z]*[a-z]*[a-z]*[a-z]*1%", "a" * 200_000),
        ("%a.{20}b.{20}c%", "ab" * 100_000),
        ("%(a|b)%".replace("(", "").replace(")", "") + " x", "c" * 200_000),
        ("[a=*x*y*z*w, b]", "x" * 100_000 + " " + "y" * 100_000),
        ("[a, ..., b=1]", "[ " * 100_000),
        ("[a, ..., b=1]", "[a]" * 70_000),
        ("[a, ..., b=1]", '" ' * 100_000),
        ('{ $.a[*] = "*a*b*c*" }', '{"a": [' + ",".join(['"aaaaaaaaaaaa"'] * 10_000) + "]}"),
    ],
)
def test_time_is_linear(pattern: str, message: str) -> None:
    matches = compile_pattern(pattern)
    start = time.process_time()
    matches(message)
    # Quadratic work on 200,000 characters would take minutes; linear work takes some tens of milliseconds.
    assert time.process_time() - start < 2
