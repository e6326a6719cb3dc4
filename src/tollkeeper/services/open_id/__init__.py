"""Signing in by OpenID Connect (OpenID Connect Core 1.0, authorization code flow with PKCE).

open_id.py    a sign-in from its start to the session, signing out, and sessions that a provider ends
pending.py    sign-ins that wait for their browser to come back from the provider
config.py     the settings of a provider
ports.py      what is asked of a provider, and what can go wrong
client.py     a provider over HTTP: discovery, keys, the exchange of a code
tokens.py     the checks of ID tokens and logout tokens
transport.py  requests to providers, bounded in time and size

`client.py` and `tokens.py` import Authlib and joserfc, which take a quarter of a second: `app/sign_in.py` imports them
only where a provider is configured.
"""
