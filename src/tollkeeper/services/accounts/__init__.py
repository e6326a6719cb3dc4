"""Users, their keys and sessions, and authentication.

accounts.py     changes to users, and the limits that new ones get
changes/        how changes are saved; changes to keys
directory.py    all users and keys, in memory
end_users.py    the people whom keys act for
acting.py       how keys act for them
keys.py         generation and status of keys, and bounds on their number
pepper.py       the secret key for digests of keys and sessions
bootstrap.py    the bootstrap admin key
credentials.py  credentials of a request: a key, or the cookie of a session
cookies.py      authentication by a session's cookie
sessions.py     sessions of signed-in users
eraser.py       forgetting a person
teams.py        teams of users
managers.py     who manages users: admins, and admins of teams
sign_in.py      signing in, and changing one's own password
external_identities.py  which user a person at an OpenID provider is
passwords.py    password hashing in threads
second_factors.py  codes of authenticator apps, and recovery codes
throttle.py     throttling of repeated attempts
owners.py       accounts as owners of limits
events.py       events of changes to users and keys
"""
