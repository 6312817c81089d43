import pytest
from hypothesis import settings
from sample_timelines import AWKWARD_NAME, call, timeline, turn, unscored, window

from tonfall.timeline import Timeline

# A busy machine is no failure; pytest's own time limit catches what hangs.
settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")


@pytest.fixture(scope="session")
def sample_call() -> Timeline:
    return call()


@pytest.fixture(
    params=["call", "mono", "open", "no-speech", "awkward"],
    scope="session",
)
def any_timeline(request: pytest.FixtureRequest) -> Timeline:
    """Each kind of timeline that every export must cope with."""
    no_speech = ("No speech was found.",)
    made = {
        "call": lambda: call(),
        "mono": lambda: call(speakers=1, minutes=0.5),
        "open": lambda: unscored(call(minutes=0.5)),
        "no-speech": lambda: timeline([], [], notes=no_speech),
        "awkward": lambda: timeline(
            [turn(0, 4, 'O\'Neil "the\tboss" <b>&\n%20 日本'), turn(2, 5, "agent,\r\n; x", 1)],
            [window(0, 3, speaker='O\'Neil "the\tboss" <b>&\n%20 日本', snr_db=None)],
            recording=call(file=AWKWARD_NAME).recording,
            notes=("A note with </script> and --> in it.",),
        ),
    }
    return made[request.param]()
