"""Events: what happened, and its way to webhooks and mailboxes.

outbox.py      new events, saved in the transaction of what they tell of
messages.py    an event as the message that is sent, and its signatures
webhooks.py    webhooks, as admins manage them
stored.py      webhooks as they are stored, their secrets sealed
post.py        one request to a receiver
mail.py        one e-mail to an SMTP server
letters.py     an event as the text of an e-mail
deliveries.py  the queue: plans, tries, retries, and gives up
"""
