"""Keys on their way to the app: all of them in order, a window at a time, and an end to what nobody means."""

from __future__ import annotations

from textual import events
from textual.message import Message

from tagsmith.tui.terminal.inflow import QUIET_S, WINDOW, Inflow, TerminalFlooded, WindowHandled


def key(character: str | None = "A", at: float = 0.0) -> events.Key:
    """A key that came at this time."""
    made = events.Key(character or "f10", character)
    made.time = at
    return made


def handled(queue: list[Message]) -> list[Message]:
    """What an app handles that looks at each message in its turn, until there is none."""
    seen: list[Message] = []
    while queue:
        message = queue.pop(0)
        if isinstance(message, WindowHandled):
            message.go_on()
        else:
            seen.append(message)
    return seen


def test_everything_arrives_in_order() -> None:
    """Twice the limit, as long as the app comes round to it now and then."""
    queue: list[Message] = []
    inflow = Inflow(queue.append, limit=200)
    came = [key() for _ in range(400)]
    inflow.put(came[:200])
    seen = handled(queue)
    inflow.put(came[200:])
    assert [*seen, *handled(queue)] == came


def test_the_app_has_a_window_in_its_queue_and_no_more() -> None:
    """What else it is sent does not wait for the rest."""
    queue: list[Message] = []
    inflow = Inflow(queue.append, limit=200)
    inflow.put(key() for _ in range(150))
    assert len(queue) == WINDOW + 1
    assert isinstance(queue[-1], WindowHandled)
    del queue[:WINDOW]
    handled(queue[:1])
    assert len(queue) == 1 + WINDOW + 1


def test_a_flood_is_dropped_until_it_is_quiet() -> None:
    """One mark stands for it, however long it lasts, and what comes after a silence is taken again."""
    queue: list[Message] = []
    inflow = Inflow(queue.append, limit=200)
    inflow.put(key(at=number * QUIET_S / 2) for number in range(2000))
    last = 1999 * QUIET_S / 2
    inflow.put([key("B", last + QUIET_S * 0.9)])
    meant = [key("C", last + QUIET_S * 2), key("D", last + QUIET_S * 2)]
    inflow.put(meant)
    seen = handled(queue)
    assert [type(message) for message in seen[:-2]] == [events.Key] * WINDOW + [TerminalFlooded]
    assert seen[-2:] == meant


def test_somebody_who_presses_f10_again_and_again_gets_through() -> None:
    """A key without a character does not prolong a flood."""
    queue: list[Message] = []
    inflow = Inflow(queue.append, limit=200)
    inflow.put(key() for _ in range(1000))
    inflow.put(key(None, QUIET_S * number / 4) for number in range(1, 6))
    assert len([message for message in handled(queue) if isinstance(message, events.Key)]) == WINDOW + 2
