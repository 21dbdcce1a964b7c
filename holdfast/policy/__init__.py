"""Policy: score, rules, escalation, limits. Here an alert becomes a decision; nothing is sent from here."""
