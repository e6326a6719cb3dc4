"""Models: where they run, their names, and their prices.

catalog.py     every model, and the upstreams that have it
facts.py       cache of facts about a model on an upstream
aliases.py     alternative names of models
pins.py        models that are kept in memory, and names that stand for one digest only
resolver.py    from a client's name for a model to the deployments that may serve it
offers.py      the deployments that may serve a request, each with its price
prices.py      every version of every price
seeds.py       initial prices: from price_list.py, the list of the package genai-prices, and from upstreams' own lists
"""
