"""What workflows that look after all leads, or after the model, are started with and hand to their activities.

They travel through Temporal, so they carry ids, numbers and times only. New fields get defaults.
"""

from pydantic import BaseModel, ConfigDict


class Job(BaseModel):
    """Base of all of them."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class RescoreChunk(Job):
    """The next leads to be scored again.

    Attributes:
        batch: of an order; it remembers itself how far it is. None for all open leads.
        decayed: only those whose score fades with time.
        position: the last lead that is done with, where there is no batch; None at the start.
    """

    batch: str | None = None
    decayed: bool = False
    position: str | None = None


class RescoredChunk(Job):
    """What came of a chunk.

    Attributes:
        position: the last lead that is done with; None where the batch knows.
        judged: leads looked at.
        woken: those whose workflow was told.
        wait: seconds until the next chunk, so that leads that come in one by one go first.
        over: there are no more.
    """

    position: str | None = None
    judged: int = 0
    woken: int = 0
    wait: float = 0.0
    over: bool = False


class TrainModel(Job):
    """A model to be trained; what it learns from is in the database."""

    version: str


class Due(Job):
    """What the model needs now.

    Attributes:
        train: the version to be trained; None where nothing is due.
        rescore: the champion changed, and open leads were not all scored by it.
    """

    train: str | None = None
    rescore: bool = False


class Trained(Job):
    """What came of a training.

    Attributes:
        promoted: it is the champion now, so all open leads are to be scored by it.
    """

    promoted: bool = False
