"""The scenarios of the unattended run, in the order in which they are played.

Each does something to the running product, waits until the effect is seen, and fails when it is
not: that nothing was lost means something only when something could have been.
"""

import random
from collections.abc import Callable
from functools import partial
from threading import Event, Thread

from doorward_controller.demo.cable import Fault
from doorward_controller.demo.drill import SEEN_S, Drill, head, pending, status_seq
from doorward_controller.demo.gateway_process import GatewayProcess
from doorward_controller.demo.scenario import Detail, require
from doorward_controller.demo.tally import Presentation
from doorward_controller.demo.turnstile import Code, Turnstile

KILLS = 3
REVOCATIONS = 8
RECOVERED_S = 30.0
_KILLED_WITHIN_S = 0.3
"""After a code is shown: before it is seen, while it is decided or written, or after that."""

_REPEATS = 3


def normal_traffic(drill: Drill) -> Detail:
    """People walk through every portal, and the console hears of it."""
    begun = drill.now_utc_ms()

    def all_heard() -> bool:
        rows = drill.guard.get("/api/v1/records", from_utc_ms=begun, limit=100)["items"]
        return {row["gateway"] for row in rows} >= {t.gateway.name for t in drill.turnstiles}

    seconds = drill.await_("a scan at every portal in the console", all_heard)
    return {"seconds_until_all_portals": round(seconds, 2)}


def issue_present_revoke(drill: Drill) -> Detail:
    """A fresh badge opens, is revoked, and opens nothing any more."""
    code = drill.issue_visitor("孙丽 Sun Li")
    gate = drill.turnstiles[0]
    granted = drill.row_of(_decided(gate, code))
    require(granted["outcome"] == "grant", f"the fresh badge was refused: {granted['reason']}")
    # Somebody stands at another portal while the revocation is on its way.
    meanwhile = Thread(target=drill.turnstiles[1].present, args=(code,), daemon=True)
    meanwhile.start()
    seconds = drill.revoke(code, drill.world.gateways)
    drill.propagation_s.append(seconds)
    meanwhile.join(SEEN_S)
    for turnstile in drill.turnstiles:
        row = drill.row_of(_decided(turnstile, code))
        require(row["outcome"] == "deny", f"{turnstile.gateway.name} granted a revoked badge")
        require(row["reason"] == "revoked", f"refused for another reason: {row['reason']}")
    seq = drill.revocations[-1].seq
    drill.await_("the controller knows that all applied it", lambda: _told(drill, seq) == (3, 3))
    return {"seconds_to_last_gateway": round(seconds, 3), "refused_at": len(drill.turnstiles)}


def revoke_again(drill: Drill) -> Detail:
    """The same once more and once more, for a median; the last badge is refused everywhere."""
    codes = [drill.issue_visitor(f"Revoked {number}") for number in range(REVOCATIONS)]
    for code in codes:
        drill.propagation_s.append(drill.revoke(code, drill.world.gateways))
    for turnstile in drill.turnstiles:
        row = drill.row_of(_decided(turnstile, codes[-1]))
        require(row["reason"] == "revoked", f"not refused as revoked: {row['reason']}")
    return {"revoked": REVOCATIONS}


def cut_off(drill: Drill, which: int, fault: Fault) -> Detail:
    """A gateway without network decides, keeps its records, and delivers them afterwards."""
    turnstile = drill.turnstiles[which]
    gateway, others = turnstile.gateway, [t.gateway for t in drill.turnstiles if t is not turnstile]
    code = drill.issue_visitor(f"Visitor {which}")
    drill.await_drained([gateway])
    list_before = status_seq(gateway)
    gateway.cable.cut(fault)
    try:
        shown = [_decided(turnstile, code) for _ in range(3)]
        drill.revoke(code, others)
        kept = pending(gateway)
        require(kept >= len(shown), f"only {kept} records wait after {len(shown)} scans")
        require(not any(map(drill.rows_of, shown)), "a record arrived over a cut cable")
        require(status_seq(gateway) == list_before, "a revocation arrived over a cut cable")
        seq = drill.revocations[-1].seq
        drill.await_("two of three gateways counted", lambda: _told(drill, seq) == (2, 3))
    finally:
        gateway.cable.restore()
    drained = drill.await_drained([gateway])
    for one in shown:
        drill.row_of(one)
    drill.await_("the revocation reached the gateway", lambda: status_seq(gateway) >= seq)
    refused = drill.row_of(_decided(turnstile, code))
    require(refused["reason"] == "revoked", f"not refused as revoked: {refused['reason']}")
    return {"decided_offline": len(shown), "waiting": kept, "seconds_to_drain": round(drained, 2)}


