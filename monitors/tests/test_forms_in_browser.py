"""Forms as people use them: in a dialog, by keyboard alone, on a telephone, in Korean."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Dialog, Page, expect

from healthcheck.tests.browser import assert_accessible, assert_no_sideways_scrolling, screenshot
from monitors import recording
from monitors.models import Policy, Server
from monitors.tests.builders import SECOND, observation, see, server
from monitors.tests.fleet import keep_ticking
from monitors.tests.inventory_stand_in import TOKEN, inventory_server, listing
from monitors.tests.misbehaving import Farm, answer, says

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SECRET = "Bearer very-secret-value"
LIST = "host_name,host,port,type,environment\nweb-1,web-1.example.com,443,1,LIVE\nbad,a b,80,1,LIVE\n"


@pytest.fixture(autouse=True)
def ticking(transactional_db, monkeypatch):
    keep_ticking(monkeypatch)


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def tab_to(page: Page, name: str, role: str = "button") -> None:
    """As somebody without a mouse gets there."""
    wanted = page.get_by_role(role, name=name, exact=True).first  # type: ignore[arg-type]
    expect(wanted).to_be_visible()
    for _ in range(60):
        if wanted.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    pytest.fail(f"the keyboard does not reach {name}")


def test_a_server_is_tried_and_added_by_keyboard_alone(visit):
    with Farm() as farm:
        port = farm.serve(says(answer(body=b"hello"))).port
        page = visit("/")
        tab_to(page, "Add a server", "link")
        press(page, "Enter")
        expect(page.get_by_label("Name", exact=True)).to_be_focused()
        page.keyboard.type("web-1")
        press(page, "Tab")
        page.keyboard.type("127.0.0.1")
        press(page, "Tab")
        page.keyboard.type(str(port))
        tab_to(page, "Try it")
        press(page, "Enter")
        expect(page.locator("#trial")).to_contain_text("It works")
        expect(page.locator("#trial")).to_contain_text("status 200")
        assert not Server.objects.exists()
        assert_accessible(page)
        tab_to(page, "Add")
        press(page, "Enter")
        expect(page.get_by_text("web-1 is added.")).to_be_visible()
        expect(page.locator("#fleet")).to_contain_text("web-1")
    assert Server.objects.get().port == port


def test_what_is_wrong_is_said_in_the_dialog_and_the_reader_is_led_there(visit):
    page = visit("/")
    page.get_by_role("link", name="Add a server").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill("web-1")
    dialog.get_by_label("Host", exact=True).fill("web.example.com")
    dialog.get_by_label("Port", exact=True).fill("70000")
    dialog.get_by_text("Rules, request and expected answer").click()
    dialog.get_by_label("Request headers").fill(f"Authorization: {SECRET}")
    dialog.get_by_role("button", name="Add", exact=True).click()
    expect(dialog.get_by_role("alert")).to_contain_text("1 field is wrong")
    expect(dialog.get_by_label("Port", exact=True)).to_be_focused()
    expect(dialog.get_by_label("Request headers")).to_have_value(f"Authorization: {SECRET}")  # kept by the browser
    assert_accessible(page)
    screenshot(page, "add-wrong-1440-light-en")
    dialog.get_by_label("Port", exact=True).fill("443")
    press(page, "Enter")
    expect(page.get_by_text("web-1 is added.")).to_be_visible()
    assert Server.objects.get().request_headers == {"Authorization": SECRET}


def test_what_was_typed_is_not_thrown_away_without_a_question(visit):
    page = visit("/")
    opener = page.get_by_role("link", name="Add a server").first
    opener.click()
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    press(page, "Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(opener).to_be_focused()
    press(page, "Enter")
    page.get_by_label("Name", exact=True).fill("web-1")
    asked: list[str] = []

    def stay(question: Dialog) -> None:
        asked.append(question.message)
        question.dismiss()

    page.once("dialog", stay)
    press(page, "Escape")
    expect(page.get_by_label("Name", exact=True)).to_have_value("web-1")
    assert asked == ["Discard what you entered?"]
    page.once("dialog", lambda question: question.accept())
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_what_is_inherited_follows_the_environment(visit):
    Policy.objects.filter(environment="DEV").update(interval_seconds=120)
    page = visit("/servers/new/")
    page.get_by_text("Rules, request and expected answer").click()
    interval = page.get_by_label("Interval (s)")
    expect(interval).to_have_attribute("placeholder", "30 – environment variable")
    page.get_by_label("Environment", exact=True).select_option("DEV")
    expect(interval).to_have_attribute("placeholder", "120 – policy of the environment")


@pytest.mark.parametrize(("dark", "language"), [(False, "en"), (True, "ko")], ids=["light-en", "dark-ko"])
@pytest.mark.parametrize("width", [390, 1440])
def test_a_form_fits_and_is_accessible(visit, width, dark, language):
    target = server(host_name="결제-" + "긴이름" * 20, request_headers={"Authorization": SECRET}, tags=["payment"])
    name = f"{width}-{'dark' if dark else 'light'}-{language}"
    for part in (f"{target.pk}/edit", f"{target.pk}/delete", "inventory", "paste"):
        path = f"/servers/{part}/"
        page = visit(path, width=width, dark=dark, language=language)
        expect(page.locator("html")).to_have_attribute("lang", language)
        assert_no_sideways_scrolling(page)
        assert_accessible(page)
        screenshot(page, f"{part.split('/')[-1]}-{name}", whole=True)
    page = visit("/", role="admin", width=width, dark=dark, language=language)
    page.locator("a[data-dialog]").first.click()
    expect(page.locator("#server_host_name")).to_be_focused()
    assert_no_sideways_scrolling(page)
    assert_accessible(page)
    screenshot(page, f"add-{name}")


def test_a_list_is_pasted_looked_at_and_written_by_keyboard_alone(visit):
    page = visit("/servers/paste/")
    expect(page.get_by_label("Servers", exact=True)).to_be_focused()
    page.keyboard.insert_text(LIST)
    tab_to(page, "Show what would change")
    press(page, "Enter")
    expect(page.get_by_role("heading", name="What would change")).to_be_focused()
    expect(page.locator("#preview")).to_contain_text("line 3, row 2")
    assert_accessible(page)
    tab_to(page, "Write 1 change")
    press(page, "Enter")
    expect(page.get_by_text("tick this to leave them out")).to_be_visible()
    assert not Server.objects.exists()
    tab_to(page, "Leave out the rejected row and write the others", "checkbox")
    press(page, "Space")
    tab_to(page, "Write 1 change")
    press(page, "Enter")
    expect(page.get_by_text("The list is applied: 1 rejected, 1 created.")).to_be_visible()
    expect(page.locator("#fleet")).to_contain_text("web-1")


def test_a_file_is_chosen_looked_at_and_written(visit, tmp_path):
    file = tmp_path / "servers.csv"
    file.write_text(LIST.rsplit("bad", 1)[0])
    page = visit("/servers/paste/", width=390)
    page.get_by_label("or a file").set_input_files(file)
    page.get_by_role("button", name="Show what would change").click()
    page.get_by_role("button", name="Write 1 change").click()
    expect(page.get_by_text("The list is applied: 1 created.")).to_be_visible()


def test_what_the_inventory_would_change_is_shown_and_written(visit, settings):
    with inventory_server() as inventory:
        settings.INVENTORY_URL, settings.INVENTORY_TOKEN = inventory.url, TOKEN
        inventory.lists(*listing("web-1", "web-2"))
        page = visit("/", width=390)
        page.get_by_role("link", name="Ask the inventory").click()
        page.get_by_role("button", name="Ask what would change").click()
        expect(page.get_by_text("web-2")).to_be_visible()
        assert_no_sideways_scrolling(page)
        assert_accessible(page)
        screenshot(page, "inventory-differences-390-light-en", whole=True)
        page.get_by_role("button", name="Write these changes").click()
        expect(page.get_by_text("2 created")).to_be_visible()
    assert Server.objects.filter(from_inventory=True).count() == 2


def test_servers_are_ticked_paused_and_taken_back_by_keyboard_alone(visit):
    for number in range(3):
        server(host_name=f"web-{number}")
    page = visit("/")
    page.evaluate("window.sameDocument = true")
    tab_to(page, "web-0", "checkbox")
    press(page, "Space")
    tab_to(page, "web-2", "checkbox")
    press(page, "Space")
    expect(page.locator("#selection")).to_contain_text("2 selected")
    assert_accessible(page)
    tab_to(page, "Pause")
    press(page, "Enter")
    expect(page.get_by_text("2 servers paused.")).to_be_visible()
    expect(page.get_by_role("button", name="Undo")).to_be_focused()
    assert set(Server.objects.filter(paused=True).values_list("host_name", flat=True)) == {"web-0", "web-2"}
    expect(page.locator("#fleet .health-paused")).to_have_count(2)
    expect(page.locator("#selection")).to_be_hidden()
    assert_accessible(page)
    screenshot(page, "undo-1440-light-en")
    press(page, "Enter")
    expect(page.get_by_text("2 servers resumed.")).to_be_visible()
    expect(page.locator("#fleet .health-paused")).to_have_count(0)
    assert not Server.objects.filter(paused=True).exists()
    press(page, "Enter")
    expect(page.get_by_text("2 servers resumed.")).to_have_count(0)
    assert page.evaluate("window.sameDocument")


def test_ticks_outlive_what_changes_on_the_page(visit):
    for number in range(3):
        see(server(host_name=f"web-{number}"), "++", start=timezone.now() - 15 * SECOND)
    page = visit("/")
    expect(page.locator("#live")).to_have_attribute("data-state", "live")
    page.get_by_role("checkbox", name="web-1", exact=True).check()
    page.get_by_role("checkbox", name="web-2", exact=True).check()
    target, start = Server.objects.get(host_name="web-2"), timezone.now()
    recording.record([observation(target.pk, start + n * timedelta(milliseconds=1), ok=False) for n in range(2)])
    expect(page.locator("#fleet tbody tr").first).to_have_id(f"s{target.pk}")
    expect(page.get_by_role("checkbox", name="web-2", exact=True)).to_be_checked()
    expect(page.locator("#selection")).to_contain_text("2 selected")
    page.get_by_role("searchbox").fill("web-1")
    expect(page.locator("#fleet tbody tr")).to_have_count(1)
    expect(page.locator("#selection")).to_contain_text("1 selected")  # what is not shown is not changed unseen
    page.get_by_role("button", name="Notification off", exact=True).click()
    expect(page.get_by_text("Notification of 1 server switched.")).to_be_visible()
    expect(page).to_have_url(re.compile("q=web-1"))
    assert list(Server.objects.filter(notification=False).values_list("host_name", flat=True)) == ["web-1"]


def test_ticked_servers_are_deleted_after_a_question(visit):
    for number in range(3):
        server(host_name=f"web-{number}")
    page = visit("/", width=390)
    page.get_by_role("checkbox", name="web-1", exact=True).check()
    screenshot(page, "selection-390-light-en")
    page.get_by_role("button", name="Delete", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Delete 1 server?")
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_have_count(0)
    assert Server.objects.count() == 3
    page.get_by_role("button", name="Delete", exact=True).click()
    dialog.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("1 server is deleted.")).to_be_visible()
    expect(page.locator("#fleet tbody tr")).to_have_count(2)
    expect(dialog).to_have_count(0)
    assert set(Server.objects.values_list("host_name", flat=True)) == {"web-0", "web-2"}


def test_all_servers_are_deleted_by_typing_how_many_there_are(visit):
    for number in range(3):
        server(host_name=f"web-{number}")
    page = visit("/", role="admin")
    page.get_by_text("Lists", exact=True).click()
    page.get_by_role("link", name="Delete all servers").click()
    typed = page.get_by_label("Type 3 to confirm")
    expect(typed).to_be_focused()
    page.keyboard.type("4")
    press(page, "Enter")
    expect(page.get_by_role("alert")).to_have_text("There are 3 servers now; nothing was deleted.")
    assert_accessible(page)
    screenshot(page, "delete-all-1440-light-en")
    typed.fill("3")
    press(page, "Enter")
    expect(page.get_by_text("3 servers are deleted.")).to_be_visible()
    assert not Server.objects.exists()


@pytest.mark.parametrize(("width", "dark", "language"), [(1440, False, "en"), (390, True, "ko")])
def test_the_first_steps_lead_on_and_go_away(visit, width, dark, language):
    page = visit("/", width=width, dark=dark, language=language)
    steps = page.locator("#first-steps")
    expect(steps).to_be_visible()
    assert_no_sideways_scrolling(page)
    assert_accessible(page)
    screenshot(page, f"first-steps-{width}-{'dark' if dark else 'light'}-{language}")
    steps.locator("header button").click()
    expect(steps).to_have_count(0)
    page.reload()
    expect(page.locator(".empty a[data-dialog]")).to_be_visible()
    expect(steps).to_have_count(0)
