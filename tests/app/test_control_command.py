"""Signed commands and the gate: whose, fresh, once, allowed, and what follows."""

import base64
import tomllib
from pathlib import Path

import msgspec
import pytest
from control_desk import DESK, NOW_NS, People, incident, judged
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.app.control.command import (
    COMMANDS,
    Command,
    Refusal,
    SignedCommand,
    command_of,
    decode_signed,
    encode_signed,
    sign_command,
    verify_command,
)
from holdfast.app.control.operator import OperatorSettings, config_lines, new_operator, operators_by_name
from holdfast.clock import MINUTE_NS, SECOND_NS
from holdfast.error import CallerError
from holdfast.event import Scope
from holdfast.keys.file_signer import FileSigner
from holdfast.ledger.record import decode, encode
from holdfast.receipt import Commanded, PermitMoved, PlaybookArmed, PlaybookEnded, Voted


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> People:
    return People(tmp_path_factory.mktemp("people"))


def code(verdict_or_refusal: object) -> str:
    refusal = getattr(verdict_or_refusal, "refusal", verdict_or_refusal)
    return refusal.code if isinstance(refusal, Refusal) else ""


def verify(people: People, signed: SignedCommand, now_ns: int = NOW_NS, *, from_file: bool = False):
    return verify_command(signed, DESK, operators_by_name(people.settings), now_ns, from_file=from_file)


# whose it is


def test_a_command_signed_by_its_operator_is_read(people: People) -> None:
    command = people.command("tom", "halt", scope="deribit")
    assert verify(people, sign_command(command, people.signers["tom"])) == command


def test_a_command_signed_by_another_operators_key_is_refused(people: People) -> None:
    forged = sign_command(people.command("rita", "resume"), people.signers["tom"])
    assert code(verify(people, forged)) == "command.wrong_key"


def test_a_command_of_an_unknown_operator_is_refused_with_the_nearest_name(people: People) -> None:
    command = msgspec.structs.replace(people.command("rita", "halt"), operator="ritta")
    refused = verify(people, sign_command(command, people.signers["rita"]))
    assert code(refused) == "command.unknown_operator"
    assert "`rita`" in refused.remedy


def test_a_command_for_another_desk_is_refused(people: People) -> None:
    command = msgspec.structs.replace(people.command("rita", "halt"), desk="fund-8")
    assert code(verify(people, sign_command(command, people.signers["rita"]))) == "command.other_desk"


def test_an_unknown_command_is_refused_with_the_nearest_one(people: People) -> None:
    refused = verify(people, people.sign("rita", "hlt"))
    assert (code(refused), refused.remedy) == ("command.unknown", "did you mean `halt`?")


@given(st.data())
@settings(max_examples=60)
def test_no_byte_of_a_signed_command_may_change(people: People, data: st.DataObject) -> None:
    line = encode_signed(people.sign("tom", "halt", scope="deribit"))
    place = data.draw(st.integers(0, len(line) - 1))
    changed = bytearray(line)
    changed[place] = data.draw(st.integers(0, 255).filter(lambda byte: byte != line[place]))
    signed = decode_signed(bytes(changed))
    assert isinstance(signed, Refusal) or code(verify(people, signed))


@given(st.binary(max_size=200))
def test_what_is_no_command_is_refused_and_never_raises(people: People, data: bytes) -> None:
    signed = decode_signed(data)
    assert code(signed if isinstance(signed, Refusal) else verify(people, signed))


def test_a_command_that_is_not_canonical_is_refused_though_its_signature_fits(people: People) -> None:
    text = '{ "arguments":{},"command":"halt","desk":"fund-7","nonce":"' + "0" * 32
    text += f'","operator":"tom","time_ns":{NOW_NS}}}'
    signature = people.signers["tom"].sign(b"holdfast/command\n" + text.encode())
    signed = SignedCommand(text, base64.b64encode(signature).decode())
    assert code(verify(people, signed)) == "command.malformed"


# fresh


@pytest.mark.parametrize("age_s", [0, 59, -59])
def test_a_command_of_this_minute_is_fresh(people: People, age_s: int) -> None:
    signed = people.sign("rita", "resume", NOW_NS - age_s * SECOND_NS)
    assert code(verify(people, signed)) == ""


@pytest.mark.parametrize("age_s", [61, -61, 10**9])
def test_an_older_one_or_one_from_the_future_is_stale_by_file_too(people: People, age_s: int) -> None:
    signed = people.sign("rita", "resume", NOW_NS - age_s * SECOND_NS)
    assert code(verify(people, signed)) == "command.stale"
    assert code(verify(people, signed, from_file=True)) == "command.stale"


