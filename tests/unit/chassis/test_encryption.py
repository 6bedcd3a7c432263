"""A box opens only with its own key and for its own purpose."""

from base64 import b64decode, b64encode

import pytest
from pydantic import TypeAdapter, ValidationError

from services.chassis import encryption
from services.chassis.encryption import (
    Base64Key,
    UnsealableError,
    new_key,
    new_pair,
    open_sealed,
    public_of,
    seal,
    seal_to,
)

PLAIN = "Maria Łopez".encode()


def corrupted(box: str, index: int) -> str:
    raw = bytearray(b64decode(box))
    raw[index] ^= 1
    return b64encode(raw).decode()


def test_a_data_key_opens_what_it_sealed() -> None:
    key = new_key()
    assert encryption.unseal(key, seal(key, PLAIN, "p/1"), "p/1") == PLAIN
    assert encryption.unseal(key, seal(key, b"", "p/1"), "p/1") == b""


def test_no_two_boxes_are_equal() -> None:
    key = new_key()
    assert seal(key, PLAIN, "p") != seal(key, PLAIN, "p")
    assert len({b64decode(seal(key, PLAIN, "p"))[:12] for _ in range(100)}) == 100


def test_another_key_another_purpose_or_a_corrupted_box_does_not_open() -> None:
    key = new_key()
    box = seal(key, PLAIN, "p/1")
    for attempt in (
        lambda: encryption.unseal(new_key(), box, "p/1"),
        lambda: encryption.unseal(key, box, "p/2"),
        lambda: encryption.unseal(key, corrupted(box, 0), "p/1"),
        lambda: encryption.unseal(key, corrupted(box, -1), "p/1"),
    ):
        with pytest.raises(UnsealableError) as caught:
            attempt()
        assert str(caught.value) == "p", "the error names only the kind of purpose"


def test_only_the_private_key_opens_what_was_sealed_to_the_public_key() -> None:
    private, public = new_pair()
    assert public_of(private) == public
    box = seal_to(public, PLAIN, "p/1")
    assert box != seal_to(public, PLAIN, "p/1")
    assert open_sealed(private, box, "p/1") == PLAIN
    for attempt in (
        lambda: open_sealed(new_pair()[0], box, "p/1"),
        lambda: open_sealed(private, box, "p/2"),
        lambda: open_sealed(private, corrupted(box, 0), "p/1"),
        lambda: open_sealed(private, corrupted(box, -1), "p/1"),
        lambda: open_sealed(private, "", "p/1"),
    ):
        with pytest.raises(UnsealableError):
            attempt()


@pytest.mark.parametrize("text", ["", "short", "A" * 43, "A" * 44, "é" * 44, b64encode(bytes(33)).decode()])
def test_a_key_has_32_bytes_and_an_error_does_not_show_it(text: str) -> None:
    with pytest.raises(ValidationError, match="expected 32 bytes in base64"):
        TypeAdapter(Base64Key).validate_python(text)


def test_generated_keys_are_valid() -> None:
    for text in (*new_pair(), b64encode(new_key()).decode()):
        assert TypeAdapter(Base64Key).validate_python(text) == text
