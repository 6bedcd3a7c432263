"""Operations on bitmaps: Python integers of any length whose n-th bit stands for the n-th service."""


def positions(bitmap: int) -> list[int]:
    """The numbers of the bits that are set. Highest first, so that the integer gets shorter on the way."""
    numbers = []
    while bitmap:
        number = bitmap.bit_length() - 1
        bitmap ^= 1 << number
        numbers.append(number)
    return numbers


def without(bitmap: int, removed: int) -> int:
    """The bitmap without the bits in `removed`. `bitmap & ~removed` takes three times as long."""
    both = bitmap & removed
    return bitmap ^ both if both else bitmap
