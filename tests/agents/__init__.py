"""Coding agents as they come from the registry, each at a task of several tool calls: through the real gateway, as a
user with a budget, before a model that plays a script.

script.py       the script: what the model calls and says, and what it checks
apis.py         how an API of models says that: chat completions, Messages, Responses
model.py        an upstream of a kind, with the model that plays
test_agents.py  the agents
"""
