"""The share of the API's own minutes and days, and what its answers tell of its clock. On a clock of the test's own."""

from __future__ import annotations

import heapq
import random
from collections import Counter
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagsmith.courier.api_clock import ApiClock
from tagsmith.courier.limiter import Limiter
from tagsmith.drive import Exchange

EPOCH = datetime(2031, 5, 6, 7, 8, 0, tzinfo=UTC).timestamp()


def answer(sent_at: float, at_api: float, answered_at: float) -> Exchange:
    """An exchange at whose answering the API's clock stood at `at_api`."""
    return Exchange(sent_at, answered_at, 201, datetime.fromtimestamp(int(at_api), UTC))


class Api:
    """A server that counts what arrives in each of its clock minutes; its clock is `offset` ahead of the test's."""

    def __init__(self, offset: float, rng: random.Random) -> None:
        self.offset = offset
        self.rng = rng
        self.minutes: Counter[int] = Counter()

    def take(self, sent_at: float) -> tuple[float, Exchange]:
        """When the answer is back, and what it tells."""
        arrives = sent_at + self.rng.uniform(0.001, 0.4)
        answers = arrives + self.rng.uniform(0.0, 0.1)
        back = answers + self.rng.uniform(0.001, 0.4)
        self.minutes[int((arrives + self.offset) // 60)] += 1
        return back, answer(sent_at, answers + self.offset, back)


def drain(api: Api, per_minute: int, concurrency: int, minutes: float) -> list[float]:
    """Send as much as the limiter allows for so long; when each request left."""
    clock = ApiClock()
    limiter = Limiter(per_minute, clock=clock)
    now, sent = 1000.0, []
    under_way: list[tuple[float, int, Exchange]] = []
    end = now + 60 * minutes
    while now < end:
        wait_s = limiter.wait_s(now)
        if wait_s <= 0 and len(under_way) < concurrency:
            ticket = limiter.take(now)
            back, told = api.take(now)
            heapq.heappush(under_way, (back, ticket, told))
            sent.append(now)
            continue
        next_answer = under_way[0][0] if under_way else end
        now = min(next_answer, now + wait_s) if wait_s > 0 else next_answer
        while under_way and under_way[0][0] <= now:
            back, ticket, told = heapq.heappop(under_way)
            clock.observe(told)
            limiter.ended(ticket, back)
    return sent


@given(
    st.integers(1, 200),
    st.integers(1, 8),
    st.floats(-1e6, 1e6).map(lambda seconds: EPOCH + seconds),
    st.integers(0, 1000),
)
def test_no_minute_of_the_api_gets_more_than_the_share(
    per_minute: int, concurrency: int, offset: float, seed: int
) -> None:
    """Whatever the API's clock says, however long requests travel: none of its minutes counts more than the share."""
    api = Api(offset, random.Random(seed))
    drain(api, per_minute, concurrency, 3)
    assert max(api.minutes.values()) <= per_minute


def test_the_share_is_used() -> None:
    """Of each whole minute at least 95 % of the share is used where there is enough to send."""
    per_minute = 300
    api = Api(EPOCH + 17.3, random.Random(4))
    drain(api, per_minute, 8, 6)
    whole = sorted(api.minutes)[1:-1]
    assert len(whole) >= 4
    assert all(api.minutes[minute] >= 0.95 * per_minute for minute in whole)


def test_the_api_s_time_comes_nearer_with_every_answer() -> None:
    """One answer tells the second; answers round a turn of the second tell it closely."""
    clock = ApiClock()
    assert not clock.known
    assert clock.utc(5.0) is None
    clock.observe(answer(10.0, EPOCH + 0.9, 10.1))
    assert clock.span(20.0, 20.0) == (pytest.approx(EPOCH + 9.9), pytest.approx(EPOCH + 11.0))
    clock.observe(answer(10.1, EPOCH + 1.0, 10.2))
    earliest, latest = clock.span(20.0, 20.0)
    assert latest - earliest < 0.21
    assert earliest <= EPOCH + 10.85 <= latest


def test_a_clock_that_was_set_begins_anew() -> None:
    """Answers that contradict all before them are believed; an answer without a date tells nothing."""
    clock = ApiClock()
    clock.observe(answer(10.0, EPOCH, 10.1))
    clock.observe(answer(11.0, EPOCH + 7200, 11.1))
    clock.observe(Exchange(12.0, 12.1, 201, None))
    now = clock.utc(11.05)
    assert now is not None
    assert abs(now.timestamp() - EPOCH - 7200) < 1


def test_a_day_has_an_end() -> None:
    """The share of a day is kept across a restart, and opens again after the API's midnight, not after ours."""
    clock = ApiClock()
    midnight = datetime(2031, 5, 7, tzinfo=UTC).timestamp()
    clock.observe(answer(0.0, midnight - 100, 0.1))
    wrong = datetime(1970, 1, 1, tzinfo=UTC)
    limiter = Limiter(600, 3, clock=clock)
    assert limiter.day(1.0, wrong) == "2031-05-06"
    limiter.resume("2031-05-06", 2)
    assert limiter.wait_for_day_s(1.0, wrong) == 0
    limiter.take(1.0)
    assert limiter.unrecorded() == 1
    assert limiter.unrecorded() == 0
    wait_s = limiter.wait_for_day_s(1.0, wrong)
    assert 98 < wait_s < 102
    assert limiter.wait_for_day_s(1.0 + wait_s, wrong) == 0


def test_what_was_counted_is_not_counted_again() -> None:
    """Delivery that was held back, or taken over and back, begins anew: the share of the day is not used up by that."""
    limiter = Limiter(600, 10, clock=ApiClock())
    now = datetime(2031, 5, 6, 12, tzinfo=UTC)
    day = limiter.day(0.0, now)
    for _ in range(3):
        limiter.take(0.0)
    assert limiter.unrecorded() == 3
    limiter.take(0.0)
    for _ in range(5):
        limiter.resume(day, 3)
    assert limiter.wait_for_day_s(0.0, now) == 0
    limiter.resume(day, 8)  # another process of the station has sent five meanwhile
    assert limiter.wait_for_day_s(0.0, now) == 0
    limiter.take(0.0)
    assert limiter.wait_for_day_s(0.0, now) > 0


def test_without_answers_the_day_is_the_machine_s() -> None:
    """As long as the API has told nothing the calendar of the machine serves."""
    limiter = Limiter(600, 1)
    limiter.take(0.0)
    noon = datetime(2031, 5, 6, 12, tzinfo=UTC)
    assert limiter.wait_for_day_s(0.0, noon) == 0  # it was sent before any day had begun to be counted
    limiter.take(1.0)
    assert limiter.wait_for_day_s(1.0, noon) == pytest.approx(12 * 3600 + 1)
