"""Executions: how each verb is carried out, as pure functions of the view and of what the outbox knows."""
