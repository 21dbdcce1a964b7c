"""Answering: what a running node says to a person who asked or commanded."""

from holdfast.app.control.command import READS, Refusal
from holdfast.app.control.gate import Verdict
from holdfast.app.control.lines import Answer
from holdfast.app.control.outlook import outlook
from holdfast.app.control.targets import run_named
from holdfast.app.node import Node


def answer_of(node: Node, verdict: Verdict) -> Answer:
    """Return the answer to a judged command: the refusal, what was done, or what is shown."""
    if verdict.refusal is not None:
        return Answer(refusal=verdict.refusal, said=verdict.because)
    command = verdict.command
    if command is None or command.command not in READS:
        return Answer(said=verdict.because)
    picture = node.parts.gate.picture
    answer = Answer(said=verdict.because, picture=picture)
    if command.command == "show":
        run = run_named(command.arguments.get("id", ""), picture)
        if isinstance(run, Refusal):
            return Answer(refusal=run)
        ahead = outlook(run, node.parts.runner.library.get(run.playbook), node.view)
        answer.next_steps, answer.would_send = list(ahead.next_steps), list(ahead.would_send)
    return answer
