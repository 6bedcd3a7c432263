"""The picture in README shows the demo's stories and its verdict."""

from pathlib import Path

from deploy.demo import picture
from deploy.demo.stories import StoryError
from deploy.demo.watch import Watch

PICTURE = Path(picture.__file__).parent / "demo.svg"


def test_a_picture_has_each_story_and_the_verdict(tmp_path: Path) -> None:
    file = tmp_path / "demo.svg"
    picture.draw(file, Watch(), {"A family": "Three rooms.", "Consent": StoryError("lost")}, None, passed=False)
    text = file.read_text().replace("&#160;", " ")
    assert [
        each for each in ("make demo", "A family", "Three rooms.", "lost", "The demo found a fault") if each not in text
    ] == []


def test_the_picture_of_a_good_run_is_in_the_repository() -> None:
    text = PICTURE.read_text().replace("&#160;", " ")
    assert "No referral was lost, doubled or stuck." in text
    assert text.count("<text") <= 60 * 3, "at most about 60 lines"
