"""Sets of numbers as bitmaps in rows: the field ``words`` holds 64 bits in each word, signed as MongoDB's integers are.

`Claims.mark` changes single bits of such a row, whatever other writers do to it.
"""

import struct
from collections.abc import Iterable, Mapping

_BITS = 64
_SIGN = 1 << (_BITS - 1)


def masks(numbers: Iterable[int]) -> dict[str, int]:
    """The bits of these numbers by word."""
    words: dict[int, int] = {}
    for number in numbers:
        word, bit = divmod(number, _BITS)
        words[word] = words.get(word, 0) | 1 << bit
    return {str(word): _signed(mask) for word, mask in words.items()}


def bits(words: Mapping[str, int]) -> int:
    """All words as one number, whose bit n is set if n is in the set."""
    if not words:
        return 0
    content = bytearray(_BITS // 8 * (1 + max(map(int, words))))
    for word, value in words.items():
        struct.pack_into("<q", content, _BITS // 8 * int(word), value)
    return int.from_bytes(content, "little")


def lowest(of: int, count: int) -> list[int]:
    """The `count` lowest numbers of a set, or all if there are fewer."""
    numbers: list[int] = []
    while of and len(numbers) < count:
        bit = of & -of
        numbers.append(bit.bit_length() - 1)
        of ^= bit
    return numbers


def _signed(mask: int) -> int:
    return mask - 2 * _SIGN if mask & _SIGN else mask
