"""The batches (F3): which one is made, how far each is, and what else can be done about the one under way."""

from __future__ import annotations

from collections.abc import Sequence

from tagsmith.i18n import N_, Sentence, _, spoken
from tagsmith.production import BatchStand
from tagsmith.tui.glyphs import Glyphs
from tagsmith.tui.lists import CLOSE, CREATE, LEAVE, SKIP, Item, batch_items
from tagsmith.tui.screens.batch_form import NewBatchScreen, SkipScreen
from tagsmith.tui.screens.listing import ListScreen
from tagsmith.tui.screens.overlay import title
from tagsmith.tui.text import Safe, printable
from tagsmith.tui.widgets import Shown


class BatchesScreen(ListScreen):
    """The open batches; Enter makes keys of the marked one from now on. Esc or F3 goes back."""

    ABOUT = (
        (N_("a batch"), N_("Enter: its keys are made from now on. The one under way stands first.")),
        (N_("skip the next number"), N_("its key is missing or scrapped; why is kept with the batch.")),
        (N_("close this batch"), N_("nothing more is made of it; it asks first.")),
        (N_("make a new batch"), N_("of the simple kind; with a manifest: tagsmith batch import.")),
    )

    def __init__(self, shown: Shown, signs: Glyphs) -> None:
        super().__init__(shown, title(_("BATCHES"), "batches"), _("arrows, Enter: choose"))
        self._signs = signs

    def items(self, shown: Shown) -> Sequence[Item]:
        """The batches, then what else can be done."""
        return batch_items(shown.view, self.app.size.width, self._signs)

    def picked(self, item: Item) -> None:
        """Choose a batch, or do something else with them."""
        match item.key:
            case key if key == CREATE:
                self.app.switch_screen(NewBatchScreen(self._shown, self._signs))
            case key if key == SKIP:
                self.app.switch_screen(SkipScreen(self._shown, self._signs))
            case key if key == LEAVE:
                self.want(lambda station: station.choose_batch(None))
            case key if key == CLOSE:
                if self._shown.view.batch is not None:
                    self.app.switch_screen(CloseScreen(self._shown, self._signs, self._shown.view.batch.stand))
            case key:
                self.want(lambda station: station.choose_batch(key))


_NO, _YES = "no", "yes"


class CloseScreen(ListScreen):
    """Asks before a batch is closed: nothing more is made of it afterwards."""

    def __init__(self, shown: Shown, signs: Glyphs, stand: BatchStand) -> None:
        super().__init__(
            shown, printable(spoken(Sentence("CLOSE {name}?", name=stand.batch.name))), _("arrows, Enter: choose")
        )
        self._signs, self._stand = signs, stand

    def items(self, shown: Shown) -> Sequence[Item]:
        """No first: Enter in haste closes nothing."""
        left = self._stand.left
        text = _("close it: nothing more is made of it")
        warning = printable(spoken(Sentence("{count} of it are not made yet.", count=left))) if left else Safe()
        return [Item(_NO, Safe(_("go on with it")), below=warning), Item(_YES, Safe(text), below=warning)]

    def picked(self, item: Item) -> None:
        """Close it, if it is still the one under way."""
        back = BatchesScreen(self._shown, self._signs)
        batch = self._shown.view.batch
        if item.key == _YES and batch is not None and batch.stand.batch.id == self._stand.batch.id:
            self.want(lambda station: station.close_batch())
            back.expect_answer()
        self.app.switch_screen(back)
