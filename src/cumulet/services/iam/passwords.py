"""Passwords: what they must be like, and the salted hash that is all that is kept of them.

Source: IAM User Guide, 'Set an account password policy for IAM users'.
"""

from __future__ import annotations

import hashlib
import hmac
import os

from cumulet.base.errors import AwsError
from cumulet.base.types import Json

_SYMBOLS = frozenset(
    ["!", "@", "#", "$", "%", "^", "&", "*", "(", ")", "_", "+", "-", "=", "[", "]", "{", "}", "|", "'"]
)
_COST = {"n": 2**14, "r": 8, "p": 1}
_DEFAULT_LENGTH = 8
_DEFAULT_KINDS = 3


def hashed(password: str) -> str:
    """Salt and scrypt hash, in hexadecimal. It takes some 50 ms and 16 MB: not on the loop."""
    salt = os.urandom(16)
    return f"{salt.hex()}:{_scrypt(password, salt).hex()}"


def matches(password: str, kept: str) -> bool:
    """Whether a password is the one that was hashed; as slow as `hashed`."""
    salt, _, digest = kept.partition(":")
    return hmac.compare_digest(_scrypt(password, bytes.fromhex(salt)), bytes.fromhex(digest))


def _scrypt(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, **_COST)


def check(password: str, policy: Json | None) -> None:
    """Raises PasswordPolicyViolation. `policy` None is AWS's own default."""
    has = {
        "uppercase letter": any("A" <= letter <= "Z" for letter in password),
        "lowercase letter": any("a" <= letter <= "z" for letter in password),
        "number": any("0" <= letter <= "9" for letter in password),
        "symbol": any(letter in _SYMBOLS for letter in password),
    }
    least = policy["MinimumPasswordLength"] if policy else _DEFAULT_LENGTH
    if len(password) < least:
        raise violation(f"Password should have a minimum length of {least}")
    if policy is None:
        if sum(has.values()) < _DEFAULT_KINDS:
            raise violation(
                "Password should have at least three of: uppercase letters, lowercase letters, numbers, symbols"
            )
        return
    for member, kind in (
        ("RequireUppercaseCharacters", "uppercase letter"),
        ("RequireLowercaseCharacters", "lowercase letter"),
        ("RequireNumbers", "number"),
        ("RequireSymbols", "symbol"),
    ):
        if policy[member] and not has[kind]:
            raise violation(f"Password should have at least one {kind}")


def violation(message: str) -> AwsError:
    """PasswordPolicyViolation."""
    return AwsError("PasswordPolicyViolation", message, 400)
