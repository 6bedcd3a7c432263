"""What is sealed opens with its own key for its own purpose, and not otherwise."""

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


def bent(box: str, index: int) -> str:
    raw = bytearray(b64decode(box))
    raw[index] ^= 1
    return b64encode(raw).decode()


def test_a_data_key_opens_what_it_sealed() -> None:
    key = new_key()
    assert encryption.unseal(key, seal(key, PLAIN, "p/1"), "p/1") == PLAIN
    assert encryption.unseal(key, seal(key, b"", "p/1"), "p/1") == b""


def test_no_two_boxes_are_alike() -> None:
    key = new_key()
    assert seal(key, PLAIN, "p") != seal(key, PLAIN, "p")
    assert len({b64decode(seal(key, PLAIN, "p"))[:12] for _ in range(100)}) == 100


def test_another_key_another_purpose_or_a_changed_box_does_not_open() -> None:
    key = new_key()
    box = seal(key, PLAIN, "p/1")
    for tried in (
        lambda: encryption.unseal(new_key(), box, "p/1"),
        lambda: encryption.unseal(key, box, "p/2"),
        lambda: encryption.unseal(key, bent(box, 0), "p/1"),
        lambda: encryption.unseal(key, bent(box, -1), "p/1"),
    ):
        with pytest.raises(UnsealableError) as caught:
            tried()
        assert str(caught.value) == "p", "of the purpose only its kind is told"


def test_only_the_private_half_opens_what_was_sealed_to_the_public_one() -> None:
    private, public = new_pair()
    assert public_of(private) == public
    box = seal_to(public, PLAIN, "p/1")
    assert box != seal_to(public, PLAIN, "p/1")
    assert open_sealed(private, box, "p/1") == PLAIN
    for tried in (
        lambda: open_sealed(new_pair()[0], box, "p/1"),
        lambda: open_sealed(private, box, "p/2"),
        lambda: open_sealed(private, bent(box, 0), "p/1"),
        lambda: open_sealed(private, bent(box, -1), "p/1"),
        lambda: open_sealed(private, "", "p/1"),
    ):
        with pytest.raises(UnsealableError):
            tried()


@pytest.mark.parametrize("text", ["", "short", "A" * 43, "A" * 44, "é" * 44, b64encode(bytes(33)).decode()])
def test_a_key_is_32_bytes_and_a_fault_does_not_tell_it(text: str) -> None:
    with pytest.raises(ValidationError, match="expected 32 bytes in base64"):
        TypeAdapter(Base64Key).validate_python(text)


def test_keys_are_keys() -> None:
    for text in (*new_pair(), b64encode(new_key()).decode()):
        assert TypeAdapter(Base64Key).validate_python(text) == text
