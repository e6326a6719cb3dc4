"""Routes for admins, a file for each noun: its schemas, and its paths under `/admin`.

    users.py        users, and what they use
    bulk.py         changes to many users at once
    identities.py   who users are at OpenID providers
    keys.py         users' keys
    end_users.py    the people whom keys act for
    limits.py       limits of users and of new users, and what remains of them
    limit_templates.py  named sets of limits
    teams.py        teams, their members and what they use; for admins of a team, too
    prices.py       prices of models
    models.py       models of all upstreams, and what admins do with them
    jobs.py         pulls of models, and how far they are
    aliases.py      other names of models
    upstreams.py    upstreams
    adjustments.py  corrections and refunds
    organization.py, organization_results.py   usage and costs in OpenAI's shapes
    live.py         the live stream of a dashboard
    search.py       whatever has a name or an id
    audit.py        the audit log
    alerts.py       alerts that are open, and events
    webhooks.py     webhooks, and what became of what was sent to them

Everyone's records and their totals are beside a user's own, in the folder above.
"""
