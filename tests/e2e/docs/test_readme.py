"""The programs in the README work as they are."""

import re
import sys
from pathlib import Path

import pytest

from deploy.local.services import Services
from deploy.local.stack import Addresses
from tests.e2e.docs.two_roles import Program, complete_a_referral

ROOT = Path(__file__).parents[3]
PAGES = "".join((ROOT / page).read_text() for page in ("README.md", "contracts/README.md"))
SNIPPETS = {"agency": ("common", "agency"), "provider": ("common", "contact", "provider")}


def snippet(name: str) -> str:
    block = re.search(rf"```python {name}\n(.*?)```", PAGES, re.DOTALL)
    assert block, f"the README has no snippet {name}"
    return block[1]


@pytest.mark.timeout(400)  # on a machine that may be busy
async def test_an_agency_and_a_provider_from_the_readme_complete_a_referral(
    system: Services, servers: Addresses
) -> None:
    def program(role: str, tenant: str) -> Program:
        code = "\n".join([*map(snippet, SNIPPETS[role]), f"asyncio.run({role}())"])
        return Program(role, tenant, [sys.executable, "-c", code])

    printed = await complete_a_referral(servers, program("provider", "brest-shelter"), program("agency", "brest-help"))
    assert printed == ["offered: shelter urgent 18-59", "released: {'name': 'Alesia Novik'}"]
