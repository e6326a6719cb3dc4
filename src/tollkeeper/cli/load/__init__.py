"""`tollkeeper load`: send requests to a gateway, in a closed or an open loop, and report what came of them.

command.py       the command: options into a plan, the result into a report
plan.py          what is sent, where to, and how often
generator.py     when each client sends, in a closed or an open loop, and when the load ends
client.py        one client: its connection, opened when needed
connection.py    one connection: a request, then its response
validation.py    validation of responses, and the times of their tokens
measurements.py  counts and durations, collected while the load runs
histogram.py     any number of durations in little memory
result.py        counts and distributions at the end
report.py        the plan and the result, as JSON and text
table.py         the report on a terminal
page.py          the report as an HTML page
chart.py         a distribution as an SVG chart
"""
