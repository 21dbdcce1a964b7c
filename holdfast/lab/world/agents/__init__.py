"""The agents: participants whose dealings make a market of the world's venues.

Rules:

1. An agent sleeps between its own due times: `join` opens its accounts and names the first, each `wake` names the next.
   `Population` is the one participant that the world sees; an agent that sleeps costs nothing.
2. Every draw comes from a generator of the agent's own, named by agent and seed. Agents deal through the exchange as anybody
   does: what one gains another loses, and the venue may liquidate them.
3. A price has two causes: news (the index path and its jumps), and net taking, which moves the index for good in proportion
   (`Discovery`). So a forced sale lowers the price that liquidates the next one.
"""

from holdfast.lab.world.agents.population import Agent, Population, new_agents

__all__ = ["Agent", "Population", "new_agents"]
