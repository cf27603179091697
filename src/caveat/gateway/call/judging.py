"""What judges a reply on its way, made from the call that is on record: the guard, the relay of a stream, the masks of a body."""

from caveat.decide.guard import Guard
from caveat.gateway.call import duties
from caveat.gateway.call.foreign_errors import read_error
from caveat.gateway.call.masking import masked_whole
from caveat.gateway.call.relay import Relay
from caveat.gateway.house.begun import Begun
from caveat.wire.masked import Unmaskable
from caveat.wire.reply import Frame


def guard_of(begun: Begun) -> Guard:
    """The guard of the call's reply."""
    route = begun.route
    return Guard(
        route.policy,
        begun.facts,
        begun.decision,
        begun.lifts,
        route.panel.recognize_text,
        horizon=route.panel.horizon,
        pending=route.panel.pending,
        late=duties.LATE if begun.call.streams else duties.LATE_WHOLE,
    )


def relay_of(begun: Begun, guard: Guard) -> Relay:
    """The relay of the call's streamed reply; it masks where the terms may ask for it."""
    dialect, asked = begun.asked.dialect, begun.call.body
    checker = dialect.reader(asked) if begun.route.policy.masks else None
    return Relay(dialect.reader(asked), dialect.writer(), guard, duties.notice(begun), checker=checker)


def masked_body(begun: Begun, guard: Guard, frame: Frame, status: int) -> bytes:
    """A whole reply's body as it leaves; where what is to be masked cannot be, the guard has stopped the reply."""
    if guard.stopped is not None or not guard.redacts:
        return frame.raw
    try:
        return masked_whole(guard, frame, lambda body: _read(begun, body, status))
    except Unmaskable:
        guard.unmaskable()
        return frame.raw


def _read(begun: Begun, body: bytes, status: int) -> Frame:
    return begun.asked.dialect.read_reply(body, begun.call.body) if status == 200 else read_error(body)
