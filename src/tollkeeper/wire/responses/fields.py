"""Fields of requests: the names of those that the gateway knows, and the types of items."""

from __future__ import annotations

from tollkeeper.wire.strict_json import names

KNOWN = names(
    "access_programs background client_metadata context_management conversation frequency_penalty image include input"
    " instructions max_output_tokens max_tool_calls metadata model moderation parallel_tool_calls presence_penalty"
    " previous_response_id prompt prompt_cache_key prompt_cache_options prompt_cache_retention reasoning"
    " safety_identifier service_tier store stream stream_options temperature text tool_choice tools top_logprobs top_p"
    " truncation user"
)
STATE = ("previous_response_id", "conversation", "background", "store", "prompt")
"""Fields of a request that use what the upstream has stored, or have it store the response."""
ITEM = names(
    "action arguments call_id container_id content encrypted_content environment id input name namespace output phase"
    " result role status summary tools type"
)
PART = names("annotations detail file_data file_id filename image_url input_audio logprobs refusal text type")
TOOL = names(
    "allowed_callers container defer_loading description environment execution format name output_schema parameters"
    " strict tools type"
)
REASONING = names("context effort generate_summary mode summary")
CONTENT = ("content", "output")
"""Fields of an item that hold parts: of a message, and of the result of a call."""