def kill_gateway(drill: Drill, which: int, seed: int) -> Detail:
    """A gateway dies in the middle of a scan, again and again, and keeps every record."""
    turnstile = drill.turnstiles[which]
    gateway = turnstile.gateway
    chance = random.Random(seed)  # noqa: S311 (a seed makes a run repeatable)
    codes = [c for c in drill.world.setup.codes if c.credential_id is not None]
    recovery: list[float] = []
    caught = 0
    for _ in range(KILLS):
        before, pid = head(gateway), gateway.pid
        require(before >= 0, f"{gateway.name} does not answer before the kill")
        turnstile.flash(chance.choice(codes))
        Event().wait(chance.uniform(0, _KILLED_WITHIN_S))
        gateway.kill()
        back = f"{gateway.name} back after SIGKILL"
        recovery.append(drill.await_(back, partial(_is_back, gateway, pid), RECOVERED_S))
        after = head(gateway)
        require(after >= before, f"{gateway.name} forgot records {after + 1} to {before}")
        caught += after > before
    drill.await_drained([gateway])
    return {
        "kills": KILLS,
        "recorded_before_death": caught,
        "seconds_to_recover_max": round(max(recovery), 2),
    }


def repeated_delivery(drill: Drill) -> Detail:
    """Every batch that was heard arrives again and again; the store does not notice."""
    batches = drill.tap.heard()
    require(batches, "no batch was heard, so none can be repeated")
    sent = drill.tap.repeat(batches[-30:], _REPEATS)
    # The broker keeps the order: when a fresh scan is stored, all repetitions were taken in.
    for turnstile in drill.turnstiles:
        drill.row_of(_decided(turnstile, drill.world.setup.codes[0]))
    return {"messages_repeated": sent}


def unreadable_batch(drill: Drill) -> Detail:
    """What cannot be read is kept apart and shown, and the gateway's next scan is stored."""
    topic = f"dw/1/{drill.world.config.site}/{drill.turnstiles[0].gateway.name}/up/records"
    before = _quarantined(drill)
    drill.tap.say(topic, b"\x00 this is no batch " + bytes(str(drill.now_utc_ms()), "ascii"))
    drill.await_("unreadable batch in quarantine", lambda: _quarantined(drill) > before)
    drill.row_of(_decided(drill.turnstiles[0], drill.world.setup.codes[0]))
    return {"quarantined": _quarantined(drill) - before}


def kill_broker(drill: Drill) -> Detail:
    """The broker dies and forgets; gateways decide without it and deliver when it is back."""
    drill.world.broker.kill()
    shown = [_decided(t, drill.world.setup.codes[0]) for t in drill.turnstiles]
    require(not any(map(drill.rows_of, shown)), "a record arrived without a broker")
    drill.world.broker.start()
    drained = drill.await_drained(drill.world.gateways)
    for one in shown:
        drill.row_of(one)
    seconds = drill.revoke(drill.issue_visitor("After the broker"), drill.world.gateways)
    return {
        "decided_without_broker": len(shown),
        "seconds_to_drain": round(drained, 2),
        "seconds_to_revoke_afterwards": round(seconds, 3),
    }


def kill_controller(drill: Drill) -> Detail:
    """The controller dies; what it had not committed is sent again."""
    drill.controller.kill()
    shown = [_decided(t, drill.world.setup.codes[1]) for t in drill.turnstiles]
    drill.controller.start()
    drill.await_("the controller serves again", drill.guard.is_ready, 30.0)
    drained = drill.await_drained(drill.world.gateways)
    for one in shown:
        drill.row_of(one)
    return {"decided_meanwhile": len(shown), "seconds_to_drain": round(drained, 2)}


Act = Callable[[Drill], Detail]


def all_scenarios(seed: int) -> tuple[tuple[str, Act], ...]:
    """Returns every scenario with its name, in order."""
    return (
        ("normal_traffic", normal_traffic),
        ("issue_present_revoke", issue_present_revoke),
        ("revoke_again", revoke_again),
        ("cable_pulled", lambda drill: cut_off(drill, 1, Fault.PULLED)),
        ("connection_reset", lambda drill: cut_off(drill, 2, Fault.RESET)),
        ("gateway_killed", lambda drill: kill_gateway(drill, 0, seed)),
        ("repeated_delivery", repeated_delivery),
        ("unreadable_batch", unreadable_batch),
        ("broker_killed", kill_broker),
        ("controller_killed", kill_controller),
    )


def _decided(turnstile: Turnstile, code: Code) -> Presentation:
    shown = turnstile.present(code)
    require(shown.is_decided, f"{shown.gateway} did not decide about {code.label}")
    return shown


def _is_back(gateway: GatewayProcess, dead_pid: int | None) -> bool:
    return gateway.pid not in {None, dead_pid} and head(gateway) >= 0


def _told(drill: Drill, seq: int) -> tuple[int, int]:
    answer = drill.guard.get("/api/v1/propagation/status", version=seq)
    return int(answer["applied"]), int(answer["total"])


def _quarantined(drill: Drill) -> int:
    page = drill.guard.get("/api/v1/quarantine")
    return len(page["items"])
