"""The chat template of SmolLM2 with tools, which the template in its file leaves out."""

from __future__ import annotations

CALL = "<tool_call>"
"""What calls of tools begin with, as in `<tool_call>{"name": "f", "arguments": {}}, …</tool_call>`."""

# llama.cpp tries templates with sample conversations, and derives the grammar of calls from what comes out.
CHAT_TEMPLATE = """
{%- if messages[0].role == 'system' %}
{%- set system = messages[0].content %}
{%- else %}
{%- set system = 'You are a helpful AI assistant named SmolLM, trained by Hugging Face' %}
{%- endif %}
{{- '<|im_start|>system\\n' + system }}
{%- if tools %}
{{- '\\n\\nYou can call these functions:' }}
{%- for tool in tools %}
{{- '\\n' + (tool.function | tojson) }}
{%- endfor %}
{{- '\\nTo call one, reply only with: CALL{"name": its name, "arguments": {name: value}}</tool_call>' }}
{%- endif %}
{{- '<|im_end|>\\n' }}
{%- for message in messages %}
{%- if message.role == 'tool' %}
{{- '<|im_start|>user\\nResult of the function: ' + message.content + '<|im_end|>\\n' }}
{%- elif message.role != 'system' or not loop.first %}
{{- '<|im_start|>' + message.role + '\\n' + (message.content or '') }}
{%- if message.tool_calls %}
{{- 'CALL' }}
{%- for call in message.tool_calls %}
{{- ('' if loop.first else ', ') + '{"name": ' + (call.function.name | tojson) }}
{{- ', "arguments": ' + (call.function.arguments | tojson) + '}' }}
{%- endfor %}
{{- '</tool_call>' }}
{%- endif %}
{{- '<|im_end|>\\n' }}
{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
{{- '<|im_start|>assistant\\n' }}
{%- endif %}
""".replace("CALL", CALL)
