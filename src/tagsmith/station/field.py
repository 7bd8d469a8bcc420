"""The station of a technician: pairs wait for a word on the form and are sent at once; a desk asks about users."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace

from tagsmith import pairing
from tagsmith.bench import Bench, Work
from tagsmith.config import Settings
from tagsmith.courier import ApiClock, Courier
from tagsmith.drive import ChargingKey, DriveClient, KeyChange, KeyKind, check_user_id
from tagsmith.enrolment import Enrolment, FormView, Reached, UserKey, UserStand, Wish, reached
from tagsmith.errors import ConfigError, DriveError, JournalError, NotFound, NotProcessed, OutcomeUnknown, Refused
from tagsmith.i18n import _
from tagsmith.journal import Journal
from tagsmith.model import Correction, DeliveryView, Event, Notice, Record, Terms
from tagsmith.readers import Reader
from tagsmith.station.delivering import Footing, drive_of
from tagsmith.station.station import Station

_log = logging.getLogger(__name__)

PATIENCE_S = 120.0
"""How long a key waits for its number at least: a person types it, and looks at it, on a form."""
AGAIN_S = 5.0
"""How often what the API could not be asked is asked again."""
LOOKED_BACK = 50
"""How many of the last pairs are looked through for enrolments that are not done."""
SHOWN = 20


class Desk:
    """What the form asks of API and journal beside pairing; all of it on the core loop, nothing waits for the form.

    `confirm` is the bench's. `nudge` tells the courier of a record to be sent. `changed` is called when the view is
    another. `again_s` is the pause before the API is asked again that could not be reached.
    """

    def __init__(
        self,
        journal: Journal,
        drive: DriveClient,
        target: str,
        *,
        confirm: Callable[[Wish], None],
        nudge: Callable[[Record], None],
        changed: Callable[[], None],
        again_s: float = AGAIN_S,
    ) -> None:
        self._journal = journal
        self._drive = drive
        self._target = target
        self._confirm = confirm
        self._nudge = nudge
        self._changed = changed
        self._again_s = again_s
        self._names: dict[tuple[str, str], str] = {}
        self._enrolments: OrderedDict[str, Enrolment] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()
        self._question = 0
        self.view = FormView()

    # --- life -----------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Take up what earlier runs have left open.

        Raises:
            JournalError: it cannot be read.
        """
        for record in reversed(await self._journal.recent(self._target, LOOKED_BACK)):
            if record.entry.user_id and reached(record) not in (Reached.ACTIVE, Reached.GONE):
                self._enrolments[record.entry.id] = Enrolment(record)
        self._show()

    async def close(self) -> None:
        """End what is under way. A change that was sent may have been made nevertheless."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def open_ids(self) -> list[str]:
        """The entries whose delivery may still come further."""
        return [entry for entry, one in self._enrolments.items() if one.is_open]

    # --- what the form asks for -----------------------------------------------------------------------------------

    def ask(self, user: str) -> None:
        """Whether the API knows this user, and which keys they have."""
        self._question += 1
        if not user:
            self._show(user="", stand=UserStand.NONE, keys=(), message="")
            return
        try:
            check_user_id(user)
        except Refused as error:
            self._show(user=user, stand=UserStand.FAILED, keys=(), message=str(error))
            return
        self._show(user=user, stand=UserStand.ASKING, keys=(), message="", said=None)
        self._spawn(self._ask(user, self._question))

    def enroll(self, wish: Wish) -> None:
        """Save, reserve and activate this pair for this user, if it is what waits on the lane."""
        view = self.view
        try:
            check_user_id(wish.user)
            if wish.name:
                KeyChange(name=wish.name).body()
        except Refused as error:
            self._say("not-enrolled", _("Nothing is saved."), str(error))
            return
        if wish.user == view.user and view.stand is UserStand.UNKNOWN:
            self._say("user-unknown", _("The API does not know this user: nothing is saved."), _("Correct the user."))
            return
        self._names[wish.uid.wire, wish.number] = wish.name
        self._show(said=None)
        self._confirm(wish)

    def correct(self, entry: str, user: str) -> None:
        """Activate a reserved key for another user, or for the same one once more."""
        one = self._enrolments.get(entry)
        if one is None or one.reached is not Reached.NO_USER:
            return
        try:
            check_user_id(user)
        except Refused as error:
            self._say("not-corrected", _("Nothing is changed."), str(error))
            return
        self._show(said=None)
        self._spawn(self._correct(entry, user, same=one.record.entry.user_id == user))

    def disable(self, user: str, key_id: str) -> None:
        """Stop a key of a user from working, at once."""
        self._show(said=Notice("disabling", _("The old key is being disabled."), "", good=True))
        self._spawn(self._disable(user, key_id))

    # --- what the station reports ---------------------------------------------------------------------------------

    def paired(self, record: Record) -> None:
        """A pair is on the disc, or was taken back."""
        entry = record.entry
        if entry.id in self._enrolments:
            self.settled(record)
        elif entry.user_id:
            name = self._names.pop((entry.uid.wire, entry.visual_number), "")
            self._enrolments[entry.id] = Enrolment(record, name)
            if len(self._enrolments) > SHOWN:
                self._forget_one()
            self._show()

    def settled(self, record: Record) -> None:
        """An enrolment's delivery came further."""
        one = self._enrolments.get(record.entry.id)
        if one is None or one.record == record:
            return
        self._enrolments[record.entry.id] = replace(one, record=record)
        self._show()
        if reached(record) is Reached.ACTIVE and reached(one.record) is not Reached.ACTIVE:
            if one.name and not one.named:
                self._spawn(self._rename(record, one.name))
            elif record.entry.user_id == self.view.user:
                self._look_again()

    def _forget_one(self) -> None:
        """Let the oldest go that is done; else the oldest."""
        done = next((entry for entry, one in self._enrolments.items() if not one.is_open), None)
        del self._enrolments[done or next(iter(self._enrolments))]

    # --- below ----------------------------------------------------------------------------------------------------

    async def _ask(self, user: str, question: int) -> None:
        while question == self._question:
            try:
                keys = await self._drive.list_keys(user)
            except NotFound as error:
                self._answer(question, UserStand.UNKNOWN, message=error.text)
            except (NotProcessed, OutcomeUnknown) as error:
                self._answer(question, UserStand.UNREACHABLE, message=str(error))
                await asyncio.sleep(self._again_s)
                continue
            except DriveError as error:
                self._answer(question, UserStand.FAILED, message=str(error))
            else:
                self._answer(question, UserStand.KNOWN, tuple(map(_user_key, keys)))
            return

    def _answer(self, question: int, stand: UserStand, keys: tuple[UserKey, ...] = (), message: str = "") -> None:
        if question == self._question:
            self._show(stand=stand, keys=keys, message=message)

    def _look_again(self) -> None:
        """Ask about the user once more; what is known of them stays until the answer comes."""
        if self.view.user and self.view.stand is not UserStand.FAILED:
            self._question += 1
            self._spawn(self._ask(self.view.user, self._question))

    async def _rename(self, record: Record, name: str) -> None:
        """Give a key its name. A name may be given twice, so what is in doubt is simply asked for again."""
        entry = record.entry
        while True:
            try:
                await self._drive.change_key(
                    entry.user_id or "", record.contract_id or entry.uid_api, KeyChange(name=name)
                )
            except (NotProcessed, OutcomeUnknown) as error:
                self._renamed(entry.id, trouble=str(error))
                await asyncio.sleep(self._again_s)
                continue
            except DriveError as error:
                self._renamed(entry.id, trouble=str(error))
            else:
                self._renamed(entry.id, named=True)
            if entry.user_id == self.view.user:
                self._look_again()
            return

    def _renamed(self, entry: str, *, named: bool = False, trouble: str = "") -> None:
        if one := self._enrolments.get(entry):
            self._enrolments[entry] = replace(one, named=named, trouble=trouble)
            self._show()

    async def _correct(self, entry: str, user: str, *, same: bool) -> None:
        try:
            if same:
                record = await self._journal.retry(entry)
            else:
                record = await self._journal.correct(entry, Correction(user_id=user))
        except JournalError as error:
            self._say("not-corrected", _("Not corrected."), str(error))
            return
        self.settled(record)
        self._nudge(record)

    async def _disable(self, user: str, key_id: str) -> None:
        try:
            key = await self._drive.change_key(user, key_id, KeyChange(enabled=False))
        except OutcomeUnknown as error:
            self._say("disable-unknown", _("Whether the old key is disabled is not known."), str(error))
        except DriveError as error:
            self._say("not-disabled", _("The old key is NOT disabled."), str(error))
        else:
            named = " ".join(part for part in (key.reference_id or key.key_id, key.contract_id or "") if part)
            self._say(
                "disabled", _("The old key is disabled: {key}").format(key=named), _("Tap the new key."), good=True
            )
        if user == self.view.user:
            self._look_again()

    def _say(self, reason: str, title: str, hint: str = "", *, good: bool = False) -> None:
        self._show(said=Notice(reason, title, hint, good))

    def _show(self, **changes: object) -> None:
        enrolments = tuple(reversed(self._enrolments.values()))
        self.view = replace(self.view, **(changes | {"enrolments": enrolments}))  # type: ignore[arg-type]
        self._changed()

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)  # a task without a reference may be collected before it has run
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a task of the desk died", exc_info=error)