@pytest.mark.parametrize("brake", ["halt", "pause"])
def test_a_brake_is_taken_for_ten_minutes_and_from_a_file_always(people: People, brake: str) -> None:
    signed = people.sign("tom", brake, NOW_NS - 10 * MINUTE_NS)
    assert code(verify(people, signed)) == ""
    assert code(verify(people, signed, NOW_NS + 1)) == "command.stale"
    assert code(verify(people, signed, NOW_NS + 400 * 24 * 60 * MINUTE_NS, from_file=True)) == ""


# once


def test_a_command_counts_once_even_after_a_restart(people: People) -> None:
    gate, signed = people.gate(), people.sign("tom", "halt")
    first = judged(gate, signed)
    assert first.refusal is None
    assert code(judged(gate, signed)) == "command.replayed"
    restarted = people.gate()
    for receipt in first.receipts:
        restarted.fold(decode(encode(receipt)))
    assert code(judged(restarted, signed, from_file=True)) == "command.replayed"
    assert judged(restarted, signed).receipts == ()


def test_a_command_that_was_refused_stays_refused_when_the_desk_has_changed_since(people: People) -> None:
    gate, resume = people.gate(), people.sign("rita", "resume")
    assert code(judged(gate, resume)) == "command.nothing_held"
    assert judged(gate, people.sign("tom", "halt")).refusal is None
    assert code(judged(gate, resume, from_file=True)) == "command.nothing_held"
    assert gate.picture.permits["desk"].permit == "halted"


def test_a_forged_copy_does_not_use_up_the_nonce_of_the_real_command(people: People) -> None:
    gate, command = people.gate(), people.command("rita", "halt")
    forged = sign_command(command, people.signers["vic"])
    assert code(judged(gate, forged)) == "command.wrong_key"
    assert judged(gate, sign_command(command, people.signers["rita"])).refusal is None


# what follows, and what the ledger keeps


def test_a_halt_leaves_a_receipt_that_proves_itself_and_moves_the_permit(people: People) -> None:
    verdict = judged(people.gate(), people.sign("tom", "halt", scope="deribit", comment="odd fills"))
    commanded, moved = verdict.receipts
    assert moved == PermitMoved(NOW_NS, Scope("deribit"), "halted", "tom: odd fills")
    assert isinstance(commanded, Commanded)
    assert commanded.allowed
    rebuilt = command_of(decode(encode(commanded)), DESK)  # type: ignore[arg-type]
    assert rebuilt is not None
    assert code(verify(people, rebuilt[1])) == ""


def test_a_receipt_whose_arguments_were_changed_proves_nothing(people: People) -> None:
    commanded = judged(people.gate(), people.sign("tom", "halt", scope="deribit")).receipts[0]
    assert isinstance(commanded, Commanded)
    changed = msgspec.structs.replace(commanded, arguments={"scope": "binance"})
    rebuilt = command_of(changed, DESK)
    assert rebuilt is not None
    assert code(verify(people, rebuilt[1])) == "command.wrong_key"


def test_a_refused_command_stands_in_the_ledger_and_moves_nothing(people: People) -> None:
    verdict = judged(people.gate(), people.sign("vic", "halt"))
    assert code(verdict) == "command.not_allowed"
    (commanded,) = verdict.receipts
    assert isinstance(commanded, Commanded)
    assert not commanded.allowed


def test_reading_leaves_no_receipt(people: People) -> None:
    verdict = judged(people.gate(), people.sign("vic", "status"))
    assert (verdict.refusal, verdict.receipts) == (None, ())


def test_a_pause_does_not_loosen_a_halt_and_a_resume_opens_what_is_held(people: People) -> None:
    gate = people.gate()
    judged(gate, people.sign("tom", "halt"))
    assert [type(one) for one in judged(gate, people.sign("tess", "pause")).receipts] == [Commanded]
    assert gate.picture.permits["desk"].permit == "halted"
    opened = judged(gate, people.sign("rita", "resume")).receipts[1]
    assert opened == PermitMoved(NOW_NS, Scope(), "open", "rita gave resume")
    assert gate.picture.permits == {}


def test_a_resume_of_what_is_not_held_says_what_is(people: People) -> None:
    gate = people.gate()
    judged(gate, people.sign("tom", "pause", scope="deribit"))
    verdict = judged(gate, people.sign("rita", "resume"))
    assert (code(verdict), verdict.refusal.remedy) == ("command.nothing_held", "held: deribit")  # type: ignore[union-attr]


