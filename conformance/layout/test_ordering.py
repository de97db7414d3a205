# SPDX-License-Identifier: BSD-3-Clause
"""LAY-021, LAY-022: in which order an end touches a ring.

Judged from the simulator's log of every access: necessary on any memory model, and sufficient on none but the
strongest.  And by the explorer, in every schedule of small scopes under a model in which whatever may be late is.
"""

from __future__ import annotations

from rpmsg_cts.explore import engine, show
from rpmsg_cts.judge import expect, given, req, role
from rpmsg_cts.link import F_EVENT_IDX, F_NS, F_VERSION_1, Config
from rpmsg_cts.link_sim import SimLink, mutant_number
from rpmsg_cts.plugin_link import config

OURS, THEIRS = 0x401, 0x5DC
Access = tuple[str, str]
MODES = {"flags": Config(), "event": Config(features=F_NS | F_VERSION_1 | F_EVENT_IDX)}


def send_and_receive(link: SimLink) -> list[Access]:
    """One message each way.  Return: what the IUT did to memory meanwhile."""
    ept = link.upper.open(src=THEIRS, dst=OURS)
    given(link.works(ept), "the link works")
    link.world.clear_log()
    given(link.upper.send(ept, b"there") == 0, "the IUT sends")
    given(link.next_message() is not None, "the message is on the wire")
    link.lower.send(OURS, THEIRS, b"back")
    given(len(link.delivered(ept)) == 1, "the answer is delivered")
    return link.accesses()


def before(accesses: list[Access], position: int, what: set[Access], back_to: set[Access]) -> bool:
    """Whether one of `what` comes before `position`, looking back no further than to one of `back_to`."""
    for access in reversed(accesses[:position]):
        if access in what:
            return True
        if access in back_to:
            return False
    return False


@req("LAY-021")
@role("driver", "device")
@config(**MODES)
def test_an_index_is_published_behind_what_it_announces(sim_link: SimLink) -> None:
    """A peer that sees the index takes what it finds in the slot."""
    accesses = send_and_receive(sim_link)
    index, slot = ("avail.idx", ("store", "avail.ring")) if sim_link.role == "driver" else (
        "used.idx", ("store", "used.len"))
    published = [i for i, access in enumerate(accesses) if access == ("publish", index)]
    given(published, f"the IUT published {index}")

    late = [i for i in published if not before(accesses, i, {slot}, {("publish", index)})]

    expect([], [accesses[i] for i in late], f"publications of {index} without their entry before them")
    expect([], [access for access in accesses if access == ("store", index)], f"unordered writes of {index}")
    sim_link.ring("LAY-021")


@req("LAY-021")
@role("driver", "device")
@config(**MODES)
def test_an_index_is_read_before_what_it_announces(sim_link: SimLink) -> None:
    """An entry read before its index may be the one of the round before."""
    accesses = send_and_receive(sim_link)
    index, slot = ("used.idx", "used.id") if sim_link.role == "driver" else ("avail.idx", "avail.ring")
    read = [i for i, access in enumerate(accesses) if access == ("load", slot)]
    given(read, f"the IUT read {slot}")

    early = [i for i in read if not before(accesses, i, {("acquire", index)}, set())]

    expect([], [accesses[i] for i in early], f"reads of {slot} without {index} read before them")
    sim_link.ring("LAY-021")


@req("LAY-022")
@role("driver", "device")
@config(**MODES)
def test_a_barrier_separates_the_index_from_the_peers_wish(sim_link: SimLink) -> None:
    """Without it both ends can look away at the same time, and nobody is told."""
    accesses = send_and_receive(sim_link)
    event = bool(sim_link.config.features & F_EVENT_IDX)
    if sim_link.role == "driver":
        index, wish = "avail.idx", "avail_event" if event else "used.flags"
    else:
        index, wish = "used.idx", "used_event" if event else "avail.flags"
    asked = [i for i, access in enumerate(accesses) if access == ("load", wish)]
    given(asked, f"the IUT read {wish}")

    bare = [i for i in asked if not before(accesses, i, {("fence", "")}, {("publish", index)})]

    expect([], [accesses[i] for i in bare], f"reads of {wish} without a barrier behind the last {index}")
    sim_link.ring("LAY-022")


@req("LAY-022")
@role("driver", "device")
@config(**MODES)
def test_a_barrier_separates_ones_own_wish_from_the_last_look(sim_link: SimLink) -> None:
    """Without it a message can come in unseen just as one goes to sleep."""
    accesses = send_and_receive(sim_link)
    event = bool(sim_link.config.features & F_EVENT_IDX)
    if sim_link.role == "driver":
        index, wish = "used.idx", "used_event" if event else "avail.flags"
    else:
        index, wish = "avail.idx", "avail_event" if event else "used.flags"
    wished = [i for i, access in enumerate(accesses) if access == ("store", wish)]
    given(wished, f"the IUT wrote {wish}")

    last = wished[-1]
    behind = accesses[last + 1:]

    expect(True, ("fence", "") in behind, f"whether a barrier follows the last write of {wish}")
    fence = behind.index(("fence", "")) if ("fence", "") in behind else 0
    looked = [access for access in behind[fence:] if access in (("load", index), ("acquire", index))]
    expect(True, bool(looked), f"whether {index} is looked at behind that barrier")
    sim_link.ring("LAY-022")


# Two messages to the other end and none back is where either end can wait for the other; both are awake at first.
# As many steps and schedules as these can need; an end that goes on for ever needs more.
MAX_STEPS, MAX_SCHEDULES = 5_000, 20_000
SCOPES = ("num=1 messages=2,0", "num=1 messages=0,2", "num=2 messages=1,1")


def explore_all(link: SimLink, requirement: str) -> list[str]:
    """Return: what breaks a requirement in any schedule of the scopes, if the IUT is one of the ends."""
    given(link.works(link.upper.open(src=THEIRS, dst=OURS)), "the link works")
    mutant = mutant_number(link.target)
    mutants = (mutant, 0) if link.role == "driver" else (0, mutant)
    told = "event" if link.config.features & F_EVENT_IDX else "flags"
    findings = []
    for text in SCOPES:
        scope = engine.Scope.parse(f"{text} model=weak,weak start=0xffff {told}").with_mutants(*mutants)
        outcome = engine.explore(scope, engine.How(max_schedules=MAX_SCHEDULES, max_steps=MAX_STEPS, only=requirement))
        given(outcome.canary_found is True, f"the explorer finds what is there to be found in {text}")
        given(outcome.exhausted or outcome.finding or mutant, f"every schedule of {text} was gone through")
        if outcome.finding:
            findings.append(f"{show.words(outcome.finding)}: ./rpmsg-cts explore '{scope}'")
    return findings


@req("LAY-021")
@role("driver", "device")
@config(**MODES)
def test_no_schedule_shows_what_is_not_there_yet(sim_link: SimLink) -> None:
    """On a processor that reorders, an entry without its barriers is garbage once in a million messages."""
    expect([], explore_all(sim_link, "LAY-021"), "schedules in which an entry is read before it is there")


@req("LAY-022")
@role("driver", "device")
@config(**MODES)
def test_in_no_schedule_do_both_ends_sleep(sim_link: SimLink) -> None:
    """A lost wake-up is a link that stands still until the next message, which may never come."""
    expect([], explore_all(sim_link, "LAY-022"), "schedules in which both ends sleep although there is work")