def _user_key(key: ChargingKey) -> UserKey:
    return UserKey(
        key_id=key.key_id,
        contract_id=key.contract_id or "",
        number=key.reference_id or "",
        name=key.name or "",
        enabled=key.enabled,
        can_be_lost=key.type is not KeyKind.PLUG_AND_CHARGE,
    )


class FieldStation(Station):
    """A station of one lane whose pairs wait for a person's word, and are sent without an undo window after it.

    Raises:
        ConfigError: as `Station`; or it has more than one reader.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        terms: Terms | None = None,
        listener: Callable[[Event], None] = lambda event: None,
        readers: Mapping[str, Reader] | None = None,
        again_s: float = AGAIN_S,
    ) -> None:
        at_once = settings.courier.model_copy(update={"hold_s": 0.0})
        super().__init__(
            settings.model_copy(update={"courier": at_once}), terms=terms, listener=listener, readers=readers
        )
        if len(self.lanes) > 1:
            raise ConfigError("the form works with one reader", "leave one [[reader]], or name one with --reader")
        self._again_s = again_s
        self._desk: Desk | None = None

    # --- called from any thread -----------------------------------------------------------------------------------

    def form(self) -> FormView:
        """What the form shows beside the lane. Never blocks."""
        return self._desk.view if self._desk is not None else FormView()

    def ask_user(self, user: str) -> None:
        """Look this user up, with their keys."""
        self._to_desk(lambda desk: desk.ask(user))

    def enroll(self, wish: Wish) -> None:
        """A person has confirmed this."""
        self._to_desk(lambda desk: desk.enroll(wish))

    def correct(self, entry: str, user: str) -> None:
        """Activate a reserved key for this user instead of one that the API does not know."""
        self._to_desk(lambda desk: desk.correct(entry, user))

    def disable(self, user: str, key_id: str) -> None:
        """Disable a lost key, at once."""
        self._to_desk(lambda desk: desk.disable(user, key_id))

    def _to_desk(self, command: Callable[[Desk], None]) -> None:
        def run(_bench: Bench) -> None:
            if self._desk is not None:
                command(self._desk)

        self._call(run)

    # --- the core thread ------------------------------------------------------------------------------------------

    def _work(self, stands_on: Footing) -> Work:
        work = super()._work(stands_on)
        rules = replace(
            work.rules,
            order=pairing.Order.EITHER,
            confirm=True,
            verify=False,
            timeout_s=max(work.rules.timeout_s, PATIENCE_S),
        )
        # The form has no way on for a lane that has stopped.
        return replace(work, rules=rules, stop_after=0)

    async def _work_until_stopped(self, bench: Bench, courier: Courier, journal: Journal) -> None:
        (lane,) = self.lanes

        def confirm(wish: Wish) -> None:
            bench.confirm(lane, wish.uid, wish.number, replace(self._terms, user_id=wish.user))

        # A client of its own: a form's question does not wait behind deliveries, nor they behind it.
        async with drive_of(self._settings, self._api, ApiClock()) as drive:
            desk = Desk(
                journal,
                drive,
                self._api.target,
                confirm=confirm,
                nudge=courier.nudge,
                changed=self._changed,
                again_s=self._again_s,
            )
            await desk.start()
            self._desk = desk
            try:
                await super()._work_until_stopped(bench, courier, journal)
            finally:
                await desk.close()

    async def _follow_delivery(self, journal: Journal) -> None:
        await super()._follow_delivery(journal)
        if self._desk is not None:
            for entry_id in self._desk.open_ids():
                if (record := await journal.get(entry_id)) is not None:
                    self._desk.settled(record)

    def _on_paired(self, record: Record) -> None:
        super()._on_paired(record)
        if self._desk is not None:
            self._desk.paired(record)

    def _on_delivery(self, record: Record | None, delivery: DeliveryView) -> None:
        super()._on_delivery(record, delivery)
        if self._desk is not None and record is not None:
            self._desk.settled(record)