def test_a_playbook_is_armed_and_disarmed_by_name(people: People) -> None:
    gate = people.gate()
    armed = judged(gate, people.sign("rita", "arm", playbook="deleverage", mode="act")).receipts[1]
    assert armed == PlaybookArmed(NOW_NS, "deleverage", "act", "rita")
    assert judged(gate, people.sign("rita", "disarm", playbook="deleverage")).refusal is None
    assert gate.picture.modes == {"deleverage": "observe"}


def test_an_unknown_playbook_or_mode_is_refused_with_the_nearest_name(people: People) -> None:
    gate = people.gate()
    unknown = judged(gate, people.sign("rita", "arm", playbook="delevrage", mode="act"))
    assert (code(unknown), unknown.refusal.remedy) == (
        "command.unknown_playbook",
        "did you mean `deleverage`?",
    )  # type: ignore[union-attr]
    mode = judged(gate, people.sign("rita", "arm", playbook="deleverage", mode="acts"))
    assert (code(mode), mode.refusal.remedy) == ("command.unknown_mode", "did you mean `act`?")  # type: ignore[union-attr]


def test_a_halt_of_an_unknown_scope_is_refused_on_the_socket_and_holds_for_the_desk_by_file(
    people: People,
) -> None:
    gate = people.gate()
    asked = judged(gate, people.sign("tom", "halt", scope="derbit"))
    assert (code(asked), asked.refusal.remedy) == ("command.unknown_scope", "did you mean `deribit`?")  # type: ignore[union-attr]
    left = judged(gate, people.sign("tom", "halt", scope="derbit"), from_file=True)
    assert (left.refusal, left.scope) == (None, Scope())
    resume = judged(gate, people.sign("rita", "resume", scope="derbit"), from_file=True)
    assert code(resume) == "command.unknown_scope"


def test_an_instrument_is_a_scope_and_an_unknown_one_is_not(people: People) -> None:
    gate = people.gate()
    known = judged(gate, people.sign("tom", "pause", scope="deribit:BTC-PERPETUAL"))
    assert known.scope == Scope("deribit", "BTC-PERPETUAL")
    unknown = judged(gate, people.sign("tom", "pause", scope="deribit:BTC-PERPETUL"))
    assert unknown.refusal.remedy == "did you mean `BTC-PERPETUAL`?"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "arguments", [{"scop": "deribit"}, {"scope": "deribit", "comment": "x" * 1001}], ids=["name", "length"]
)
def test_arguments_that_a_command_does_not_take_are_refused(
    people: People, arguments: dict[str, str]
) -> None:
    assert code(judged(people.gate(), people.sign("tom", "halt", **arguments))) == "command.arguments"


def test_a_command_without_what_it_needs_is_refused(people: People) -> None:
    assert code(judged(people.gate(), people.sign("tom", "approve"))) == "command.arguments"


def test_every_command_has_a_case_in_the_gate(people: People) -> None:
    needed = {"id": "x", "playbook": "deleverage", "mode": "act"}
    for command in COMMANDS:
        refused = {code(judged(people.gate(), people.sign("ada", command)))}
        refused.add(code(judged(people.gate(), people.sign("ada", command, **needed))))
        assert "command.unknown" not in refused


# approvals


def test_two_people_approve_and_each_has_one_vote(people: People) -> None:
    gate = people.gate()
    for receipt in incident():
        gate.fold(receipt)
    first = judged(gate, people.sign("tom", "approve", id="deleverage-17", comment="agreed"))
    assert first.receipts[1] == Voted(NOW_NS, "deleverage-17/ask", "tom", True, "agreed")
    assert code(judged(gate, people.sign("tom", "approve", id="deleverage-17"))) == "approval.twice"
    second = judged(gate, people.sign("rita", "deny", id="deleverage-17/ask"))
    assert second.receipts[1] == Voted(NOW_NS, "deleverage-17/ask", "rita", False)


def test_who_was_not_asked_may_not_answer(people: People) -> None:
    gate = people.gate()
    for receipt in incident():
        gate.fold(receipt)
    assert code(judged(gate, people.sign("ada", "approve", id="deleverage-17"))) == "command.not_allowed"
    assert code(judged(gate, people.sign("vic", "deny", id="deleverage-17"))) == "command.not_allowed"


