"""The pages of teams: an admin's of all of them, and the one of a team's own admin."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.pages.conftest import forgive
from tests.pages.test_users import asked
from tests.pages.visitor import Visitor


def team_of(visitor: Visitor, **fields: object) -> str:
    """A new team with the visitor in it."""
    team = f"team-of-{visitor.user_id}"
    visitor.gateway.admin("POST", "/admin/teams", {"team_id": team, **fields})
    visitor.gateway.admin("PATCH", f"/admin/users/{visitor.user_id}", {"team": team})
    return team


def test_a_team_is_made_limited_and_its_member_is_refused(visitor: Visitor, admin: Visitor) -> None:
    team = f"new-{visitor.user_id}"
    admin.arrive("/admin/teams")
    admin.page.get_by_role("button", name="New team").first.click()
    admin.page.get_by_label("Team id").fill(team)
    admin.page.get_by_label("Name", exact=True).fill("The new ones")
    admin.page.get_by_role("button", name="Make the team").click()
    admin.is_at(f"/admin/teams/{team}")
    expect(admin.page.get_by_role("heading", level=1)).to_contain_text("The new ones")
    expect(admin.page.get_by_text("No members yet")).to_be_visible()
    admin.page.get_by_role("button", name="Edit limits").click()
    admin.page.get_by_label("Requests per day").first.fill("1")
    admin.page.get_by_role("button", name="Save limits").click()
    expect(admin.notices).to_contain_text("In force at the members’ next request.")

    admin.open(f"/admin/users/{visitor.user_id}")
    admin.page.get_by_role("button", name=f"More to do with {visitor.user_id}").click()
    admin.page.get_by_role("menuitem", name="Name, team, role, password").click()
    admin.choose("Team", "The new ones")
    admin.page.get_by_role("button", name="Save").click()
    expect(admin.page.get_by_role("link", name=team)).to_be_visible()
    visitor.call()
    refused = asked(visitor)
    assert refused.status_code == 429
    assert "the limit requests_per_day of your team (1)" in refused.json()["error"]["message"]
    admin.page.get_by_role("link", name=team).click()
    expect(admin.page.get_by_role("table", name="Members")).to_contain_text(visitor.user_id)
    expect(admin.page.get_by_role("meter").first).to_have_attribute("aria-valuenow", "100")
    visitor.arrive("/home")
    expect(visitor.page.get_by_role("heading", name="Limits of your team, The new ones")).to_be_visible()
    expect(visitor.rail.get_by_role("link", name="Team")).to_have_count(0)


def test_an_admin_of_a_team_limits_a_member_within_the_team_s_limits(
    visitor: Visitor, admin: Visitor, faults: list[str]
) -> None:
    team = team_of(visitor, limits={"tokens_per_day": 1000})
    member = f"member-of-{visitor.user_id}"
    visitor.gateway.admin("POST", "/admin/users", {"user_id": member, "team": team})
    visitor.gateway.admin("PATCH", f"/admin/users/{visitor.user_id}", {"team_admin": True})
    visitor.arrive("/home")
    visitor.rail.get_by_role("link", name="Team").click()
    visitor.is_at("/team")
    expect(visitor.page.get_by_role("heading", level=1)).to_contain_text(team)
    expect(visitor.page.get_by_role("button", name=f"Edit the limits of {visitor.user_id}")).to_have_count(0)
    visitor.page.get_by_role("button", name=f"Edit the limits of {member}").click()
    editor = visitor.page.get_by_role("dialog")
    editor.get_by_label("Tokens per day").first.fill("2000")
    editor.get_by_role("button", name="Save limits").click()
    expect(editor).to_contain_text("may be at most 1000, which is the team's limit, not 2000")
    forgive(faults, "status of 422")
    editor.get_by_label("Tokens per day").first.fill("500")
    editor.get_by_role("button", name="Save limits").click()
    expect(visitor.notices).to_contain_text(f"{member}, tokens per day: 500")
    limits = visitor.gateway.admin("GET", f"/admin/users/{member}/limits")
    assert limits["tokens_per_day"] == 500
    # Once they are an admin no longer, the page is theirs no longer, and home is where it leads.
    visitor.gateway.admin("PATCH", f"/admin/users/{visitor.user_id}", {"team_admin": False})
    visitor.open("/team")
    visitor.is_at("/home")
    admin.arrive(f"/admin/teams/{team}")
    expect(admin.page.get_by_role("table", name="Members")).to_contain_text(member)