def test_nobody_alone_approves_what_they_asked_for_but_may_deny_it(people: People) -> None:
    gate = people.gate()
    for receipt in incident(trigger="operator tom", needed=1):
        gate.fold(receipt)
    own = judged(gate, people.sign("tom", "approve", id="deleverage-17"))
    assert code(own) == "command.not_allowed"
    assert "nobody alone" in own.because
    assert judged(gate, people.sign("tess", "approve", id="deleverage-17")).refusal is None
    assert judged(gate, people.sign("tom", "deny", id="deleverage-17")).refusal is None


def test_an_answer_after_the_deadline_is_refused(people: People) -> None:
    gate = people.gate()
    for receipt in incident():
        gate.fold(receipt)
    late_ns = NOW_NS + 201 * SECOND_NS
    signed = people.sign("tom", "approve", late_ns, id="deleverage-17")
    assert code(judged(gate, signed, late_ns)) == "approval.late"


def test_an_unknown_run_is_refused_with_the_nearest_name(people: People) -> None:
    gate = people.gate()
    for receipt in incident():
        gate.fold(receipt)
    unknown = judged(gate, people.sign("tom", "approve", id="deleverag-17"))
    assert (code(unknown), unknown.refusal.remedy) == ("command.unknown_run", "did you mean `deleverage-17`?")  # type: ignore[union-attr]


def test_a_run_is_stopped_by_its_name_once_and_only_while_it_runs(people: People) -> None:
    gate = people.gate()
    for receipt in incident():
        gate.fold(receipt)
    assert code(judged(gate, people.sign("tom", "stop", id="deleverage-17"))) == "command.not_allowed"
    stopped = judged(gate, people.sign("rita", "stop", id="deleverage-17", comment="wrong venue"))
    assert stopped.receipts[1] == PlaybookEnded(NOW_NS, "deleverage-17", "stopped", "by rita: wrong venue")
    assert code(judged(gate, people.sign("rita", "stop", id="deleverage-17"))) == "command.run_ended"
    unknown = judged(gate, people.sign("rita", "stop", id="deleverage-18"))
    assert (code(unknown), "deleverage-17" in unknown.refusal.remedy) == ("command.unknown_run", True)  # type: ignore[union-attr]


# operators


def test_a_new_operators_key_is_readable_by_its_owner_alone(people: People) -> None:
    for name in people.signers:
        assert (people.folder / f"{name}.key").stat().st_mode & 0o777 == 0o600


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    signer = new_operator(tmp_path / "ann.key", "ann")
    (tmp_path / "ann.key").chmod(0o640)
    with pytest.raises(CallerError, match=r"mode 0640.*chmod 600.*key\.readable_by_others"):
        FileSigner.load(tmp_path / "ann.key")
    assert signer.name == "ann"


def test_a_key_is_never_written_over_another(people: People) -> None:
    with pytest.raises(CallerError, match=r"key\.exists"):
        new_operator(people.folder / "tom.key", "tom")


@pytest.mark.parametrize("name", ["", "a b", "ann+1", "x" * 41, "../ann", "ann\n", "config"])
def test_a_name_that_cannot_stand_in_a_file_or_a_policy_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(CallerError, match=r"operator\.name"):
        new_operator(tmp_path / "key", name)


def test_the_lines_that_a_new_operator_is_given_are_a_config(people: People) -> None:
    text = config_lines(people.signers["rita"], ("trader", "risk_officer"))
    raw = tomllib.loads(text)["operators"][0]
    read = msgspec.convert(raw, OperatorSettings)
    assert (read.name, read.roles) == ("rita", ("trader", "risk_officer"))
    assert read.verifier.public_key == people.signers["rita"].public_key


def test_a_key_of_another_name_or_no_key_is_refused_with_its_place(people: People) -> None:
    key = people.signers["rita"].verifier_key
    with pytest.raises(CallerError, match=r"operators\.ann: the key is that of 'rita'"):
        OperatorSettings(name="ann", key=key, roles=("trader",))
    with pytest.raises(CallerError, match=r"operators\.rita: the key is not one"):
        OperatorSettings(name="rita", key=key[:-3], roles=("trader",))
    with pytest.raises(CallerError, match=r"operator\.roles"):
        OperatorSettings(name="rita", key=key, roles=())


def test_two_operators_with_one_name_are_refused(people: People) -> None:
    with pytest.raises(CallerError, match=r"operator\.twice"):
        operators_by_name((*people.settings, people.settings[0]))


def test_a_command_is_written_the_same_way_each_time() -> None:
    made = Command(
        command="halt", arguments={"b": "1", "a": "2"}, desk="d", operator="o", time_ns=1, nonce="0" * 32
    )
    assert msgspec.json.encode(made, order="sorted").startswith(
        b'{"arguments":{"a":"2","b":"1"},"command":"halt"'
    )
